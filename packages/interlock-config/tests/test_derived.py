"""Derived values of a config: zones, cron, rules, names and delays, computed once."""

from datetime import timedelta

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_rules import Check, Rule


def config(schedule: str = "{}", more: str = "") -> PipelineConfig:
    return decode_yaml(
        f"pipeline: {{id: orders}}\nschedule: {schedule}\n"
        "validation: {rules: [{key: orders, check: exists}, {key: customers, check: exists}]}\n"
        f"job: {{type: command, config: {{command: load}}{more}}}\n"
    )


def with_sections(text: str) -> PipelineConfig:
    return decode_yaml(
        "pipeline: {id: orders}\nvalidation: {rules: [{key: orders, check: exists}]}\n"
        "job: {type: command, config: {command: load}}\n" + text
    )


def test_the_schedule_id_says_whether_there_is_a_cron() -> None:
    assert config('{cron: "0 8 * * *"}').schedule_id == "cron"
    assert config().schedule_id == "stream"
    assert config("{include: {dates: [2026-03-31]}}").schedule_id == "stream"


def test_zones() -> None:
    both = with_sections('schedule: {timezone: Asia/Tokyo}\nsla: {deadline: "10:00", timezone: Europe/Paris}')
    assert (both.zone.key, both.sla_zone.key) == ("Asia/Tokyo", "Europe/Paris")
    one = with_sections('schedule: {timezone: Asia/Tokyo}\nsla: {deadline: "10:00"}')
    assert one.sla_zone.key == "Asia/Tokyo"
    none = with_sections("schedule: {}")
    assert (none.zone.key, none.sla_zone.key) == ("UTC", "UTC")


def test_the_cron_is_parsed_once() -> None:
    parsed = config('{cron: "0 8 * * *"}')
    assert parsed.cron is not None
    assert parsed.cron is parsed.cron
    assert config().cron is None


def test_the_rules_are_compiled_once() -> None:
    parsed = config()
    assert parsed.rules is parsed.rules
    assert set(parsed.rules.keys) == {"orders", "customers"}


def test_the_trigger_as_a_rule() -> None:
    parsed = config("{trigger: {key: orders, check: gte, field: n, value: 3}}")
    assert parsed.trigger_rule == Rule("orders", Check.GTE, "n", 3)
    assert config().trigger_rule is None


def test_post_run_rules() -> None:
    parsed = with_sections("schedule: {}\npostRun: {rules: [{key: counts, check: exists}]}")
    assert parsed.post_run_rules is not None
    assert tuple(parsed.post_run_rules.keys) == ("counts",)
    assert config().post_run_rules is None


def test_exclusions_without_calendars() -> None:
    parsed = config("{exclude: {weekends: true, dates: [2026-03-03]}}")
    exclusions = parsed.exclusions({})
    assert exclusions.weekends
    assert [str(day) for day in exclusions.dates] == ["2026-03-03"]
    assert not config().exclusions({}).weekends


@pytest.mark.parametrize(
    ("delay", "attempt", "wait"),
    [
        ("0s", 5, timedelta(0)),
        ("1m", 0, timedelta(0)),
        ("1m", -1, timedelta(0)),
        ("1m", 1, timedelta(minutes=1)),
        ("1m", 2, timedelta(minutes=2)),
        ("1m", 6, timedelta(minutes=32)),
        ("1m", 7, timedelta(hours=1)),
        ("1m", 100_000, timedelta(hours=1)),
        ("1h", 1, timedelta(hours=1)),
    ],
)
def test_the_retry_delay_doubles_up_to_an_hour(delay: str, attempt: int, wait: timedelta) -> None:
    assert config(more=f", retryDelay: {delay}").retry_delay_before(attempt) == wait


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        config().schedule.timezone = "UTC"  # type: ignore[misc]
