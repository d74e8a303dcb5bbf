"""The blocks of a message: each part of an alert is there, no text is raw, and Slack's limits hold."""

import html
import json
import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.blocks import head_blocks, reply_blocks
from interlock_alert_dispatcher.deployment import Deployment, command_of
from interlock_alert_dispatcher.foreign import render_within
from interlock_alert_dispatcher.hints import Severity
from interlock_alert_dispatcher.links import links_of
from interlock_alert_dispatcher.plain import plain_text_of
from interlock_alert_dispatcher.state import RunState, advance
from interlock_alert_dispatcher.text import fact_of, head_of
from interlock_alert_dispatcher.topics import chatbot_message

PROD = Deployment("prod", "eu-west-1")
CATALOGUE = json.loads((files("interlock_alert_dispatcher") / "events.json").read_text())
ALERTS = sorted(kind for kind, advice in CATALOGUE.items() if advice["severity"] != "progress")


def event(kind: str, detail: dict[str, Any] | None = None, **top: Any) -> Alert:
    fields = {"id": "a", "pipelineId": "bronze", "date": "2026-03-03", "timestamp": "2026-03-04T07:00:00Z", **top}
    body = {"detail-type": kind, "detail": {**fields, "detail": detail or {}}}
    return read_alert({"body": json.dumps(body)})


def texts(blocks: list[dict[str, Any]]) -> list[str]:
    """The texts of the blocks, each of which Slack limits."""
    found = []
    for block in blocks:
        elements = block["elements"] if block["type"] == "context" else [block["text"]]
        found += [element["text"] for element in elements]
    return found


def test_a_final_failure_states_each_part() -> None:
    detail = {"owner": "data", "error": "exit 3", "runId": "jr_1", "attempts": 3, "category": "TRANSIENT"}
    alert = event("RETRY_EXHAUSTED", detail, attempt=2, message="no retry left (2 of 2 used)", runToken="k2v7")
    assert texts(reply_blocks(alert, PROD)) == [
        "🔴 *RETRY_EXHAUSTED* · bronze · 2026-03-03",
        "owner data · attempt 2 (3 of 3) · category TRANSIENT · job run jr_1 · run token k2v7",
        "no retry left (2 of 2 used)",
        "```exit 3```",
        "withheld: No further attempt starts.",
        "→ No retry is left: fix the cause, then interlock rerun bronze 2026-03-03.",
        "```AWS_REGION=eu-west-1 interlock rerun bronze 2026-03-03 --environment prod```",
        "emitted <!date^1772607600^{date_short_pretty} {time}|2026-03-04 07:00 UTC>",
    ]


def test_a_deadline_is_shown_in_the_pipelines_zone() -> None:
    detail = {"deadlineLocal": "2026-03-04 08:00 CET (Europe/Berlin)", "cron": "0 7 * * *"}
    facts = texts(reply_blocks(event("SLA_BREACH", detail, deadline="2026-03-04T07:00:00Z"), PROD))[1]
    assert facts == (
        "deadline <!date^1772607600^{date_short_pretty} {time}|2026-03-04 07:00 UTC> "
        "(2026-03-04 08:00 CET (Europe/Berlin)) · cron `0 7 * * *`"
    )


def test_a_failure_with_a_retry_states_the_next_attempt() -> None:
    detail = {"attempts": 3, "nextAttemptAt": "2026-03-04T07:00:00Z"}
    facts = texts(reply_blocks(event("JOB_FAILED", detail, attempt=0), PROD))[1]
    assert facts.startswith("attempt 0 (1 of 3) · next attempt <!date^1772607600^")


def test_a_rule_states_observed_needed_and_since() -> None:
    rule = {"key": "landing", "field": "count", "needed": "≥ 10", "observed": "7", "heldSince": "2026-03-03T22:40:00Z"}
    shown = texts(reply_blocks(event("VALIDATION_EXHAUSTED", {"rules": [rule, {"key": "x"}, 7]}), PROD))
    assert "• count of landing is 7, needed ≥ 10, since 2026-03-03T22:40:00Z\n• x is absent" in shown


def test_an_error_in_the_message_is_shown_once() -> None:
    alert = event("JOB_FAILED", {"error": "exit 3"}, message="attempt 0 ended with fail: exit 3")
    assert sum("exit 3" in text for text in texts(reply_blocks(alert, PROD))) == 1


def test_links_lead_to_the_alarm_and_the_log() -> None:
    alarm = texts(reply_blocks(event("INFRA_ALARM", {"alarm": "prod-interlock-watchdog-errors"}), PROD))[-1]
    home = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    assert f"<{home}#alarmsV2:alarm/prod-interlock-watchdog-errors|alarm>" in alarm
    log = texts(reply_blocks(event("INFRA_FAILURE"), PROD))[-1]
    assert "log-group/$252Faws$252Flambda$252Fprod-interlock-orchestrator|log of the orchestrator>" in log


RUN = {"scheduleId": "stream", "runToken": "k2v7"}
JOB = {"jobUrl": "https://x.example/run?a=1&b=2", "logUrl": "https://x.example/log"}
CONSOLE = "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details"


def linked(kind: str, deployment: Deployment, account: object = "123456789012", **detail: str) -> dict[str, str]:
    """The links of a message, by their labels."""
    fields = {"id": "a", "pipelineId": "bronze", "date": "2026-03-03", "timestamp": "2026-03-04T07:00:00Z", **RUN}
    envelope = {"detail-type": kind, "account": account, "detail": {**fields, "detail": detail}}
    foot = texts(reply_blocks(read_alert({"body": json.dumps(envelope)}), deployment))[-1]
    return {label: url for url, label in re.findall(r"<(http[^|]+)\|([^>]+)>", foot)}


def test_links_lead_to_the_page_the_execution_and_the_job() -> None:
    page = "https://interlock.example/run?pipeline={pipeline}&date={date}"
    execution = "arn:aws:states:eu-west-1:123456789012:execution:prod-interlock-pipeline:bronze-stream-2026-03-03-k2v7"
    assert linked("JOB_FAILED", replace(PROD, page=page), **JOB) == {
        "page": "https://interlock.example/run?pipeline=bronze&amp;date=2026-03-03",
        "execution": f"{CONSOLE}/{execution}",
        "job run": "https://x.example/run?a=1&amp;b=2",
        "job log": "https://x.example/log",
    }


@pytest.mark.parametrize("deployment", [Deployment(), Deployment("prod"), Deployment("prod", "us-iso-east-1")])
def test_no_link_is_guessed(deployment: Deployment) -> None:
    assert linked("INFRA_FAILURE", deployment) == {}
    assert linked("INFRA_ALARM", deployment, alarm="x") == {}


@pytest.mark.parametrize("account", [None, 7, "12345678901x", "1234567890123"])
def test_an_account_of_another_form_gives_no_execution(account: object) -> None:
    assert "execution" not in linked("JOB_FAILED", PROD, account)


def test_a_local_stack_has_no_pages_of_the_console() -> None:
    local = Deployment("local", "us-east-1", "http://127.0.0.1:4566", "http://127.0.0.1:8080/run?date={date}")
    assert linked("INFRA_FAILURE", local) == {"page": "http://127.0.0.1:8080/run?date=2026-03-03"}


@pytest.mark.parametrize("address", ["javascript:x", "https://x.example/a|b", "https://x.example/ b", "https://x>y"])
def test_an_address_that_could_end_its_link_is_left_out(address: str) -> None:
    assert linked("JOB_FAILED", Deployment(), jobUrl=address, logUrl=address) == {}
    assert address not in plain_text_of(event("JOB_FAILED", {"jobUrl": address}), Deployment())


def test_links_that_are_too_long_for_slack_are_left_out() -> None:
    long = {"jobUrl": f"https://x.example/{'&' * 800}", "logUrl": "https://x.example/log"}
    assert set(linked("JOB_FAILED", Deployment(), **long)) == {"job log"}


def test_a_breach_names_the_rules_that_hold_the_run() -> None:
    held = [{"rule": "landing count gte 10", "heldSince": "2026-03-03T22:40:00Z"}, {"rule": "x"}, 7, {"heldSince": "y"}]
    alert = event("SLA_BREACH", {"heldBy": held}, message="no success by the deadline 08:00Z")
    shown = texts(reply_blocks(alert, PROD))
    assert "• held by landing count gte 10 since 2026-03-03T22:40:00Z\n• held by x" in shown
    withheld = "withheld: The job was not started. It starts when these rules hold."
    assert withheld in shown
    assert "no success by the deadline 08:00Z; held by landing count gte 10" in fact_of(alert).message
    assert withheld in plain_text_of(alert, PROD).splitlines()
    assert "withheld" not in plain_text_of(event("SLA_BREACH"), PROD)


def test_names_in_the_page_are_quoted() -> None:
    page = Deployment(page="https://x.example/{pipeline}/{date}?p={pipeline}")
    alert = event("X", pipelineId="a/b?{date}", date="2026-03-03T07")
    assert links_of(alert, page)[0].url == "https://x.example/a%2Fb%3F%7Bdate%7D/2026-03-03T07?p=a%2Fb%3F%7Bdate%7D"


def test_plain_texts_have_the_addresses_too() -> None:
    alert = event("JOB_FAILED", JOB)
    assert "job run: https://x.example/run?a=1&b=2\njob log: https://x.example/log" in plain_text_of(alert, PROD)
    shown = chatbot_message(alert, PROD, late=False)["content"]["description"]
    assert "job run: https://x.example/run?a=1&amp;b=2" in shown


RULE = {"key": "landing", "field": "count", "needed": "gte 10", "observed": "7", "heldSince": "2026-03-03T22:40:00Z"}


@pytest.mark.parametrize(
    ("kind", "detail", "shown"),
    [
        ("RETRY_EXHAUSTED", {"error": "ConnectTimeout: <db>"}, "error: ConnectTimeout: <db>"),
        ("RETRY_EXHAUSTED", {}, "withheld: No further attempt starts."),
        (
            "VALIDATION_EXHAUSTED",
            {"rules": [RULE]},
            "- count of landing is 7, needed gte 10, since 2026-03-03T22:40:00Z",
        ),
        ("SLA_BREACH", {"heldBy": [{"rule": "landing count gte 10"}]}, "- held by landing count gte 10"),
        (
            "JOB_FAILED",
            {"attempt": 0, "attempts": 3, "nextAttemptAt": "2026-03-04T03:05:00Z", "runToken": "t-1"},
            "attempt 0 (1 of 3) · next attempt 2026-03-04T03:05:00Z · run token t-1",
        ),
        (
            "SLA_BREACH",
            {"deadline": "2026-03-04T07:00:00Z", "deadlineLocal": "2026-03-04 08:00 CET", "source": "timer"},
            "deadline 2026-03-04T07:00:00Z (2026-03-04 08:00 CET) · source timer",
        ),
    ],
)
def test_mail_and_chat_have_the_parts_of_a_reply(kind: str, detail: dict[str, Any], shown: str) -> None:
    alert = event(kind, detail, message="it ended")
    assert shown in plain_text_of(alert, PROD).splitlines()
    said = chatbot_message(alert, PROD, late=False)["content"]["description"]
    assert shown in html.unescape(said).splitlines()


def test_a_chat_message_has_a_limit() -> None:
    long, rules = "<" * 5000, [{"key": "<" * 400, "observed": 1}] * 99
    alert = event("VALIDATION_EXHAUSTED", {"error": f"{long}x", "rules": rules, "reason": long}, message=long)
    assert 4000 < len(chatbot_message(alert, PROD, late=False)["content"]["description"]) < 8000


@pytest.mark.parametrize(
    ("alert", "hint", "command"),
    [
        (event("X"), "interlock rerun it", "AWS_REGION=eu-west-1 interlock rerun bronze 2026-03-03 --environment prod"),
        (event("X"), "", "AWS_REGION=eu-west-1 interlock status bronze --environment prod"),
        (event("X", date=None), "interlock rerun", "AWS_REGION=eu-west-1 interlock status bronze --environment prod"),
        (event("X", date="$(x)"), "interlock rerun", "AWS_REGION=eu-west-1 interlock status bronze --environment prod"),
        (event("X", pipelineId="a; rm -rf /"), "", ""),
        (event("X", pipelineId="--help"), "", ""),
        (event("X", pipelineId="INFRASTRUCTURE"), "", ""),
    ],
)
def test_a_command_works_as_pasted_or_is_left_out(alert: Alert, hint: str, command: str) -> None:
    assert command_of(alert, hint, PROD) == command


def test_a_command_without_a_known_deployment_is_short() -> None:
    assert command_of(event("X"), "", Deployment()) == "interlock status bronze"


@pytest.mark.parametrize(
    ("environment", "endpoint", "option"),
    [
        ("local", "http://127.0.0.1:4600", " --endpoint-url http://127.0.0.1:4600"),
        ("test", "http://localhost:4566", " --endpoint-url http://localhost:4566"),
        ("local", "http://127.0.0.1:4566", ""),
        ("local", "http://localhost:4566", ""),
        ("prod", "", ""),
        ("prod", "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com", ""),
        ("local", "http://127.0.0.1:4600;id", ""),
    ],
)
def test_command_names_the_endpoint_of_a_local_stack(environment: str, endpoint: str, option: str) -> None:
    deployment = Deployment(environment, "", endpoint)
    assert command_of(event("X"), "", deployment) == f"interlock status bronze --environment {environment}{option}"


NASTY = {
    "fields absent": {},
    "200 KB of text": {
        "message": "&" * 200_000,
        "error": "<" * 200_000,
        "owner": "`" * 200_000,
        "runId": "x" * 200_000,
    },
    "nested": {"message": {"a": [1] * 1000}, "error": [], "attempt": "two", "attempts": -1, "rules": "all"},
    "mentions": {"message": "<!channel> <@U1>", "error": "```<!here>", "owner": "<http://x|y>", "reason": "\u202e"},
    "many rules": {"rules": [{"key": "k" * 999, "observed": "&" * 999, "needed": None}] * 500},
    "odd times": {"deadline": "soon", "nextAttemptAt": "0001-01-01T00:00:00+23:59", "deadlineLocal": "<!date^1^x|y>"},
}


@pytest.mark.parametrize("kind", [*ALERTS, "NEVER_HEARD_OF", "<!channel>" * 50])
@pytest.mark.parametrize("detail", NASTY.values(), ids=NASTY)
def test_every_message_keeps_slacks_limits_and_no_raw_text(kind: str, detail: dict[str, Any]) -> None:
    alert = event(kind, {**detail, "sensorKey": detail.get("message")}, attempt=1)
    state = RunState()
    for number in range(8):
        state = advance(state, fact_of(event(kind, {**detail, "row": f"{number}"}, id=f"{number}"))).state
    for blocks in (reply_blocks(alert, PROD, late=True), head_blocks(alert, state, PROD)):
        shown = texts(blocks)
        assert len(blocks) <= 50
        assert all(0 < len(text) <= 3000 for text in shown)
        assert sum(map(len, shown)) <= 12_000
        own = re.sub(
            r"<!date\^-?\d+\^\{date_short_pretty\} \{time\}\|[-\d]+ \d\d:\d\d UTC>|<https://[^|>]+\|[a-z -]+>",
            "",
            "\n".join(shown),
        )
        assert not re.search(r"[<>\u202e]|&(?!amp;|lt;|gt;)", own)
    assert len(head_of(alert, state)) < 4000


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("&&", 10, "&amp;&amp;"),
        ("&&", 9, "&amp;…"),
        ("&&", 5, "…"),
        ("a\r\nb", 4, "a⏎b"),
        ("", 3, ""),
    ],
)
def test_a_text_is_cut_by_the_characters_that_slack_counts(text: str, most: int, shown: str) -> None:
    assert render_within(text, most) == shown


def test_a_head_has_the_command_of_its_worst_problem() -> None:
    alert = event("RETRY_EXHAUSTED", {"owner": "data"})
    state = advance(RunState(), fact_of(alert)).state
    assert texts(head_blocks(alert, state, PROD))[0] == "🔴 *RETRY_EXHAUSTED* · bronze · 2026-03-03 · data"
    assert "interlock rerun bronze 2026-03-03" in texts(head_blocks(alert, state, PROD))[-1]
    good = Alert(id="b", type="JOB_COMPLETED", pipeline_id="bronze", at=datetime(2026, 3, 4, 8, tzinfo=UTC))
    done = advance(state, fact_of(good)).state
    assert "interlock" not in json.dumps(head_blocks(alert, done, PROD))
    assert fact_of(good).severity is Severity.GOOD
