"""The text of a message in Slack."""

import json
import re
import unicodedata
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.blocks import reply_blocks
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.foreign import render_foreign
from interlock_alert_dispatcher.hints import Severity, advice_for
from interlock_alert_dispatcher.text import date_of, severity_of, text_of

AT = datetime(2026, 3, 3, 8, tzinfo=UTC)
CATALOGUE = json.loads((files("interlock_alert_dispatcher") / "events.json").read_text())
ALERTS = sorted(kind for kind, advice in CATALOGUE.items() if advice["severity"] != "progress")


def alert(alert_type: str = "JOB_FAILED", **fields: object) -> Alert:
    return Alert(**{"id": "a", "type": alert_type, "pipeline_id": "bronze", "at": AT, **fields})  # type: ignore[arg-type]


def test_a_message_ends_with_the_next_step() -> None:
    breach = alert(
        "SLA_BREACH",
        date="2026-03-03",
        deadline="2026-03-03T08:00:00Z",
        status="RUNNING",
        source="timer",
        cron="0 7 * * *",
        message="deadline passed 1m ago",
        hint="call the data team",
    )
    assert text_of(breach).splitlines() == [
        "🔴 *SLA_BREACH* · bronze · 2026-03-03",
        f"deadline {date_of(AT)} · status RUNNING · source timer · cron `0 7 * * *`",
        "deadline passed 1m ago",
        "→ call the data team",
    ]


def test_missing_parts_of_an_alert_leave_no_gap() -> None:
    assert text_of(alert("SLA_MET")).splitlines() == ["🟢 *SLA_MET* · bronze"]


def test_a_success_has_only_a_step_that_its_event_names() -> None:
    assert text_of(alert("SLA_MET", hint="look")).splitlines() == ["🟢 *SLA_MET* · bronze", "→ look"]
    done = json.dumps(reply_blocks(alert("JOB_COMPLETED", date="2026-03-03"), Deployment("prod", "eu-west-1")))
    assert "→" not in done
    assert "interlock" not in done


@pytest.mark.parametrize("alert_type", [one for one in ALERTS if advice_for(one).severity is not Severity.GOOD])
def test_every_other_alert_has_a_next_step(alert_type: str) -> None:
    hint = text_of(alert(alert_type, date="2026-03-03")).splitlines()[-1]
    assert re.fullmatch(r"→ [A-Z].{8,}[.)]", hint), hint
    assert "{" not in hint
    assert "unknown here" not in hint


def test_each_severity_has_its_mark() -> None:
    assert len({severity.mark for severity in Severity}) == len(Severity)


@pytest.mark.parametrize(
    ("alert_type", "severity"),
    [
        ("SLA_BREACH", Severity.CRITICAL),
        ("RELATIVE_SLA_BREACH", Severity.CRITICAL),
        ("RETRY_EXHAUSTED", Severity.CRITICAL),
        ("SCHEDULE_MISSED", Severity.CRITICAL),
        ("WATCHDOG_DEGRADED", Severity.CRITICAL),
        ("SLA_WARNING", Severity.WARNING),
        ("JOB_FAILED", Severity.WARNING),
        ("POST_RUN_DRIFT", Severity.WARNING),
        ("RERUN_ACCEPTED", Severity.NOTICE),
        ("DRY_RUN_RETRY_EXHAUSTED", Severity.NOTICE),
        ("JOB_COMPLETED", Severity.GOOD),
        ("NEVER_HEARD_OF", Severity.WARNING),
    ],
)
def test_severity_follows_the_type(alert_type: str, severity: Severity) -> None:
    assert advice_for(alert_type).severity is severity


def test_a_warning_of_a_critical_pipeline_is_critical() -> None:
    assert text_of(alert("SLA_WARNING", critical=True)).startswith("🔴")
    assert text_of(alert("SLA_WARNING")).startswith("🟠")
    assert text_of(alert("SLA_MET", critical=True)).startswith("🟢")


def test_the_hint_names_the_pipeline_and_the_date() -> None:
    assert "interlock rerun bronze 2026-03-03" in text_of(alert("RETRY_EXHAUSTED", date="2026-03-03"))


def test_an_unknown_type_is_shown_with_commands_to_run() -> None:
    assert "interlock events bronze" in text_of(alert("NEVER_HEARD_OF"))


def test_a_late_message_begins_its_facts_with_its_time() -> None:
    lines = text_of(alert("SLA_MET", status="COMPLETED"), late=True).splitlines()
    assert lines[1] == f"sent late, emitted {date_of(AT)} · status COMPLETED"


def test_the_severity_of_a_critical_pipeline_is_raised() -> None:
    assert severity_of(alert("SLA_WARNING", critical=True)) is Severity.CRITICAL
    assert severity_of(alert("JOB_COMPLETED", critical=True)) is Severity.GOOD


# The fields of an alert in its text. test_blocks.py looks at the other fields.
TEXTS = ["cron", "date", "deadline", "error", "hint", "message", "pipeline_id", "source", "status", "type"]
HOSTILE = {
    "<!channel> <!here> <@U1> <#C1>": "&lt;!channel&gt; &lt;!here&gt; &lt;@U1&gt; &lt;#C1&gt;",
    "<http://x|safe> & co": "&lt;http://x|safe&gt; &amp; co",
    "&lt;!channel&gt;": "&amp;lt;!channel&amp;gt;",
    "a\x00b\x1b[31mc\x7f\x85": "a\\x00b\\x1b[31mc\\x7f\\x85",
    "one\ntwo\r\nthree\rfour\tfive": "one⏎two⏎three⏎four five",
    "a\u2028b\u2029c": "a\\u2028b\\u2029c",
    "exe\u202efdp\u2066x\u200by\ufeff": "exe\\u202efdp\\u2066x\\u200by\\ufeff",
    "tag\U000e0041 lone\ud800": "tag\\U000e0041 lone\\ud800",
    "Zürich – 東京 🔴 ✔️": "Zürich – 東京 🔴 ✔️",
}


@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize(("given", "shown"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_no_field_of_an_event_reaches_slack_raw(field: str, given: str, shown: str) -> None:
    text = text_of(alert(**{"alert_type" if field == "type" else field: given}))
    assert shown in text
    text.encode()
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)
    assert all(unicodedata.category(one) not in {"Cc", "Cf", "Cs"} for one in text if one != "\n")
    assert len(text.splitlines()) <= 4


@pytest.mark.parametrize("field", ["message", "deadline", "status", "source", "cron", "actionHint", "date"])
@pytest.mark.parametrize("inner", [False, True])
def test_no_field_of_a_queue_message_reaches_slack_raw(field: str, inner: bool) -> None:
    fields: dict[str, object] = {field: {"<!channel>": ["\u202e", "\x1b"]}}
    detail = {"pipelineId": "bronze", **({"detail": fields} if inner and field != "date" else fields)}
    envelope = {"id": "a", "time": "2026-03-03T08:00:00Z", "detail-type": "<!here>", "detail": detail}
    text = text_of(read_alert({"body": json.dumps(envelope)}))
    assert "&lt;!channel&gt;" in text
    assert "<" not in text
    assert not {"\u202e", "\x1b"} & set(text)


def test_a_cron_cannot_end_its_code() -> None:
    assert "cron `0 7 ' *bold*`" in text_of(alert(cron="0 7 ` *bold*"))


def test_a_message_of_long_fields_fits_into_slacks_limit() -> None:
    assert (
        len(text_of(alert("&" * 9000, **dict.fromkeys([one for one in TEXTS if one != "type"], "&" * 9000)))) < 40_000
    )


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("<<<<", 3, "&lt;&lt;…"), ("\x1b\x1b", 5, "\\x1b…"), ("", 3, "")],
)
def test_a_text_is_cut_by_its_visible_length(text: str, limit: int, shown: str) -> None:
    assert render_foreign(text, limit) == shown


def test_a_long_message_is_cut_before_it_is_escaped() -> None:
    line = text_of(alert(message="&" * 5000)).splitlines()[1]
    assert line == "&amp;" * 1999 + "…"
