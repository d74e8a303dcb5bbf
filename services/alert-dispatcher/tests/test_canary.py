"""A canary is recognised by its source and measured once. Slack is asked and gets no message."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_alert_dispatcher import canary as module
from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.canary import OLDEST, Canary, CanaryWatch, read_canary
from interlock_alert_dispatcher.slack import SlackAway, SlackBusy, SlackRefused
from interlock_alert_dispatcher.tokens import TokenUnreadable
from interlock_dlq import MalformedRecord, RetryLater
from interlock_telemetry import InvocationDeadline, Metric

NOW = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
CANARY = Canary("01CANARY", NOW)


class Context:
    """The used part of Lambda's context."""

    def __init__(self, milliseconds: int = 30_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def message(detail: Any, source: Any = "interlock.canary") -> dict[str, Any]:
    envelope = {"source": source, "detail-type": "CANARY", "id": "e-1", "detail": detail}
    return {"messageId": "m-canary", "body": json.dumps(envelope)}


def sent_at(moment: datetime) -> dict[str, Any]:
    return message({"id": "01CANARY", "timestamp": moment.isoformat()})


ALERT = {
    "messageId": "m-alert",
    "body": json.dumps(
        {
            "source": "interlock",
            "detail-type": "SLA_BREACH",
            "detail": {"id": "a", "pipelineId": "bronze", "timestamp": "2026-03-03T08:00:00Z"},
        }
    ),
}


def failures(*messages: dict[str, Any], context: Context | None = None) -> list[str]:
    answer = handler.handle({"Records": list(messages)}, context or Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Metric, float]]:
    found: list[tuple[Metric, float]] = []
    monkeypatch.setattr(module, "measure", lambda metric, value: found.append((metric, value)))
    return found


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines about canaries since the last call."""

    def lines() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return [line for line in found if line["event"].startswith("canary_")]

    return lines


@pytest.fixture
def deployed(dynamodb: Any, slack: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = {
        "EVENTS_TABLE": "test-interlock-events",
        "EVENTS_TTL_DAYS": "90",
        "SLACK_CHANNEL_ID": "C1",
        "SLACK_API_URL": slack.url,
        "SLACK_BOT_TOKEN": "xoxb-plain",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("SLACK_SECRET_ARN", "DLQ_QUEUE_URL", "DLQ_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    return slack


# --- the handler -------------------------------------------------------------------------------------------------


def test_canary_asks_slack_once_and_posts_no_message(
    deployed: Any, measured: list[tuple[Metric, float]], log: Callable[[], list[dict[str, Any]]]
) -> None:
    assert failures(sent_at(datetime.now(UTC) - timedelta(seconds=20))) == []
    assert (deployed.probes, deployed.requests, deployed.posted) == (1, 1, [])
    (line,) = log()
    assert (line["event"], line["slack"], line["correlation_id"]) == ("canary_arrived", True, "01CANARY")
    assert 20 <= line["latency"] < 80
    assert measured == [(Metric.CANARY_LATENCY, line["latency"])]


def test_alerts_of_the_batch_are_posted(deployed: Any, measured: list[tuple[Metric, float]]) -> None:
    assert failures(sent_at(datetime.now(UTC)), ALERT, sent_at(datetime.now(UTC))) == []
    assert len(deployed.replies) == 1
    assert len(measured) == 2


def test_canary_without_slack_is_processed_and_not_kept(
    deployed: Any, measured: list[tuple[Metric, float]], log: Callable[[], list[dict[str, Any]]]
) -> None:
    deployed.away = lambda: True
    assert failures(sent_at(datetime.now(UTC))) == []
    (line,) = log()
    assert line["event"] == "canary_failed"
    assert line["reason"].startswith("SlackAway: Slack failed: HTTP 503")
    assert measured == []
    assert handler.handle({"__ping__": True}, Context())["checks"]["pending"] == "ok: 0 wait"


def test_rejection_of_slack_is_the_reason_of_a_failure(
    deployed: Any, answer: Any, measured: list[tuple[Metric, float]], log: Callable[[], list[dict[str, Any]]]
) -> None:
    deployed.probe_answers = [answer({"ok": False, "error": "token_revoked"})]
    assert failures(sent_at(datetime.now(UTC))) == []
    (line,) = log()
    assert line["event"] == "canary_failed"
    assert "token_revoked" in line["reason"]
    assert measured == []


def test_without_a_token_the_way_ends_at_the_function(
    deployed: Any,
    monkeypatch: pytest.MonkeyPatch,
    measured: list[tuple[Metric, float]],
    log: Callable[[], list[dict[str, Any]]],
) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    assert failures(sent_at(datetime.now(UTC))) == []
    (line,) = log()
    assert (line["event"], line["slack"]) == ("canary_arrived", False)
    assert len(measured) == 1
    assert deployed.requests == 0


def test_old_canary_is_ignored(
    deployed: Any, measured: list[tuple[Metric, float]], log: Callable[[], list[dict[str, Any]]]
) -> None:
    assert failures(sent_at(datetime.now(UTC) - OLDEST - timedelta(seconds=1))) == []
    (line,) = log()
    assert (line["event"], line["oldest"]) == ("canary_ignored", 900)
    assert line["age"] > 900
    assert (deployed.requests, measured) == (0, [])


def test_canary_without_time_left_is_not_delivered_again(
    deployed: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    assert failures(sent_at(datetime.now(UTC)), context=Context(milliseconds=600)) == []
    (line,) = log()
    assert line["event"] == "canary_failed"
    assert deployed.requests == 0


def test_invalid_canary_stays_for_the_redrive_policy(deployed: Any) -> None:
    assert failures(message({"id": "x"}), ALERT) == ["m-canary"]
    assert len(deployed.replies) == 1


# --- the reader --------------------------------------------------------------------------------------------------


def test_canary_is_read_from_its_envelope() -> None:
    assert read_canary(sent_at(NOW)) == CANARY


@pytest.mark.parametrize("source", ["interlock", "interlock.canary2", None, 7])
def test_another_source_is_no_canary(source: Any) -> None:
    assert read_canary(message({"id": "x", "timestamp": "2026-03-03T08:00:00Z"}, source)) is None


@pytest.mark.parametrize("body", ["", "{", "[]", '{"detail": {}}', '"interlock.canary"', "\ud800", None, 7])
def test_body_without_a_source_is_no_canary(body: Any) -> None:
    assert read_canary({"body": body}) is None


@pytest.mark.parametrize(
    "detail",
    [
        None,
        {},
        {"id": "", "timestamp": "2026-03-03T08:00:00Z"},
        {"id": "x", "timestamp": "2026-03-03T08:00:00"},
        {"id": "x", "timestamp": "soon"},
        {"timestamp": "2026-03-03T08:00:00Z"},
    ],
)
def test_invalid_canary_is_rejected(detail: Any) -> None:
    with pytest.raises(MalformedRecord, match="not a canary: "):
        read_canary(message(detail))


# --- the measurement ---------------------------------------------------------------------------------------------


def test_latency_includes_the_answer_of_slack(measured: list[tuple[Metric, float]], clock: Any) -> None:
    def slow(deadline: InvocationDeadline) -> None:
        clock.at += timedelta(seconds=2.5)

    clock.at = NOW + timedelta(seconds=4)
    CanaryWatch(slow, now=clock.now).arrive(CANARY, clock.deadline())
    assert measured == [(Metric.CANARY_LATENCY, 6.5)]


def test_clock_of_the_watchdog_may_be_ahead(measured: list[tuple[Metric, float]], clock: Any) -> None:
    clock.at = NOW - timedelta(seconds=1)
    CanaryWatch(None, now=clock.now).arrive(CANARY, clock.deadline())
    assert measured == [(Metric.CANARY_LATENCY, 0.0)]


@pytest.mark.parametrize(("age", "count"), [(OLDEST, 1), (OLDEST + timedelta(milliseconds=1), 0)])
def test_canary_is_measured_up_to_the_oldest_age(
    measured: list[tuple[Metric, float]], clock: Any, age: timedelta, count: int
) -> None:
    clock.at = NOW + age
    CanaryWatch(None, now=clock.now).arrive(CANARY, clock.deadline())
    assert len(measured) == count


@pytest.mark.parametrize(("left", "waits"), [(timedelta(minutes=1), 5), (timedelta(seconds=3), 3)])
def test_slack_has_five_seconds_or_the_rest(clock: Any, left: timedelta, waits: int) -> None:
    times: list[timedelta] = []
    watch = CanaryWatch(lambda deadline: times.append(deadline.remaining()), now=clock.now)
    watch.arrive(Canary("x", clock.now()), clock.deadline(left))
    (time,) = times
    assert abs(time.total_seconds() - waits) < 0.01


@pytest.mark.parametrize(
    "error",
    [SlackAway("no answer"), SlackBusy(NOW), SlackRefused("invalid_auth"), TokenUnreadable("no"), RetryLater("late")],
)
def test_no_failure_of_slack_delivers_a_canary_again(
    measured: list[tuple[Metric, float]], clock: Any, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(deadline: InvocationDeadline) -> None:
        raise error

    CanaryWatch(failing, now=clock.now).arrive(CANARY, clock.deadline())
    (record,) = [record for record in caplog.records if record.getMessage() == "canary_failed"]
    assert record.__dict__["fields"] == {"reason": f"{type(error).__name__}: {error}"}
    assert measured == []
