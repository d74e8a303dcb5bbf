"""Events: their ids sort as they were caused, stay the same when decided twice, and no text in them is endless."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import (
    JobOutcome,
    MarkStarted,
    OpenAttempt,
    PassEvaluation,
    RequestRerun,
    Run,
    RunKey,
    RunStatus,
    Sensor,
    Verdict,
)
from interlock_lifecycle.events import Event, EventType, make_event, make_event_id
from interlock_lifecycle.reruns import RerunFacts, RerunRequest, decide_rerun
from interlock_lifecycle.runs import (
    CloseFacts,
    EvaluationFacts,
    EvaluationWindow,
    decide_completion,
    decide_evaluation,
    decide_started,
)
from interlock_lifecycle.sensors import SensorFacts, decide_sensor
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Exclusions

NOW = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
KEYS = [f"pipeline-{number}" for number in range(50)]
"""Enough for the digests to come in any order."""


def test_an_id_is_a_ulid_of_its_moment() -> None:
    from_ulid = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    made = make_event_id(NOW, "sensor landing")
    assert len(made) == 26
    number = 0
    for letter in made:
        number = number * 32 + from_ulid.index(letter)
    assert number < 2**128
    assert number >> 80 == NOW.timestamp() * 1000


def test_a_decision_taken_twice_names_its_events_the_same(key: RunKey) -> None:
    first, again = (make_event(EventType.SLA_MET, key, NOW, source="timer x", message="m") for _ in range(2))
    assert first.id == again.id


@pytest.mark.parametrize("name", KEYS)
def test_ids_sort_by_time_then_cause_then_place(name: str) -> None:
    earlier = NOW - timedelta(milliseconds=1)
    reported = [
        make_event_id(earlier, f"complete {name}", 255),
        make_event_id(NOW, f"sensor {name}", 0),
        make_event_id(NOW, f"sensor {name}", 1),
        make_event_id(NOW, f"rerun {name}", 0),
        make_event_id(NOW, f"started {name}", 0),
        make_event_id(NOW, f"evaluate {name}", 255),
        make_event_id(NOW, f"job {name}", 0),
        make_event_id(NOW, f"complete {name}", 0),
        make_event_id(NOW, f"post-run {name}", 0),
        make_event_id(NOW, f"timer {name}", 0),
        make_event_id(NOW, f"something new {name}", 0),
    ]
    assert reported == sorted(reported)


def test_a_decision_of_more_events_than_ids_order_is_rejected() -> None:
    with pytest.raises(ValueError, match="256"):
        make_event_id(NOW, "sensor x", 256)


@pytest.mark.parametrize("name", KEYS)
def test_what_a_sensor_causes_within_its_second_sorts_behind_it(config: PipelineConfig, run: Run, name: str) -> None:
    """The record, the rerun that it asks for, its start, its pass and its end, all at one instant."""
    key = replace(run.key, pipeline_id=name)
    config = replace(config, pipeline=replace(config.pipeline, id=name), job=replace(config.job, max_drift_reruns=1))
    done = replace(run, key=key, status=RunStatus.COMPLETED, evaluated_at=NOW - timedelta(hours=1))
    fields = {"complete": True, "count": 120, "date": "2026-03-03", "hour": "11"}
    sensor = Sensor(name, "landing", fields, NOW)
    late = decide_sensor(sensor, config, SensorFacts(done, True, Exclusions()), execution_timeout=TIMEOUT)
    assert isinstance(late, RequestRerun)
    request = RerunRequest(key, "late-data", NOW.isoformat(), NOW)
    granted = decide_rerun(request, RerunFacts(done, Exclusions(), [], [], NOW), config, execution_timeout=TIMEOUT)
    assert isinstance(granted, OpenAttempt)
    started = decide_started(granted.after, granted.after.run_token, now=NOW, execution_timeout=TIMEOUT)
    assert isinstance(started, MarkStarted)
    reported = [*late.events, *granted.events, *started.events, *_rest(config, granted.after, fields)]
    assert [str(event.type) for event in reported] == [
        "LATE_DATA_ARRIVAL",
        "RERUN_ACCEPTED",
        "JOB_TRIGGERED",
        "VALIDATION_PASSED",
        "JOB_COMPLETED",
        "SLA_MET",
    ]
    assert sorted(reported, key=lambda event: event.id) == reported


def _rest(config: PipelineConfig, run: Run, fields: dict[str, object]) -> list[Event]:
    sla = SlaFacts(NOW, Verdict(run.key))
    window = EvaluationWindow(NOW, timedelta(minutes=10), timedelta(minutes=1))
    facts = EvaluationFacts(run, config, "", {"landing": fields}, sla)
    passed = decide_evaluation(facts, run.run_token, window, NOW)
    assert isinstance(passed, PassEvaluation)
    closing = CloseFacts(run, config, 0, Exclusions(), sla)
    closed = decide_completion(closing, run.run_token, JobOutcome("success"), now=NOW, execution_timeout=TIMEOUT)
    return [*passed.events, *closed.events]  # type: ignore[union-attr]


@pytest.mark.parametrize("is_excluded", [True, False])
def test_two_writes_of_a_sensor_within_a_second_are_two_events(
    config: PipelineConfig, run: Run, is_excluded: bool
) -> None:
    done = replace(run, status=RunStatus.COMPLETED, evaluated_at=NOW - timedelta(hours=1))
    days = Exclusions(dates=frozenset({NOW.date()})) if is_excluded else Exclusions()

    def report(count: int) -> str:
        fields = {"complete": True, "count": count, "date": "2026-03-03", "hour": "11"}
        facts = SensorFacts(done, True, days)
        decision = decide_sensor(
            Sensor("bronze-orders", "landing", fields, NOW), config, facts, execution_timeout=TIMEOUT
        )
        assert isinstance(decision, RequestRerun)
        return decision.events[0].id

    assert report(150) != report(200)
    assert report(150) == report(150)


@pytest.mark.parametrize("length", [4000, 4001, 300_000])
def test_long_texts_are_cut_wherever_they_stand(key: RunKey, length: int) -> None:
    text = "x" * length
    event = make_event(
        EventType.JOB_FAILED,
        key,
        NOW,
        source="complete t",
        message=text,
        detail={"error": text, "many": [text], "inner": {"note": text}, "attempt": 3},
    )
    assert event.detail is not None
    reported = [event.message, event.detail["error"], event.detail["many"][0], event.detail["inner"]["note"]]
    expected = text if length == 4000 else "x" * 4000 + f"… (cut; {length} characters)"
    assert reported == [expected] * 4
    assert event.detail["attempt"] == 3
