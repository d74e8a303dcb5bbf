"""The results of rule sets, and their explanations."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from interlock_rules import Check, Mode, Rule, compile_rules, holds
from interlock_sla import NaiveTimeError

NOW = datetime(2026, 3, 3, 11, 20, tzinfo=UTC)
COUNT = Rule("row-count", Check.GTE, "count", 1500)
READY = Rule("status", Check.EQUALS, "state", "ready")


@pytest.mark.parametrize(
    ("count", "state", "all_hold", "any_holds"),
    [
        (1500, "ready", True, True),
        (1499, "ready", False, True),
        (1500, "late", False, True),
        (0, "late", False, False),
    ],
)
def test_all_or_any_of_the_rules_must_hold(count: int, state: str, all_hold: bool, any_holds: bool) -> None:
    sensors = {"row-count": {"count": count}, "status": {"state": state}}
    assert compile_rules(Mode.ALL, [COUNT, READY]).evaluate(sensors, NOW).passed is all_hold
    assert compile_rules(Mode.ANY, [COUNT, READY]).evaluate(sensors, NOW).passed is any_holds


@pytest.mark.parametrize("mode", Mode)
def test_ages_use_one_now_in_both_modes(mode: Mode) -> None:
    rules = compile_rules(mode, [Rule("feed", Check.AGE_LT, value="30m")])
    assert rules.evaluate({"feed": {"updatedAt": "2026-03-03T11:00:00Z"}}, NOW).passed
    assert not rules.evaluate({"feed": {"updatedAt": "2026-03-03T10:50:00Z"}}, NOW).passed


@pytest.mark.parametrize("rule", [COUNT, Rule("feed", Check.AGE_LT, value="30m")])
def test_now_without_zone_is_rejected_for_all_rules(rule: Rule) -> None:
    naive = datetime(2026, 3, 3, 11, 20)
    rules = compile_rules(Mode.ALL, [rule])
    for sensors in ({}, {rule.key: {"count": 1500, "updatedAt": NOW}}):
        for evaluate in (rules.evaluate, rules.find, lambda fields, now: holds(rule, fields.get(rule.key), now)):
            with pytest.raises(NaiveTimeError) as caught:
                evaluate(sensors, naive)
            assert (caught.value.value, caught.value.allowed) == (naive, "the datetime needs a zone, such as UTC")


def test_without_rules_all_passes_and_any_does_not() -> None:
    assert compile_rules(Mode.ALL, []).evaluate({}, NOW).passed
    assert compile_rules(Mode.ALL, []).evaluate({}, NOW).explain() == "all rules hold"
    assert not compile_rules(Mode.ANY, []).evaluate({}, NOW).passed
    assert compile_rules(Mode.ANY, []).evaluate({}, NOW).explain() == "there is no rule that could hold"


@pytest.mark.parametrize("text", ["all", "ALL", "All"])
def test_the_mode_is_read_in_any_letter_case(text: str) -> None:
    assert Mode(text) is Mode.ALL
    assert compile_rules(text, []).mode is Mode.ALL  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", "SOME", None, 5])
def test_unknown_mode_is_rejected(value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid Mode"):
        Mode(value)


def test_rule_set_lists_each_sensor_once() -> None:
    rules = compile_rules(Mode.ALL, [READY, COUNT, Rule("status", Check.EXISTS)])
    assert rules.keys == ("status", "row-count")


@pytest.mark.parametrize(
    ("rule", "fields", "sentence"),
    [
        (
            COUNT,
            {"count": 1203, "updatedAt": "2026-03-03T09:14:02Z"},
            "row-count: count is 1203, needs gte 1500 (297 short), since 09:14:02Z",
        ),
        (
            COUNT,
            {"count": Decimal("1203.50"), "updatedAt": "2026-03-02T23:14:02+00:00"},
            "row-count: count is 1203.5, needs gte 1500 (296.5 short), since 2026-03-02T23:14:02Z",
        ),
        (COUNT, {"count": "1203"}, "row-count: count is '1203', needs gte 1500 (297 short)"),
        (COUNT, None, "row-count: no such sensor has arrived, needs count gte 1500"),
        (COUNT, {}, "row-count: count is missing, needs gte 1500"),
        (COUNT, {"count": None}, "row-count: count is null, needs gte 1500"),
        (COUNT, {"count": True}, "row-count: count is true, which is not a number, needs gte 1500"),
        (COUNT, {"count": float("nan")}, "row-count: count is NaN, which is not a number, needs gte 1500"),
        (COUNT, {"count": "a\nb"}, "row-count: count is 'a\\nb', which is not a number, needs gte 1500"),
        (Rule("k", Check.GT, "n", 5), {"n": 5}, "k: n is 5, needs gt 5 (needs more)"),
        (Rule("k", Check.LT, "n", 5), {"n": 5}, "k: n is 5, needs lt 5 (needs less)"),
        (Rule("k", Check.LT, "n", 5), {"n": 7.25}, "k: n is 7.25, needs lt 5 (2.25 over)"),
        (Rule("k", Check.LTE, "n", "0.1"), {"n": 0.3}, "k: n is 0.3, needs lte '0.1' (0.2 over)"),
        (Rule("k", Check.EQUALS, "n", 5), {"n": 7}, "k: n is 7, needs equals 5 (2 too many)"),
        (Rule("k", Check.EQUALS, "n", 5), {"n": "4"}, "k: n is '4', needs equals 5 (1 too few)"),
        (Rule("k", Check.EQUALS, "n", 5), {"n": "5.5"}, "k: n is '5.5', needs equals 5 (0.5 too many)"),
        (READY, {"state": "late"}, "status: state is 'late', needs equals 'ready'"),
        (Rule("k", Check.EXISTS), None, "k: no such sensor has arrived, needs exists"),
        (Rule("k", Check.EXISTS, "f"), {"f": None}, "k: f is null, needs exists"),
        (
            Rule("feed", Check.AGE_LT, value="1h"),
            {"updatedAt": "2026-03-03T09:14:02Z"},
            "feed: updatedAt is 09:14:02Z, 2h5m58s old, needs age_lt 1h (1h5m58s too old)",
        ),
        (
            Rule("feed", Check.AGE_GT, "seen", "1h"),
            {"seen": 1772536800},
            "feed: seen is 11:20:00Z, 0s old, needs age_gt 1h (1h too young)",
        ),
        (
            Rule("feed", Check.AGE_LT, value="1h"),
            {"updatedAt": "2026-03-03T11:25:00Z"},
            "feed: updatedAt is 11:25:00Z, 5m ahead of the clock, needs age_lt 1h (more than 1m in the future)",
        ),
        (
            Rule("feed", Check.AGE_LT, value="1h"),
            {"updatedAt": "soon"},
            "feed: updatedAt is 'soon', which is not a time, needs age_lt 1h",
        ),
        (Rule("feed", Check.AGE_LT, value="1h"), {}, "feed: updatedAt is missing, needs age_lt 1h"),
    ],
)
def test_failure_is_explained_in_one_line(rule: Rule, fields: dict[str, object] | None, sentence: str) -> None:
    sensors = {} if fields is None else {rule.key: fields}
    evaluation = compile_rules(Mode.ALL, [rule]).evaluate(sensors, NOW)
    assert not evaluation.passed
    assert evaluation.explain() == sentence
    assert [finding.sentence for finding in evaluation.findings] == [sentence]


def test_only_failed_rules_are_explained() -> None:
    sensors = {"row-count": {"count": 1600}, "status": {"state": "late"}}
    explanation = "status: state is 'late', needs equals 'ready'"
    assert compile_rules(Mode.ALL, [COUNT, READY]).evaluate(sensors, NOW).explain() == explanation
    assert (
        compile_rules(Mode.ANY, [COUNT, READY]).evaluate(sensors, NOW).explain()
        == f"enough rules hold (1 of 2); not: {explanation}"
    )
    sensors["row-count"]["count"] = 1499
    assert compile_rules(Mode.ANY, [COUNT, READY]).evaluate(sensors, NOW).explain() == (
        f"none of 2 rules holds: row-count: count is 1499, needs gte 1500 (1 short); {explanation}"
    )


def test_finding_has_its_parts() -> None:
    sensors = {"row-count": {"count": 1203, "updatedAt": 1772529242000}}
    (finding,) = compile_rules(Mode.ALL, [COUNT]).evaluate(sensors, NOW).findings
    assert (finding.rule, finding.passed, finding.observed) == (COUNT, False, 1203)
    assert (finding.expectation, finding.gap) == ("gte 1500", "297 short")
    assert finding.since == datetime(2026, 3, 3, 9, 14, 2, tzinfo=UTC)


def test_finding_of_exists_observes_all_fields() -> None:
    rules = compile_rules(Mode.ANY, [Rule("status", Check.EXISTS)])
    (finding,) = rules.evaluate({"status": {"state": "late"}}, NOW).findings
    assert finding.observed == {"state": "late"}
    assert finding.sentence == "status: the sensor has arrived, exists holds"
    assert rules.evaluate({}, NOW).explain() == "status: no such sensor has arrived, needs exists"


def test_a_passing_finding_has_no_gap() -> None:
    (finding,) = compile_rules(Mode.ALL, [COUNT]).evaluate({"row-count": {"count": 1600}}, NOW).findings
    assert (finding.passed, finding.gap) == (True, None)
    assert finding.sentence == "row-count: count is 1600, gte 1500 holds"


ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)
DEEP: object = 1
for _ in range(100_000):
    DEEP = {"n": [DEEP]}


@pytest.mark.parametrize(
    "observed",
    [
        10**5000,
        -(10**5000),
        "9" * 5000,
        Decimal("1E+999999"),
        Decimal("9E+999999999999"),
        Decimal("1E-999999999999"),
        Decimal("sNaN"),
        1.7e308,
        "\ud800",
        ENDLESS,
        DEEP,
        {10**5000, "x"},
        [10**5000, DEEP],
    ],
    ids=lambda observed: type(observed).__name__,
)
def test_no_sensor_value_stops_evaluation(observed: object) -> None:
    rules = [
        Rule("k", Check.EXISTS, "f"),
        *(Rule("k", Check.EQUALS, "f", value) for value in (5, True, "x", [1, 2], {"n": [1]}, 10**5000)),
        *(Rule("k", check, "f", 5) for check in (Check.GT, Check.GTE, Check.LT, Check.LTE)),
        *(Rule("k", check, "f", value) for check in (Check.AGE_LT, Check.AGE_GT) for value in ("1s", "8760000h")),
    ]
    for sensor in ({"f": observed}, {"f": observed, "updatedAt": observed}):
        evaluation = compile_rules(Mode.ANY, rules).evaluate({"k": sensor}, NOW)
        assert evaluation.explain().isprintable()
        assert len(evaluation.findings) == len(rules)
        assert all(len(finding.sentence) < 400 for finding in evaluation.findings)
