"""The text of a message in Slack."""

import json
import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.hints import Severity, advice_for
from interlock_alert_dispatcher.text import text_of

CATALOGUE = json.loads((files("interlock_alert_dispatcher") / "events.json").read_text())
ALERTS = sorted(kind for kind, advice in CATALOGUE.items() if advice["severity"] != "progress")


def alert(alert_type: str = "JOB_FAILED", **fields: object) -> Alert:
    at = datetime(2026, 3, 3, 8, tzinfo=UTC)
    return Alert(**{"id": "a", "type": alert_type, "pipeline_id": "bronze", "at": at, **fields})  # type: ignore[arg-type]


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
        "deadline 2026-03-03T08:00:00Z · status RUNNING · source timer · cron `0 7 * * *`",
        "deadline passed 1m ago",
        "→ call the data team",
    ]


def test_missing_parts_of_an_alert_leave_no_gap() -> None:
    assert text_of(alert("SLA_MET")).splitlines() == ["🟢 *SLA_MET* · bronze", "→ Nothing to do."]


@pytest.mark.parametrize("alert_type", ALERTS)
def test_every_alert_has_a_next_step(alert_type: str) -> None:
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


def test_event_texts_cannot_mention_people_or_add_links() -> None:
    text = text_of(alert(message="<!channel> & <http://x|y>", pipeline_id="<@U1>", hint="<!here>"))
    assert "<" not in text
    assert "&lt;!channel&gt; &amp; &lt;http://x|y&gt;" in text


def test_control_characters_and_lone_surrogates_are_not_sent() -> None:
    text = text_of(alert(message="a\x00b\x1bc\ud800d\ne"))
    assert "a b c d\ne" in text
    text.encode()


def test_a_long_message_is_cut_before_it_is_escaped() -> None:
    line = text_of(alert(message="&" * 5000)).splitlines()[1]
    assert line == "&amp;" * 1999 + "…"
