"""The second part of a repeated hour that arrives during the job of the first part: the hour runs again afterwards.

Clocks in Berlin show 02:00 at 00:00 UTC and again at 01:00 UTC. The hour ends at 02:00 UTC. All times are UTC.
"""

from typing import Any

import pytest
from dates.test_which_date import HOURLY, Play

from interlock_lifecycle import CloseRun, RunStatus
from interlock_store import Commit, Store

BERLIN = HOURLY.replace("schedule:\n", "schedule:\n  timezone: Europe/Berlin\n").replace(
    "maxRetries: 1", "maxRetries: 1, jobPollWindowSeconds: 10800"
)
HOUR = "10-25T02"
OF_HOUR = {"date": "2026-10-25", "hour": "02"}


def first_part(*plan: tuple[str, int], config: str = BERLIN, count: int = 1500) -> Play:
    play = Play(config, start="10-25 00:10")
    play.stage.jobs.plan = [*plan, ("ok", 10)]
    return play.write("10-25 01:00", "landing", **OF_HOUR, count=count)


def reasons(play: Play) -> list[str]:
    return [rerun.reason for rerun in play.stage.store.reruns(play.key(HOUR))]


@pytest.mark.parametrize("key", ["landing", "landing#2026-10-25T02"])
@pytest.mark.parametrize("stamp", [{}, {"updatedAt": "2026-10-25T02:01:00Z"}])
def test_second_part_during_job_runs_after_job(key: str, stamp: dict[str, str]) -> None:
    play = first_part(("ok", 90)).write("10-25 02:01", key, **OF_HOUR, count=1700, **stamp).until("10-25 02:29")
    assert play.jobs == [HOUR]
    play.until("10-25 04:00")
    assert play.jobs == [HOUR, HOUR]
    assert reasons(play) == ["repeated-hour"]
    assert play.reported("LATE_DATA_ARRIVAL") == []
    assert play.reported("RERUN_REJECTED") == []


def test_correction_within_hour_causes_no_rerun() -> None:
    play = first_part(("ok", 90)).write("10-25 01:50", "landing", **OF_HOUR, count=1700).until("10-25 04:00")
    assert play.jobs == [HOUR]


def test_second_part_seen_by_evaluation_causes_no_rerun() -> None:
    config = BERLIN.replace("window: 1h", "window: 2h")
    play = first_part(("ok", 10), config=config, count=500)
    play.write("10-25 02:01", "landing", **OF_HOUR, count=1700).until("10-25 05:00")
    assert play.jobs == [HOUR]
    assert play.run(HOUR).status is RunStatus.COMPLETED


def test_second_part_seen_by_retry_causes_no_rerun() -> None:
    play = first_part(("fail", 90)).write("10-25 02:01", "landing", **OF_HOUR, count=1700).until("10-25 05:00")
    assert play.jobs == [HOUR, HOUR]
    assert reasons(play) == ["job-fail-retry"]


def test_failed_run_is_not_rerun_for_second_part() -> None:
    play = (
        first_part(("wrong", 90), ("wrong", 10))
        .write("10-25 02:01", "landing", **OF_HOUR, count=1700)
        .until("10-25 05:00")
    )
    assert play.run(HOUR).status is RunStatus.FAILED_FINAL
    assert reasons(play) == ["job-fail-retry"]


def test_second_part_during_close_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    play, commit, did = first_part(("ok", 90)), Store.commit, []

    def racing(self: Store, decision: Any) -> Commit:
        if isinstance(decision, CloseRun) and not did:
            did.append(1)
            play.stage.store.put_sensor("p", "landing", {"complete": True, **OF_HOUR, "count": 1700})
            play.stage._drain()
        return commit(self, decision)

    monkeypatch.setattr(Store, "commit", racing)
    play.until("10-25 05:00")
    assert did
    assert reasons(play) == ["repeated-hour"]


def test_close_that_fails_halfway_causes_one_rerun(monkeypatch: pytest.MonkeyPatch) -> None:
    play, commit, failed = first_part(("ok", 90)), Store.commit, []
    play.write("10-25 02:01", "landing", **OF_HOUR, count=1700)

    def failing(self: Store, decision: Any) -> Commit:
        done = commit(self, decision)
        if isinstance(decision, CloseRun) and not failed:
            failed.append(1)
            raise ConnectionError("the answer is lost")
        return done

    monkeypatch.setattr(Store, "commit", failing)
    assert play.until("10-25 05:00").jobs == [HOUR, HOUR]
    assert reasons(play) == ["repeated-hour"]


def test_waiting_rerun_request_is_rejected_after_second_part() -> None:
    config = BERLIN.replace("maxManualReruns: 5", "maxManualReruns: 0")
    play = first_part(("ok", 90), config=config).write("10-25 02:01", "landing", **OF_HOUR, count=1700)
    play.until("10-25 02:28")
    play.stage.router_is_up = False
    play.rerun("10-25 02:29", HOUR).until("10-25 02:40")
    play.stage.router_is_up = True
    play.until("10-25 05:00")
    assert len(play.reported("RERUN_REJECTED")) == 1
    assert reasons(play) == ["repeated-hour"]
