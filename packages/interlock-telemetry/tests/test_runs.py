"""The bound run: its fields in log lines, its token as correlation id, and the ids of its trace."""

import io
import json
import logging

import pytest

from interlock_telemetry import BoundRun, bind_correlation, bind_run, bound_run, correlation_id, get_logger, traceparent
from interlock_telemetry._logs import JsonFormatter
from interlock_telemetry._traces import place_of

RUN = BoundRun("bronze", "stream", "2026-03-03", "t1", 0)


def test_a_log_line_has_the_fields_of_its_run() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("test"))
    logger = logging.getLogger("test_runs")
    logger.addHandler(handler)
    try:
        with bind_run("bronze", "stream", "2026-03-03", token="t1", attempt=2):
            get_logger("test_runs").warning("held", rule="count", attempt="own")
            with bind_run("silver", "cron", "2026-03-04T07"):
                get_logger("test_runs").warning("other")
        get_logger("test_runs").warning("outside")
    finally:
        logger.removeHandler(handler)
    inner, other, outside = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {"pipeline": "bronze", "schedule": "stream", "date": "2026-03-03", "correlation_id": "t1"}.items() <= (
        inner.items()
    )
    assert (inner["attempt"], inner["rule"]) == ("own", "count")
    assert (other["pipeline"], other["date"], other["correlation_id"]) == ("silver", "2026-03-04T07", "t1")
    assert "attempt" not in other
    assert not {"pipeline", "correlation_id"} & outside.keys()


def test_a_run_without_token_keeps_the_correlation_id() -> None:
    with bind_correlation("event-1"), bind_run("bronze", "stream", "2026-03-03"):
        assert (correlation_id(), bound_run()) == ("event-1", BoundRun("bronze", "stream", "2026-03-03"))
    assert (correlation_id(), bound_run()) == (None, None)


@pytest.mark.parametrize(("schedule", "date"), [(None, "2026-03-03"), ("stream", None), (None, None)])
def test_work_about_no_date_is_about_no_run(schedule: str | None, date: str | None) -> None:
    with bind_run("bronze", "stream", "2026-03-03"), bind_run("bronze", schedule, date):
        assert bound_run() is None


def test_without_endpoint_a_job_gets_no_trace_context() -> None:
    with bind_run("bronze", "stream", "2026-03-03", token="t1"):
        assert traceparent() is None


def test_all_attempts_of_a_date_have_one_trace() -> None:
    first, second = (place_of("prod-", BoundRun("bronze", "stream", "2026-03-03", token)) for token in ("t1", "t2"))
    assert (first.trace_id, first.root_id) == (second.trace_id, second.root_id)
    assert len({first.root_id, first.attempt_id, second.attempt_id}) == 3
    assert place_of("prod-", BoundRun("bronze", "stream", "2026-03-03")).parent_id == first.root_id


@pytest.mark.parametrize(
    ("namespace", "other"),
    [
        ("test-", RUN),
        ("prod-", BoundRun("silver", "stream", "2026-03-03", "t1")),
        ("prod-", BoundRun("bronze", "cron", "2026-03-03", "t1")),
        ("prod-", BoundRun("bronze", "stream", "2026-03-03T00", "t1")),
        ("prod-", BoundRun("bronzes", "tream", "2026-03-03", "t1")),
    ],
)
def test_another_date_has_another_trace(namespace: str, other: BoundRun) -> None:
    mine, found = place_of("prod-", RUN), place_of(namespace, other)
    assert {mine.trace_id, mine.root_id, mine.attempt_id}.isdisjoint({found.trace_id, found.root_id, found.attempt_id})


def test_ids_are_the_same_in_every_process_and_version() -> None:
    # A change of these ids would cut the traces of the dates that are under way.
    assert place_of("prod-interlock-", RUN).traceparent == ("00-4925d4b46c8ac95f01934390d10347b3-58d59d23a9a7b916-01")


def test_text_that_is_not_unicode_has_ids_too() -> None:
    assert place_of("", BoundRun("\ud800", "stream", "2026-03-03")).trace_id > 0
