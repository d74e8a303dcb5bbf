"""What people read in Slack."""

import re
from datetime import UTC, datetime

import pytest

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.hints import KNOWN_TYPES, Severity, advice_for
from interlock_alert_dispatcher.text import text_of

# docs/reference/events.md §2: everything but plain progress, and the reserved old name.
ALERT_WORTHY = [
    "LATE_DATA_ARRIVAL",
    "RERUN_ACCEPTED",
    "RERUN_REJECTED",
    "PIPELINE_EXCLUDED",
    "POST_RUN_DRIFT",
    "POST_RUN_DRIFT_INFLIGHT",
    "POST_RUN_FAILED",
    "CONFIG_INVALID",
    "DRY_RUN_WOULD_TRIGGER",
    "DRY_RUN_LATE_DATA",
    "DRY_RUN_SLA_PROJECTION",
    "DRY_RUN_DRIFT",
    "DRY_RUN_COMPLETED",
    "DRY_RUN_WOULD_RERUN",
    "DRY_RUN_RERUN_REJECTED",
    "DRY_RUN_WOULD_RETRY",
    "DRY_RUN_RETRY_EXHAUSTED",
    "VALIDATION_EXHAUSTED",
    "JOB_COMPLETED",
    "JOB_FAILED",
    "RETRY_EXHAUSTED",
    "JOB_POLL_EXHAUSTED",
    "INFRA_FAILURE",
    "BASELINE_CAPTURE_FAILED",
    "SLA_WARNING",
    "SLA_BREACH",
    "SLA_MET",
    "RELATIVE_SLA_WARNING",
    "RELATIVE_SLA_BREACH",
    "SFN_TIMEOUT",
    "SCHEDULE_MISSED",
    "IRREGULAR_SCHEDULE_MISSED",
    "TRIGGER_RECOVERED",
    "SENSOR_DEADLINE_EXPIRED",
    "POST_RUN_SENSOR_MISSING",
    "WATCHDOG_DEGRADED",
    "INFRA_ALARM",
]


def alert(alert_type: str = "JOB_FAILED", **fields: object) -> Alert:
    at = datetime(2026, 3, 3, 8, tzinfo=UTC)
    return Alert(**{"id": "a", "type": alert_type, "pipeline_id": "bronze", "at": at, **fields})  # type: ignore[arg-type]


def test_a_message_reads_from_what_happened_to_what_to_do() -> None:
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


def test_what_an_alert_does_not_say_leaves_no_gap() -> None:
    assert text_of(alert("SLA_MET")).splitlines() == ["🟢 *SLA_MET* · bronze", "→ Nothing to do."]


@pytest.mark.parametrize("alert_type", ALERT_WORTHY)
def test_every_alert_worthy_type_says_what_to_do(alert_type: str) -> None:
    hint = text_of(alert(alert_type, date="2026-03-03")).splitlines()[-1]
    assert re.fullmatch(r"→ [A-Z].{8,}[.)]", hint), hint
    assert "{" not in hint
    assert "is new here" not in hint


def test_advice_is_given_for_the_types_of_the_contract_and_no_others() -> None:
    assert set(ALERT_WORTHY) == KNOWN_TYPES


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


def test_a_warning_of_a_critical_pipeline_is_critical_and_good_news_stay_good() -> None:
    assert text_of(alert("SLA_WARNING", critical=True)).startswith("🔴")
    assert text_of(alert("SLA_WARNING")).startswith("🟠")
    assert text_of(alert("SLA_MET", critical=True)).startswith("🟢")


def test_the_hint_names_the_pipeline_and_the_date() -> None:
    assert "interlock rerun bronze 2026-03-03" in text_of(alert("RETRY_EXHAUSTED", date="2026-03-03"))


def test_an_unknown_type_is_shown_with_where_to_look() -> None:
    assert "interlock events bronze" in text_of(alert("NEVER_HEARD_OF"))


def test_what_an_event_says_can_mention_nobody_and_link_nowhere() -> None:
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
