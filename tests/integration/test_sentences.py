"""Statements of docs/reference-tests.md without another test in this suite: sensors, executions, dry runs."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from integration.conftest import Outside, await_that, pipeline, today_and_tomorrow

from interlock_config import decode_yaml, encode_json
from interlock_lifecycle import Run, RunKey, RunStatus
from interlock_sla import Calendar, parse_execution_date

DATE = "2026-03-03"
AUDIT = "postRun: {driftField: rows, driftThreshold: 5, rules: [{key: audit, check: gte, field: rows, value: 10}]}"


def key(name: str, day: str = DATE) -> RunKey:
    return RunKey(name, "stream", parse_execution_date(day))


def give(outside: Outside, name: str, **how: str) -> None:
    """Push a pipeline and wait until the router has noted it."""
    write(outside, pipeline(outside.folder, name, **how))
    await_that(lambda: outside.store.config(name).noted, "the router's note")


def write(outside: Outside, text: str) -> None:
    outside.store.put_config(decode_yaml(text, "pipeline.yaml"))


def sense(outside: Outside, name: str, sensor: str = "ready", **fields: Any) -> None:
    known: dict[str, Any] = {"date": DATE} if sensor != "ready" else {"date": DATE, "ready": True, "count": 10}
    outside.store.put_sensor(name, sensor, {**known, **fields})


def put_row(outside: Outside, table: str, pk: str, sk: str, **fields: str) -> None:
    item = {"PK": pk, "SK": sk, **fields}
    outside.stack.client("dynamodb").put_item(
        TableName=table, Item={name: {"S": value} for name, value in item.items()}
    )


def report(outside: Outside, name: str, event: str, at: datetime) -> None:
    """An external process writes an outcome."""
    stamp = int(at.timestamp() * 1000)
    put_row(outside, outside.store.names.joblog, f"PIPELINE#{name}", f"JOB#stream#{DATE}#{stamp}", event=event)


def ended(outside: Outside, name: str, attempt: int, day: str = DATE) -> Run:
    def found() -> Run | None:
        run = outside.run(name, day)
        return run if run is not None and run.attempt == attempt and not run.is_running else None

    return await_that(found, f"the end of attempt {attempt} of {name}")


def reported(outside: Outside, name: str, event: str, day: str = DATE) -> int:
    return outside.events(name, day).count(event)


# --- sensors ---------------------------------------------------------------------------------------------------------


def test_sensors_with_other_or_reserved_key_start_no_run(outside: Outside) -> None:
    give(outside, "picky")
    # A file cannot contain such a key, since it is rejected, so the row is written without the command.
    text = encode_json(decode_yaml(pipeline(outside.folder, "own"), "own.yaml"))
    reserved = text.replace('"key":"ready"', '"key":"postrun-baseline"')
    put_row(outside, outside.store.names.control, "PIPELINE#own", "CONFIG", config=reserved)
    sense(outside, "picky", "ready-count", ready=True, count=10)
    sense(outside, "own", f"postrun-baseline#{DATE}", ready=True, count=10)
    outside.stack.drain()
    assert outside.run("picky", DATE) is None
    assert outside.run("own", DATE) is None
    sense(outside, "picky", f"ready#{DATE}", ready=True, count=10)
    ended(outside, "picky", 0)


def test_date_is_that_of_data_or_today_in_zone_of_pipeline(outside: Outside) -> None:
    # A zone with another current day than UTC.
    zone = ZoneInfo("Pacific/Kiritimati" if datetime.now(UTC).hour > 10 else "Pacific/Pago_Pago")
    text = pipeline(outside.folder, "dated").replace("schedule:", f"schedule:\n  timezone: {zone}")
    write(outside, text)
    outside.store.put_sensor("dated", "ready", {"ready": True, "count": 10, "date": "20260304", "hour": "07"})
    ended(outside, "dated", 0, "2026-03-04T07")
    before = f"{datetime.now(zone).date()}"
    outside.store.put_sensor("dated", "ready", {"ready": True, "count": 10})

    def current() -> Run | None:
        # Midnight may pass between the write and the router's look at the clock.
        return outside.run("dated", before) or outside.run("dated", f"{datetime.now(zone).date()}")

    ended(outside, "dated", 0, f"{await_that(current, 'the run of the current day').key.date}")
    assert outside.store.arrived_at(key("dated", "2026-03-04T07")) is not None


def test_watchdog_starts_excluded_date_when_day_is_open(outside: Outside) -> None:
    today = f"{datetime.now(UTC).date()}"
    text = pipeline(outside.folder, "sleeping")
    listed = ", ".join(map(str, today_and_tomorrow()))
    write(outside, text.replace("trigger: {key", f"exclude: {{dates: [{listed}]}}\n  trigger: {{key"))
    await_that(lambda: outside.store.config("sleeping").noted, "the router's note")
    sense(outside, "sleeping", date=today)
    await_that(lambda: reported(outside, "sleeping", "PIPELINE_EXCLUDED", today), "the exclusion")
    outside.stack.invoke("watchdog", {})
    assert outside.run("sleeping", today) is None
    write(outside, text)
    outside.stack.drain()

    def looked() -> Run | None:
        outside.stack.invoke("watchdog", {})
        return outside.run("sleeping", today)

    await_that(looked, "the run")
    ended(outside, "sleeping", 0, today)
    await_that(lambda: reported(outside, "sleeping", "TRIGGER_RECOVERED", today), "the event of the watchdog")


def test_only_rerun_request_restarts_finally_failed_date(outside: Outside) -> None:
    write(outside, pipeline(outside.folder, "over").replace("window: 10m", "window: 2s"))
    sense(outside, "over", count=1)
    assert ended(outside, "over", 0).status is RunStatus.FAILED_FINAL
    sense(outside, "over", count=11)
    outside.stack.drain()
    assert outside.run("over", DATE) == ended(outside, "over", 0)
    outside.interlock("rerun", "over", DATE)
    assert ended(outside, "over", 1).status is RunStatus.COMPLETED
    await_that(lambda: reported(outside, "over", "RERUN_ACCEPTED"), "the answer")
    assert reported(outside, "over", "LATE_DATA_ARRIVAL") == 1
    # An external report on a closed attempt stays a record without effect.
    report(outside, "over", "fail", datetime.now(UTC) + timedelta(seconds=5))
    outside.stack.drain()
    assert ended(outside, "over", 1).status is RunStatus.COMPLETED
    assert reported(outside, "over", "JOB_FAILED") == 0
    assert [entry.event for entry in outside.store.entries(key("over"))][-1] == "fail"


# --- configs and calendars ---------------------------------------------------------------------------------------


def test_unreadable_config_is_reported_and_stops_pipeline(outside: Outside) -> None:
    put_row(outside, outside.store.names.control, "PIPELINE#garbled", "CONFIG", config='{"pipeline": 5}')
    await_that(lambda: [r for r in outside.store.events("garbled") if r["eventType"] == "CONFIG_INVALID"], "the event")
    sense(outside, "garbled")
    outside.stack.drain()
    assert outside.run("garbled", DATE) is None
    give(outside, "garbled")
    sense(outside, "garbled", count=12)
    ended(outside, "garbled", 0)


def test_changed_config_counts_from_next_sensor(outside: Outside) -> None:
    text = pipeline(outside.folder, "changing")
    write(outside, text.replace("field: ready, value: true", "field: state, value: done"))
    sense(outside, "changing")
    outside.stack.drain()
    assert outside.run("changing", DATE) is None
    write(outside, text)
    outside.stack.drain()
    sense(outside, "changing", count=11)
    ended(outside, "changing", 0)


def test_changed_calendar_counts_from_next_sensor(outside: Outside) -> None:
    outside.store.put_calendar(Calendar("shut", dates=frozenset(today_and_tomorrow())))
    text = pipeline(outside.folder, "by-calendar")
    write(outside, text.replace("trigger: {key", "calendar: shut\n  trigger: {key"))
    outside.stack.drain()
    sense(outside, "by-calendar")
    await_that(lambda: reported(outside, "by-calendar", "PIPELINE_EXCLUDED"), "the exclusion")
    assert outside.run("by-calendar", DATE) is None
    outside.store.put_calendar(Calendar("shut", dates=frozenset({date(2020, 1, 1)})))
    outside.stack.drain()
    sense(outside, "by-calendar", count=11)
    ended(outside, "by-calendar", 0)


# --- the execution -----------------------------------------------------------------------------------------------


def test_row_of_period_with_dashes_is_read_first(outside: Outside) -> None:
    give(outside, "periods", rules="{key: volume, check: gte, field: n, value: 10}")
    for sensor, size in (("volume", 1), ("volume#20260303", 2), (f"volume#{DATE}", 10)):
        sense(outside, "periods", sensor, n=size)
    sense(outside, "periods")
    ended(outside, "periods", 0)


def test_a_retry_waits_for_its_delay(outside: Outside) -> None:
    work = 'test "$INTERLOCK_ATTEMPT" = 1'
    give(outside, "patient", work=work, job="maxRetries: 1\n  retryDelay: 4s")
    sense(outside, "patient")
    run = ended(outside, "patient", 1)
    (failed,) = [entry for entry in outside.store.entries(run.key) if entry.event == "fail"]
    assert run.evaluated_at is not None
    assert timedelta(seconds=4) <= run.evaluated_at - failed.at < timedelta(seconds=60)
    await_that(lambda: reported(outside, "patient", "JOB_FAILED"), "its event")


def test_a_failure_of_an_excluded_date_is_not_retried(outside: Outside) -> None:
    text = pipeline(outside.folder, "no-retry", work="exit 1", job="maxRetries: 2")
    write(outside, text.replace("trigger: {key", f"exclude: {{dates: [{DATE}]}}\n  trigger: {{key"))
    sense(outside, "no-retry")
    assert ended(outside, "no-retry", 0).status is RunStatus.FAILED_FINAL
    assert outside.starts("no-retry") == [f"{DATE} 0"]
    await_that(lambda: reported(outside, "no-retry", "PIPELINE_EXCLUDED"), "the reason for no retry")


@pytest.fixture
def target() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A job target that rejects the first request as overloaded, accepts the others, and keeps all of them."""
    taken: list[tuple[str, bytes]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.headers["Idempotency-Key"], body))
            self.send_response(503 if len(taken) == 1 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/start", taken
    server.shutdown()
    server.server_close()
    serving.join()


def test_http_job_gets_date_and_is_retried_with_same_key(
    outside: Outside, target: tuple[str, list[tuple[str, bytes]]]
) -> None:
    url, taken = target
    text = pipeline(outside.folder, "webbed")
    write(outside, f"{text[: text.index('job:')]}job: {{type: http, config: {{url: '{url}', method: POST}}}}")
    outside.store.put_sensor("webbed", "ready", {"ready": True, "count": 10, "date": DATE, "hour": "07"})
    run = ended(outside, "webbed", 0, f"{DATE}T07")
    assert run.status is RunStatus.COMPLETED
    keys, bodies = zip(*taken, strict=True)
    assert len(taken) == 2
    assert len(set(keys)) == 1
    assert [json.loads(body) for body in bodies] == [{"par_day": "20260303", "par_hour": "07"}] * 2
    assert run.job_intent is not None
    assert run.job_intent.key == keys[0]


# --- after a run -------------------------------------------------------------------------------------------------


def test_baseline_is_taken_twice_and_needs_field_for_drift(outside: Outside) -> None:
    more = f"{AUDIT[:-2]}, {{key: checksum, check: exists}}]}}"
    give(outside, "measured", more=more)
    sense(outside, "measured", "audit", rows=0)
    sense(outside, "measured", "checksum", rows=40)
    sense(outside, "measured")
    ended(outside, "measured", 0)
    await_that(lambda: reported(outside, "measured", "POST_RUN_BASELINE_CAPTURED") == 2, "at validation and completion")
    baseline = outside.store.baseline(key("measured"))
    assert {name: fields["rows"] for name, fields in baseline.items()} == {"audit": 0, "checksum": 40}
    sense(outside, "measured", "audit", lines=700)
    await_that(lambda: reported(outside, "measured", "POST_RUN_FAILED"), "the rules instead of a drift")
    assert reported(outside, "measured", "POST_RUN_DRIFT") == 0


def test_too_large_baseline_is_reported_and_run_completes(outside: Outside) -> None:
    give(outside, "bulky", more=AUDIT)
    sense(outside, "bulky", "audit", rows=10, note="x" * 310_000)
    sense(outside, "bulky")
    assert ended(outside, "bulky", 0).status is RunStatus.COMPLETED
    await_that(lambda: reported(outside, "bulky", "BASELINE_CAPTURE_FAILED"), "its event")
    assert reported(outside, "bulky", "POST_RUN_BASELINE_CAPTURED") == 0
    assert outside.store.baseline(key("bulky")) == {}


def test_drift_of_excluded_date_is_reported_without_rerun(outside: Outside) -> None:
    text = pipeline(outside.folder, "kept-shut", more=AUDIT)
    write(outside, text.replace("trigger: {key", f"exclude: {{dates: [{DATE}]}}\n  trigger: {{key"))
    sense(outside, "kept-shut", "audit", rows=100)
    sense(outside, "kept-shut")
    ended(outside, "kept-shut", 0)
    sense(outside, "kept-shut", "audit", rows=0)
    await_that(lambda: reported(outside, "kept-shut", "POST_RUN_DRIFT"), "the drift")
    outside.stack.drain()
    assert outside.starts("kept-shut") == [f"{DATE} 0"]
    assert outside.store.reruns(key("kept-shut")) == []


# --- dry run -----------------------------------------------------------------------------------------------------


def test_dry_run_reports_possible_retries_and_reruns(outside: Outside) -> None:
    more = f"dryRun: true\nsla: {{maxDuration: 10m}}\n{AUDIT}"
    give(outside, "ghost", more=more, job="maxRetries: 1\n  maxManualReruns: 1")
    sense(outside, "ghost", "audit", rows=50)
    sense(outside, "ghost")
    await_that(lambda: reported(outside, "ghost", "DRY_RUN_WOULD_TRIGGER"), "the observation")
    assert outside.store.baseline(key("ghost"))["audit"]["rows"] == 50
    now = datetime.now(UTC)
    report(outside, "ghost", "fail", now)
    await_that(lambda: reported(outside, "ghost", "DRY_RUN_WOULD_RETRY"), "the first failure's retry")
    report(outside, "ghost", "fail", now + timedelta(seconds=1))
    await_that(lambda: reported(outside, "ghost", "DRY_RUN_RETRY_EXHAUSTED"), "the second failure")
    for answer in ("DRY_RUN_WOULD_RERUN", "DRY_RUN_RERUN_REJECTED"):
        outside.store.request_rerun(key("ghost"), reason="manual", note=None, requested_at=datetime.now(UTC))
        await_that(lambda answer=answer: reported(outside, "ghost", answer), answer)  # type: ignore[misc]
    outside.stack.invoke("watchdog", {})
    outside.stack.drain()
    assert outside.run("ghost", DATE) is None
    assert outside.starts("ghost") == []
    assert outside.store.reruns(key("ghost")) == []
    assert outside.stack.schedules("ghost") == []
