"""The moment at which an age rule changes by time alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_rules import Check, Mode, Rule, compile_rules, next_change
from interlock_sla import NaiveTimeError

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
OLDER, YOUNGER = Rule("a", Check.AGE_GT, value="30m"), Rule("b", Check.AGE_LT, value="10m")


def stamped(at: datetime) -> dict[str, object]:
    return {"updatedAt": at.isoformat()}


def test_age_gt_changes_just_after_its_limit() -> None:
    written = NOW - timedelta(minutes=20)
    change = next_change([OLDER], {"a": stamped(written)}, NOW)
    assert change == written + timedelta(minutes=30, microseconds=1)


def test_age_lt_changes_by_time_for_a_row_ahead_of_the_clock() -> None:
    assert next_change([YOUNGER], {"b": stamped(NOW - timedelta(hours=1))}, NOW) is None
    ahead = NOW + timedelta(minutes=5)
    assert next_change([YOUNGER], {"b": stamped(ahead)}, NOW) == ahead - timedelta(minutes=1)


def test_the_earliest_change_counts_and_a_past_one_does_not() -> None:
    sensors = {"a": stamped(NOW - timedelta(hours=1)), "b": stamped(NOW + timedelta(minutes=9))}
    assert next_change([OLDER, YOUNGER], sensors, NOW) == NOW + timedelta(minutes=8)


@pytest.mark.parametrize("fields", [None, {}, {"updatedAt": "soon"}, {"updatedAt": "9999-12-31T23:59:59Z"}])
def test_without_a_readable_time_nothing_changes(fields: dict[str, object] | None) -> None:
    assert next_change([OLDER], {} if fields is None else {"a": fields}, NOW) is None


def test_other_checks_change_by_rows_only() -> None:
    rule = Rule("a", Check.GTE, field="n", value=3)
    assert next_change([rule], {"a": {"n": 1, **stamped(NOW)}}, NOW) is None


def test_a_time_without_zone_is_rejected() -> None:
    with pytest.raises(NaiveTimeError):
        next_change([OLDER], {}, NOW.replace(tzinfo=None))


SPANS = st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds))


@given(rows=st.dictionaries(st.sampled_from("ab"), SPANS, min_size=1), waited=st.floats(0, 1, exclude_max=True))
def test_no_rule_begins_to_hold_before_the_next_change(rows: dict[str, timedelta], waited: float) -> None:
    """The result of a set that does not hold stays the same up to the change, and without a change for ever."""
    sensors = {key: stamped(NOW + span) for key, span in rows.items()}
    rule_set = compile_rules(Mode.ALL, [OLDER, YOUNGER])
    for mode in Mode:
        rule_set = compile_rules(mode, [OLDER, YOUNGER])
        if rule_set.evaluate(sensors, NOW).passed:
            continue
        change = next_change([OLDER, YOUNGER], sensors, NOW)
        before = NOW + ((change - NOW) if change else timedelta(days=400)) * waited
        if change is None or before < change:
            assert not rule_set.evaluate(sensors, before).passed


@given(span=SPANS)
def test_an_age_rule_holds_at_its_change(span: timedelta) -> None:
    for rule in (OLDER, YOUNGER):
        sensors = {rule.key: stamped(NOW + span)}
        change = next_change([rule], sensors, NOW)
        if change is not None:
            assert compile_rules(Mode.ALL, [rule]).evaluate(sensors, change).passed
