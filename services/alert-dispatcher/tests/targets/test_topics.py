"""Alerts at an SNS topic: text for mail, and the form of a chat application."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from target_parts import TABLE, TICK, Context, Queue, alert, deliver, message, topic_routing, use

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.errors import TargetAway, TargetBusy, TargetRefused
from interlock_alert_dispatcher.plain import plain_text_of, subject_of
from interlock_alert_dispatcher.topics import Topic

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_a_topic_gets_one_message_per_event(table: "DynamoDBClient") -> None:
    topic = Queue("alerts")
    use(table, topic_routing(topic.arn))
    assert deliver(message("a", "SLA_BREACH", message="behind <b>")) == []
    assert deliver(message("a", "SLA_BREACH", message="behind <b>")) == []
    (one,) = topic.messages()
    lines = one["Message"].splitlines()
    assert lines[:2] == ["CRITICAL · SLA_BREACH · bronze · 2026-03-03", "behind <b>"]
    assert {name: value["Value"] for name, value in one["MessageAttributes"].items()} == {
        "severity": "critical",
        "pipeline": "bronze",
        "type": "SLA_BREACH",
    }
    assert (
        one["MessageId"]
        == table.get_item(TableName=TABLE, Key={"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "ALERT#a#mail"}})["Item"][
            "receipt"
        ]["S"]
    )


def test_a_fifo_topic_finds_a_repeated_event(table: "DynamoDBClient") -> None:
    topic = Queue("alerts.fifo")
    use(table, topic_routing(topic.arn))
    deliver(message("a"), message("b c"))
    # The row of the first publish is lost, as after a crash.
    table.delete_item(TableName=TABLE, Key={"PK": {"S": "PIPELINE#bronze"}, "SK": {"S": "ALERT#a#mail"}})
    deliver(message("a"))
    assert len(topic.messages()) == 2


def test_a_missing_topic_lets_the_alert_wait(table: "DynamoDBClient", capsys: pytest.CaptureFixture[str]) -> None:
    use(table, topic_routing("arn:aws:sns:eu-central-1:123456789012:later"))
    assert deliver(message("a")) == []
    assert "NotFound" in capsys.readouterr().err
    assert handler.handle(TICK, Context())["waiting"] == 1
    topic = Queue("later")
    assert handler.handle(TICK, Context()) == {"posted": 1, "waiting": 0, "reason": None}
    assert topic.messages()[0]["Message"].splitlines()[-1].startswith("sent late, emitted 2026-03-03 08:00:00 UTC")


class Answering:
    """A client of SNS that always fails."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def publish(self, **_: Any) -> Any:
        raise self._failure


def client_error(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Publish")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (client_error("Throttled", 429), TargetBusy),
        (client_error("Throttling", 400), TargetBusy),
        (client_error("InternalError", 500), TargetAway),
        (client_error("ServiceUnavailable", 503), TargetAway),
        (EndpointConnectionError(endpoint_url="https://sns"), TargetAway),
        (client_error("AuthorizationError", 403), TargetRefused),
        (client_error("InvalidParameter", 400), TargetRefused),
    ],
)
def test_each_error_of_sns_has_a_meaning(failure: Exception, meaning: type[Exception], clock: Any) -> None:
    topic = Topic(Answering(failure), "arn:aws:sns:eu-central-1:1:t", Deployment(), chatbot=False, now=clock.now)
    with pytest.raises(meaning) as caught:
        topic.send(alert(), clock.deadline(), late=False)
    assert type(caught.value) is meaning


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({}, "WARNING: JOB_FAILED bronze 2026-03-03"),
        ({"pipelineId": "é\nx"}, "WARNING: JOB_FAILED ??x 2026-03-03"),
        ({"pipelineId": "x" * 200}, f"WARNING: JOB_FAILED {'x' * 77}..."),
    ],
)
def test_a_subject_is_short_and_ascii(fields: dict[str, str], subject: str) -> None:
    assert subject_of(alert(**fields)) == subject
    assert len(subject) <= 100


def test_the_plain_text_has_no_line_of_an_event() -> None:
    text = plain_text_of(
        alert("a", "RETRY_EXHAUSTED", message="one\ntwo", error="boom\x1b[0m", attempt=1, owner="data"),
        Deployment("prod", "eu-central-1"),
        late=True,
    )
    lines = text.splitlines()
    assert lines[:4] == [
        "CRITICAL · RETRY_EXHAUSTED · bronze · 2026-03-03",
        "owner data · attempt 1",
        "one⏎two",
        "error: boom\\x1b[0m",
    ]
    assert "AWS_REGION=eu-central-1 interlock rerun bronze 2026-03-03 --environment prod" in lines
    assert lines[-1] == "sent late, emitted 2026-03-03 08:00:00 UTC, event a"


def test_a_chat_application_gets_its_own_form(table: "DynamoDBClient") -> None:
    topic = Queue("alerts")
    use(table, topic_routing(topic.arn, "chatbot"))
    deliver(message("a", message="<!here>"), message("b"), message("c", date="2026-03-04"))
    found = {one["id"]: one for one in (json.loads(each["Message"]) for each in topic.messages())}
    first = found["a"]
    assert (first["version"], first["source"], first["content"]["textType"]) == ("1.0", "custom", "client-markdown")
    assert first["content"]["title"] == "🟠 JOB_FAILED · bronze · 2026-03-03"
    assert first["content"]["description"].splitlines()[0] == "&lt;!here&gt;"
    threads = {name: one["metadata"]["threadId"] for name, one in found.items()}
    assert threads["a"] == threads["b"] != threads["c"]
