"""Slack is really away for a while: the local stack keeps each alert and posts it once after Slack's return."""

import time

from integration.conftest import Outside, await_that, pipeline

DATES = [f"2026-03-{day:02}" for day in range(1, 6)]


def test_alerts_of_an_outage_are_posted_after_it(outside: Outside) -> None:
    slack = outside.stack.slack
    assert slack is not None
    outside.push("away", pipeline(outside.folder, "away", work="exit 3"))
    slack.stop()
    try:
        for date in DATES:
            outside.store.put_sensor("away", f"ready#{date}", {"ready": True, "count": 10, "date": date})
        for date in DATES:
            outside.closed("away", date)
            await_that(lambda date=date: "RETRY_EXHAUSTED" in outside.events("away", date), "the event")
        await_that(lambda: outside.store.pending_alerts() >= len(DATES), "the pending alerts")
    finally:
        slack.start()
    begin = time.monotonic()

    def posted() -> list[str]:
        replies = [message for message in outside.stack.slack_messages() if "thread_ts" in message]
        return [message["text"] for message in replies if "· away ·" in message["text"]]

    await_that(posted, "the first alert after the outage")
    first = time.monotonic() - begin
    await_that(lambda: len(posted()) >= len(DATES), "all alerts")
    print(f"\nfirst alert {first:.1f} s after Slack's return, all {len(DATES)} after {time.monotonic() - begin:.1f} s")
    await_that(lambda: outside.store.pending_alerts() == 0, "no pending alert")
    # The JOB_FAILED of a final failure is part of its RETRY_EXHAUSTED.
    titles = [text.splitlines()[0] for text in posted()]
    assert sorted(titles) == [f"🔴 *RETRY_EXHAUSTED* · away · {date}" for date in DATES]
