"""The whole Lambda: queue messages become Slack messages and a partial batch response."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from interlock_alert_dispatcher import handler
from interlock_telemetry import InvalidEnvironment, MissingEnvironment, zone_database

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "test-interlock-events"
SECRET = "xoxb-very-secret"


class Context:
    """The used part of Lambda's context."""

    def __init__(self, milliseconds: int = 30_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def message(identifier: str, body: str | None = None) -> dict[str, Any]:
    detail = {
        "id": identifier,
        "pipelineId": "bronze",
        "scheduleId": "stream",
        "date": "2026-03-03",
        "timestamp": "2026-03-03T08:00:00Z",
        "message": f"message {identifier}",
    }
    envelope = {"detail-type": "JOB_FAILED", "source": "interlock", "id": f"e-{identifier}", "detail": detail}
    return {"messageId": f"m-{identifier}", "body": json.dumps(envelope) if body is None else body}


def batch(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(messages)}


def failures(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture(autouse=True)
def lambda_environment(dynamodb: "DynamoDBClient", slack: Any, monkeypatch: pytest.MonkeyPatch) -> "DynamoDBClient":
    variables = {
        "EVENTS_TABLE": TABLE,
        "EVENTS_TTL_DAYS": "90",
        "SLACK_CHANNEL_ID": "C1",
        "SLACK_API_URL": slack.url,
        "SLACK_BOT_TOKEN": "xoxb-plain",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("SLACK_SECRET_ARN", "DLQ_QUEUE_URL", "DLQ_BUCKET", "PROFILE_BUCKET", "ALERT_QUIET"):
        monkeypatch.delenv(name, raising=False)
    return dynamodb


def test_a_batch_becomes_messages_in_one_thread(slack: Any) -> None:
    answer = handler.handle(batch(message("a"), message("b")), Context())
    assert failures(answer) == []
    assert [text.splitlines()[:2] for text in slack.texts] == [
        ["🟠 *JOB_FAILED* · bronze · 2026-03-03", "message a"],
        ["🟠 *JOB_FAILED* · bronze · 2026-03-03", "message b"],
    ]
    assert [message["thread_ts"] for message in slack.replies] == slack.opened * 2


TICK = {"probe": True}


def test_alerts_that_slack_did_not_take_leave_the_queue(slack: Any, answer: Any) -> None:
    slack.answers = [None, None, answer("", status=503)]
    assert failures(handler.handle(batch(message("a"), message("b"), message("c")), Context())) == []
    assert handler.handle({"__ping__": True}, Context())["checks"]["pending"] == "ok: 2 wait"
    assert handler.handle(TICK, Context()) == {"posted": 2, "waiting": 0, "reason": None}
    assert [text.splitlines()[-2] for text in slack.texts] == ["message a", "message b", "message c"]


def test_an_alert_that_no_table_took_is_delivered_again(slack: Any, lambda_environment: "DynamoDBClient") -> None:
    lambda_environment.delete_table(TableName=TABLE)
    assert failures(handler.handle(batch(message("a")), Context())) == ["m-a"]


def test_the_tick_of_a_schedule_is_answered_without_alerts(slack: Any) -> None:
    assert handler.handle({"detail-type": "Scheduled Event"}, Context()) == {
        "posted": 0,
        "waiting": 0,
        "reason": None,
    }
    assert slack.posted == []


def test_the_log_has_the_number_of_pending_alerts(slack: Any, capsys: pytest.CaptureFixture[str]) -> None:
    slack.away = lambda: True
    handler.handle(batch(message("a"), message("b")), Context())
    handler.handle(TICK, Context())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (counted,) = (line for line in lines if line["event"] == "alerts_pending")
    assert (counted["posted"], counted["waiting"]) == (0, 2)


def test_a_log_line_names_the_run_of_its_alert(slack: Any, capsys: pytest.CaptureFixture[str]) -> None:
    envelope = json.loads(message("a")["body"])
    envelope["detail"] |= {"attempt": 2, "runToken": "01TOKEN"}
    handler.handle(batch(message("a", json.dumps(envelope))), Context())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (posted,) = (line for line in lines if line["event"] == "alert_posted")
    named = {name: posted[name] for name in ("pipeline", "schedule", "date", "attempt", "correlation_id")}
    assert named == {
        "pipeline": "bronze",
        "schedule": "stream",
        "date": "2026-03-03",
        "attempt": 2,
        "correlation_id": "01TOKEN",
    }


def test_an_invalid_message_stays_for_the_redrive_policy(slack: Any) -> None:
    assert failures(handler.handle(batch(message("x", "{"), message("a")), Context())) == ["m-x"]
    assert len(slack.replies) == 1


def test_an_invalid_message_goes_to_the_dead_letter_queue(slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="alert-dlq")["QueueUrl"]
    monkeypatch.setenv("DLQ_QUEUE_URL", url)
    broken = message("x", "{")
    assert failures(handler.handle(batch(broken, message("a")), Context())) == []
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(letter["Body"])["payload"] == broken


def test_a_letter_that_is_too_large_is_kept_in_the_bucket(slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    url = sqs.create_queue(QueueName="alert-dlq", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    s3.create_bucket(Bucket="letters", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    monkeypatch.setenv("DLQ_QUEUE_URL", url)
    monkeypatch.setenv("DLQ_BUCKET", "letters")
    broken = message("x", "{" + "x" * 2000)
    assert failures(handler.handle(batch(broken), Context())) == []
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    place = json.loads(letter["Body"])["storedAt"].removeprefix("s3://letters/")
    assert json.loads(s3.get_object(Bucket="letters", Key=place)["Body"].read())["payload"] == broken


def test_messages_without_time_left_become_pending(slack: Any) -> None:
    """A message needs 2 seconds. The rest is enough for its row."""
    answer = handler.handle(batch(message("a"), message("b")), Context(milliseconds=2400))
    assert failures(answer) == []
    assert slack.requests == 0
    assert handler.handle(TICK, Context())["posted"] == 2


def test_the_secret_takes_precedence_over_the_plain_token(slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = boto3.client("secretsmanager").create_secret(Name="slack", SecretString=SECRET)["ARN"]
    monkeypatch.setenv("SLACK_SECRET_ARN", arn)
    handler.handle(batch(message("a")), Context())
    assert set(slack.tokens) == {SECRET}


def test_an_unreadable_secret_keeps_alerts_as_rows(slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none")
    assert failures(handler.handle(batch(message("a")), Context())) == []
    assert slack.requests == 0
    arn = boto3.client("secretsmanager").create_secret(Name="slack", SecretString=SECRET)["ARN"]
    monkeypatch.setenv("SLACK_SECRET_ARN", arn)
    handler.handle.reset()
    assert handler.handle(TICK, Context())["posted"] == 1


def test_without_a_token_alerts_are_logged(
    slack: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    assert failures(handler.handle(batch(message("a")), Context())) == []
    assert slack.requests == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (logged,) = (line for line in lines if line["event"] == "alert")
    assert "*JOB_FAILED* · bronze" in logged["text"]
    assert logged["correlation_id"] == "a"


@pytest.mark.parametrize("said", [{"ok": False, "error": "invalid_auth"}, {"ok": False, "error": "fatal_error"}, "no"])
def test_no_token_is_ever_logged(
    slack: Any, answer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: Any
) -> None:
    arn = boto3.client("secretsmanager").create_secret(Name="slack", SecretString=SECRET)["ARN"]
    monkeypatch.setenv("SLACK_SECRET_ARN", arn)
    slack.answers = [answer(said), answer(said), answer("", hang_up=True)]
    handler.handle(batch(message("a"), message("b"), message("c")), Context())
    output = capsys.readouterr()
    assert "alert_pending" in output.err
    assert "xoxb" not in output.err + output.out


def test_all_missing_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_CHANNEL_ID", "EVENTS_TABLE", "EVENTS_TTL_DAYS"):
        monkeypatch.delenv(name)
    with pytest.raises(MissingEnvironment) as caught:
        handler.handle(batch(), Context())
    assert caught.value.missing == ("SLACK_CHANNEL_ID", "EVENTS_TABLE", "EVENTS_TTL_DAYS")


def test_an_invalid_variable_is_reported_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CB_TRIP_AFTER", "often")
    with pytest.raises(InvalidEnvironment, match="CB_TRIP_AFTER is 'often', must be a whole number from 1 to 1000000"):
        handler.handle(batch(), Context())


def test_a_ping_checks_table_and_token_without_a_post(slack: Any, lambda_environment: "DynamoDBClient") -> None:
    answer = handler.handle({"__ping__": True}, Context())
    assert (answer["status"], answer["checks"]) == (
        "healthy",
        {"events": "ok", "pending": "ok: 0 wait", "zones": f"ok: {zone_database()}", "targets": "ok", "slack": "ok"},
    )
    assert slack.posted == []
    assert (slack.probes, slack.looks) == (1, ["conversations.info", "conversations.history"])
    lambda_environment.delete_table(TableName=TABLE)
    answer = handler.handle({"__ping__": True}, Context())
    assert answer["status"] == "degraded"
    assert answer["checks"]["slack"] == "ok"


NO_SCOPE = {"ok": False, "error": "missing_scope", "needed": "channels:history", "provided": "chat:write"}
FAULTS = {
    "token": ([{"ok": False, "error": "token_revoked"}], [], "token_revoked"),
    "wrong channel": ([], [{"ok": False, "error": "channel_not_found"}], "channel_not_found"),
    "archived": ([], [{"ok": True, "channel": {"is_archived": True}}], "is_archived"),
    "no member": ([], [{"ok": True, "channel": {"is_member": False}}], "not_in_channel"),
    "no history": ([], [{"ok": True, "channel": {}}, NO_SCOPE], "missing_scope, the token lacks channels:history"),
    "no info, no history": (
        [],
        [{"ok": False, "error": "missing_scope"}, NO_SCOPE],
        "the token lacks channels:history",
    ),
}


@pytest.mark.parametrize(("probes", "looks", "named"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_slacks_settings_is_named_by_ping_and_tick(
    slack: Any, answer: Any, capsys: pytest.CaptureFixture[str], probes: list[Any], looks: list[Any], named: str
) -> None:
    slack.probe_answers = [answer(one) for one in probes * 2]
    slack.look_answers = [answer(one) for one in looks * 2]
    checks = handler.handle({"__ping__": True}, Context())["checks"]
    assert checks["slack"].startswith("error: SlackRefused")
    assert named in checks["slack"]
    handler.handle(TICK, Context())
    (line,) = [line for line in capsys.readouterr().err.splitlines() if '"slack_unusable"' in line]
    assert named in json.loads(line)["reason"]
    assert slack.posted == []


def test_a_token_without_the_scope_for_info_is_healthy(slack: Any, answer: Any) -> None:
    slack.look_answers = [answer({"ok": False, "error": "missing_scope", "needed": "channels:read"})]
    assert handler.handle({"__ping__": True}, Context())["checks"]["slack"] == "ok"


def test_the_settings_are_checked_once_in_five_minutes(slack: Any) -> None:
    for _ in range(3):
        handler.handle(TICK, Context())
    assert slack.probes == 1


def test_slack_away_is_no_fault_of_the_settings(slack: Any, capsys: pytest.CaptureFixture[str]) -> None:
    slack.away = lambda: True
    handler.handle(TICK, Context())
    output = capsys.readouterr().err
    assert '"slack_not_checked"' in output
    assert '"slack_unusable"' not in output


@pytest.mark.parametrize(("value", "heads"), [(None, 0), ("true", 0), ("false", 1)])
def test_successes_are_quiet_unless_the_variable_is_false(
    slack: Any, monkeypatch: pytest.MonkeyPatch, value: str | None, heads: int
) -> None:
    if value is not None:
        monkeypatch.setenv("ALERT_QUIET", value)
    success = message("a")
    success["body"] = success["body"].replace("JOB_FAILED", "JOB_COMPLETED")
    assert failures(handler.handle(batch(success), Context())) == []
    assert len(slack.heads) == heads


def test_a_command_names_deployment_and_region(slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    handler.handle(batch(message("a")), Context())
    shown = json.dumps(slack.heads[0]["blocks"])
    assert "AWS_REGION=eu-west-1 interlock status bronze --environment test" in shown


def test_a_ping_reports_an_unreadable_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none")
    assert handler.handle({"__ping__": True}, Context())["checks"]["slack"].startswith("error: TokenUnreadable")


def test_a_profile_covers_a_real_batch(slack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("s3").create_bucket(
        Bucket="profiles", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    monkeypatch.setenv("PROFILE_BUCKET", "profiles")
    answer = handler.handle({"__profile__": batch(message("a"))}, Context())
    assert answer["answer"] == {"batchItemFailures": []}
    assert answer["key"].startswith("profiles/alert-dispatcher/")
    assert len(slack.replies) == 1
