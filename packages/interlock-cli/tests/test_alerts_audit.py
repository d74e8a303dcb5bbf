"""interlock alerts audit: each alert has one fate, the counts add up, and nothing is unaccounted in silence."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from interlock_cli import main
from interlock_dlq import SqsRouter, make_letter

EVENTS = "test-interlock-events"
NOW = datetime.now(UTC)
OLD = NOW - timedelta(hours=3)


class Deployed:
    """A deployment with the events table and the queues of alerts."""

    def __init__(self) -> None:
        self.table = boto3.resource("dynamodb", region_name="us-east-1").create_table(
            TableName=EVENTS,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "PK", "AttributeType": "S"},
                {"AttributeName": "SK", "AttributeType": "S"},
                {"AttributeName": "eventType", "AttributeType": "S"},
                {"AttributeName": "timestamp", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "GSI1",
                    "KeySchema": [
                        {"AttributeName": "eventType", "KeyType": "HASH"},
                        {"AttributeName": "timestamp", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.queues = {
            name: self.sqs.create_queue(QueueName=f"test-interlock-{name}")["QueueUrl"]
            for name in ("alerts", "alert-dlq")
        }

    def event(self, identifier: str, kind: str = "SLA_BREACH", at: datetime = OLD, **detail: Any) -> None:
        stamp = round(at.timestamp() * 1000)
        self.put(
            f"{stamp:013d}#{kind}#{identifier}",
            eventType=kind,
            eventId=identifier,
            pipelineId="bronze",
            scheduleId="cron",
            date="2026-03-03",
            timestamp=stamp,
            detail=json.dumps({"detail": detail}),
        )

    def put(self, sk: str, pk: str = "PIPELINE#bronze", **attributes: Any) -> None:
        self.table.put_item(Item={"PK": pk, "SK": sk, **attributes})

    def posted(self, identifier: str, place: str = "") -> None:
        self.put(f"ALERT#{identifier}{place}", threadTs="17.1", messageTs="17.2")

    def plan(self, identifier: str, **places: str) -> None:
        self.put(f"ROUTE#{identifier}", targets=json.dumps(places))

    def message(self, identifier: str) -> str:
        return json.dumps({"detail-type": "SLA_BREACH", "detail": {"id": identifier, "pipelineId": "bronze"}})


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("INTERLOCK_ENVIRONMENT", "test")
    monkeypatch.setattr("interlock_cli._signals._alerts.WAIT_SECONDS", 0)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        made = Deployed()
        clients = {"sqs": made.sqs, "dynamodb": boto3.client("dynamodb", region_name="us-east-1")}
        fake = SimpleNamespace(client=lambda service, **_: clients[service])
        monkeypatch.setattr("interlock_cli._deployment._aws.boto3", fake)
        yield made


def run(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["alerts", "audit", "-o", "json", *words])
    assert result.exit_code == code, result.output
    found = json.loads(result.output)
    assert sum(found["counts"].values()) == found["events"]
    return found


def fates(found: Any) -> dict[str, str]:
    return {one["id"]: one["fate"] for one in found["notPosted"]}


def reasons(found: Any) -> dict[str, str]:
    return {one["id"]: one["reason"] for one in found["notPosted"]}


def test_each_alert_has_one_fate_and_the_counts_add_up(deployed: Deployed) -> None:
    lease = round((datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1000)
    for identifier in ("posted", "silenced", "suppressed", "quiet", "row", "now", "crash", "unsure", "letter", "moved"):
        deployed.event(identifier)
    deployed.posted("posted")
    deployed.put("ALERT#silenced", outcome="silenced", silence="s1")
    deployed.put("ALERT#suppressed", outcome="suppressed")
    deployed.put("ALERT#quiet", outcome="quiet")
    deployed.put("0:1772524862003:row", pk="PENDING_ALERTS", body="{}")
    deployed.put("ALERT#now", leasedBy="x", leaseUntil=lease)
    deployed.put("ALERT#crash", leasedBy="x", leaseUntil=round(OLD.timestamp() * 1000))
    deployed.put("ALERT#unsure", unsure="Slack gave no answer")
    router = SqsRouter(deployed.queues["alert-dlq"], deployed.sqs)
    router.route(
        make_letter({"body": deployed.message("letter")}, ValueError("HTTP 400"), source="PENDING_ALERTS#hook")
    )
    deployed.sqs.send_message(QueueUrl=deployed.queues["alert-dlq"], MessageBody=deployed.message("moved"))
    deployed.event("new", at=datetime.now(UTC))
    deployed.event("before", at=NOW - timedelta(hours=25))
    deployed.event("progress", "RUN_HELD")
    found = run()
    assert fates(found) == {
        "silenced": "silenced",
        "suppressed": "suppressed",
        "quiet": "quiet success",
        "row": "waiting",
        "now": "waiting",
        "new": "waiting",
        "crash": "answer lost",
        "unsure": "answer lost",
        "letter": "dead",
        "moved": "dead",
    }
    assert found["counts"]["posted"] == 1
    assert found["events"] == 11
    assert reasons(found)["silenced"] == "by the silence s1"
    assert run("--since", "26h", code=1)["events"] == 12


@pytest.mark.parametrize("outcome", ["silenced", "suppressed", "quiet", "delivered"])
def test_a_lost_answer_stays_lost_after_its_end(deployed: Deployed, outcome: str) -> None:
    deployed.event("a")
    deployed.put("ALERT#a", outcome=outcome, silence="s1", unsure="the webhook answered 503")
    found = run()
    if outcome == "delivered":
        assert found["counts"]["posted"] == 1
        return
    assert fates(found) == {"a": "answer lost"}
    assert reasons(found)["a"].startswith(
        "it may have been posted: the webhook answered 503. A later delivery ended as "
    )


def test_an_alert_without_a_trace_is_unaccounted(deployed: Deployed) -> None:
    deployed.event("gone")
    found = run(code=1)
    assert fates(found) == {"gone": "unaccounted"}
    assert reasons(found) == {"gone": "it has no row, no dead letter, and does not wait"}


def test_a_queued_message_explains_a_missing_row_for_an_hour(deployed: Deployed) -> None:
    deployed.event("old")
    deployed.event("hour", at=NOW - timedelta(hours=1))
    deployed.sqs.send_message(QueueUrl=deployed.queues["alerts"], MessageBody="{}")
    assert fates(run(code=1)) == {"old": "unaccounted", "hour": "waiting"}


def test_a_corrupted_row_is_no_post(deployed: Deployed) -> None:
    deployed.event("a")
    deployed.put("ALERT#a", threadTs=3, outcome="done", leaseUntil="x")
    assert fates(run(code=1)) == {"a": "unaccounted"}


def test_a_merged_failure_needs_the_event_that_reports_it(deployed: Deployed) -> None:
    deployed.event("a", "JOB_FAILED", followedBy="RETRY_EXHAUSTED")
    assert fates(run(code=1)) == {"a": "unaccounted"}
    deployed.event("b", "RETRY_EXHAUSTED")
    deployed.posted("b")
    assert fates(run()) == {"a": "merged"}
    deployed.event("c", "JOB_FAILED", at=OLD + timedelta(seconds=1), nextAttemptAt="later")
    assert fates(run(code=1))["c"] == "unaccounted"


def test_a_new_merged_failure_waits_for_its_event(deployed: Deployed) -> None:
    deployed.event("a", "JOB_FAILED", at=datetime.now(UTC), followedBy="RETRY_EXHAUSTED")
    assert fates(run()) == {"a": "waiting"}


def test_of_several_targets_the_worst_fate_counts(deployed: Deployed) -> None:
    for identifier in ("both", "one", "silent", "part"):
        deployed.event(identifier)
        deployed.plan(identifier, team="C2", hook="hook")
        deployed.posted(identifier, "#C2")
    deployed.put("ALERT#both#hook", outcome="delivered")
    deployed.put("1:1772524862003:one", pk="PENDING_ALERTS#hook", body="{}")
    deployed.put("TARGET#hook", pk="PENDING_ALERTS")
    deployed.put("ALERT#silent#hook", outcome="silenced", silence="s1")
    found = run(code=1)
    assert fates(found) == {"one": "waiting", "part": "unaccounted"}
    assert reasons(found)["one"] == "hook: it waits as a row until its target takes it"
    assert found["counts"]["posted"] == 2


def test_an_alert_of_a_removed_target_is_found_elsewhere(deployed: Deployed) -> None:
    deployed.event("a")
    deployed.plan("a", hook="hook")
    deployed.posted("a")
    assert run()["counts"]["posted"] == 1
    deployed.plan("a", hook="hook", mail="mail")
    assert fates(run(code=1)) == {"a": "unaccounted"}


@pytest.mark.parametrize("plan", ["?", "[]", '{"a": 1}', "{}"])
def test_an_unreadable_plan_means_the_default_channel(deployed: Deployed, plan: str) -> None:
    deployed.event("a")
    deployed.put("ROUTE#a", targets=plan)
    deployed.posted("a")
    assert run()["counts"]["posted"] == 1


def test_queues_that_cannot_be_read_are_named(deployed: Deployed) -> None:
    deployed.sqs.delete_queue(QueueUrl=deployed.queues["alert-dlq"])
    deployed.event("a")
    found = run(code=1)
    assert found["problem"] == "the alert queue or its dead-letter queue does not exist"
    assert found["problem"] in reasons(found)["a"]


def test_a_part_of_the_dead_letters_is_named(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_cli._signals._alerts.MOST_LETTERS", 2)
    for name in ("a", "b", "c"):
        deployed.sqs.send_message(QueueUrl=deployed.queues["alert-dlq"], MessageBody=deployed.message(name))
    assert run()["problem"] == "alert-dlq has more letters than the 2 that were read"


def test_a_waiting_alert_has_the_reason_of_its_row(deployed: Deployed) -> None:
    deployed.event("a")
    deployed.put("0:1772524862003:a", pk="PENDING_ALERTS", body="{}", reason="SettingsFault: the key is missing")
    found = reasons(run("--since", OLD.isoformat()))
    assert found == {"a": "it waits as a row until its target takes it: SettingsFault: the key is missing"}


def test_the_table_names_each_fate_and_each_alert(deployed: Deployed) -> None:
    deployed.event("a")
    result = CliRunner().invoke(main, ["alerts", "audit", "--since", OLD.isoformat()])
    assert result.exit_code == 1
    assert "1 alert since" in result.output
    assert "1  unaccounted" in result.output
    assert "0  posted" in result.output
    assert "it has no row" in result.output
    assert all(len(line) <= 80 for line in result.output.splitlines()), result.output


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("yesterday", "--since yesterday: must be a date (2026-03-03), a time"),
        ("2026-02-30", "or a length of time before now (30m, 2h, 7d)"),
        ("2999-01-01T00:00:00", "must be in the past"),
        ("2999-01-01T00:00:00Z", "must be in the past"),
        ("-1h", "must be in the past"),
        ("99999999h", "must be a date"),
    ],
)
def test_a_wrong_since_is_an_error(deployed: Deployed, since: str, said: str) -> None:
    result = CliRunner().invoke(main, ["alerts", "audit", f"--since={since}"])
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("2026-03-03", datetime(2026, 3, 3, tzinfo=UTC)),
        ("2026-03-03T07:00", datetime(2026, 3, 3, 7, tzinfo=UTC)),
        ("2026-03-03T07:00+01:00", datetime(2026, 3, 3, 6, tzinfo=UTC)),
    ],
)
def test_the_audit_begins_at_a_date_a_time_or_a_length(deployed: Deployed, since: str, first: datetime) -> None:
    found = datetime.fromisoformat(run("--since", since)["since"])
    assert abs(found - first) < timedelta(minutes=10)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_alerts_that_were_not_posted_are_rows(deployed: Deployed, form: str) -> None:
    deployed.event("gone")
    result = CliRunner().invoke(main, ["alerts", "audit", "-o", form])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    (row,) = csv.DictReader(lines) if form == "csv" else [json.loads(line) for line in lines]
    assert (row["id"], row["type"], row["fate"]) == ("gone", "SLA_BREACH", "unaccounted")
