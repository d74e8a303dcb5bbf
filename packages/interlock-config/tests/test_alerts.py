"""The file alerts.yaml: its errors with their exact messages, its routes, and its way to JSON and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from interlock_config import (
    AlertFacts,
    AlertRules,
    ConfigError,
    alert_types,
    alerts_schema,
    decode_alerts,
    decode_alerts_yaml,
    encode_alerts,
    glob_matches,
    reachable,
    read_document,
    review,
    route,
    silence_covers,
)
from interlock_config._files._yaml import read_yaml

SCHEMA = Draft202012Validator(alerts_schema(), format_checker=FormatChecker())
SCHEMA_IS_BLIND = "(the schema is blind)"
TARGETS = """
version: 1
targets:
  data-team: {slack: C0123456789}
  mail: {sns: 'arn:aws:sns:eu-central-1:111122223333:data-alerts.fifo'}
  hook: {webhook: 'https://hooks.example.com/interlock', secret: '${INTERLOCK_WEBHOOK_KEY}'}
"""
RIGHT = f"""{TARGETS}
routes:
  - match: {{severity: [critical]}}
    to: [hook]
    continue: true
  - match: {{owner: 'data-*', severity: [critical, warning]}}
    to: [data-team]
    mention: {{critical: here, warning: S0123456789}}
  - match: {{pipeline: gold-*, event: [SLA_BREACH, SLA_WARNING]}}
    to: [mail]
suppress: {{window: 30m}}
digest: {{at: "08:00", timezone: Europe/Berlin, to: data-team}}
"""


class Case(NamedTuple):
    name: str
    text: str
    said: list[str]
    schema_rejects: bool


def cases() -> Iterator[Case]:
    for block in (Path(__file__).parent / "wrong_alerts.txt").read_text().split("\n\n"):
        name, *lines = block.strip().splitlines()
        text = [line for line in lines if not line.startswith(("=> ", "("))]
        said = [line.removeprefix("=> ") for line in lines if line.startswith("=> ")]
        yield Case(name.removeprefix("# "), "\n".join(text), said, SCHEMA_IS_BLIND not in lines)


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_wrong_file_gets_exactly_these_errors(case: Case) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_alerts_yaml(case.text, "alerts.yaml")
    errors = [one for one in caught.value.problems if one.severity == "error"]
    assert [str(one).partition(": ")[2] for one in errors] == case.said
    assert all(one.source == "alerts.yaml" and one.line is not None for one in errors)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_schema_rejects_each_file_that_it_can(case: Case) -> None:
    assert SCHEMA.is_valid(read_yaml(case.text, "")[0]) != case.schema_rejects


def test_the_list_of_wrong_files_is_read_whole() -> None:
    assert len(CASES) >= 30
    assert all(case.said for case in CASES)


def test_a_right_file_is_read_and_survives_the_way_to_json() -> None:
    rules = decode_alerts_yaml(RIGHT)
    assert decode_alerts(encode_alerts(rules)) == rules
    assert SCHEMA.is_valid(read_yaml(RIGHT, "")[0])
    assert rules.suppress is not None
    assert rules.suppress.window.text == "30m"
    assert rules.targets["mail"].address.endswith(".fifo")


def test_a_file_with_a_version_alone_is_right() -> None:
    assert decode_alerts_yaml("version: 1") == AlertRules(version=1)


def facts(**given: Any) -> AlertFacts:
    return AlertFacts(**{"event": "JOB_FAILED", "severity": "warning", "pipeline": "bronze-orders", **given})


@pytest.mark.parametrize(
    ("given", "targets"),
    [
        ({}, {"": ""}),
        ({"severity": "critical"}, {"hook": ""}),
        ({"owner": "data-eu"}, {"data-team": "S0123456789"}),
        ({"owner": "data-eu", "severity": "critical"}, {"hook": "", "data-team": "here"}),
        ({"owner": "Data-eu"}, {"": ""}),
        ({"owner": "data-eu", "severity": "good"}, {"": ""}),
        ({"pipeline": "gold-x", "event": "SLA_WARNING"}, {"mail": ""}),
        ({"pipeline": "gold-x"}, {"": ""}),
        ({"pipeline": "gold-x", "event": "SLA_BREACH", "severity": "critical"}, {"hook": "", "mail": ""}),
        ({"pipeline": "gold-x", "event": "SLA_WARNING", "owner": "data-eu"}, {"data-team": "S0123456789"}),
    ],
)
def test_the_first_route_counts_unless_it_continues(given: dict[str, str], targets: dict[str, str]) -> None:
    assert route(decode_alerts_yaml(RIGHT), facts(**given)) == targets


def test_an_alert_without_a_route_goes_to_the_default_targets() -> None:
    rules = decode_alerts_yaml(f"{TARGETS}\nroutes: [{{match: {{severity: [good]}}, to: [hook]}}]\ndefault: [mail]")
    assert route(rules, facts()) == {"mail": ""}


@pytest.mark.parametrize(
    ("routes", "owner", "names"),
    [
        ("{match: {severity: [critical]}, to: [mail]}", "", ["mail", "hook"]),
        ("{match: {event: [SLA_BREACH]}, to: [mail]}", "", ["mail", "hook"]),
        ("{match: {severity: [critical]}, to: [mail], continue: true}, {to: [data-team]}", "", ["mail", "data-team"]),
        ("{to: [data-team], continue: true}", "", ["data-team"]),
        ("{match: {pipeline: gold-*}, to: [mail]}, {to: [data-team]}", "", ["data-team"]),
        ("{match: {owner: data-*}, to: [mail]}, {to: [data-team]}", "data-eu", ["mail"]),
        ("{match: {owner: data-*}, to: [mail]}, {to: [data-team]}", "finance", ["data-team"]),
        # Another alert of the run may have the owner.
        ("{match: {owner: data-*}, to: [mail]}, {to: [data-team]}", "", ["mail", "data-team"]),
        ("{match: {owner: data-*}, to: [mail]}", "", ["mail", "hook"]),
    ],
)
def test_the_targets_that_a_run_may_reach(routes: str, owner: str, names: list[str]) -> None:
    rules = decode_alerts_yaml(f"{TARGETS}\nroutes: [{routes}]\ndefault: [hook]")
    assert list(reachable(rules, facts(owner=owner, severity="good"))) == names


def test_a_target_of_two_routes_gets_the_alert_once() -> None:
    silent = "{to: [mail], continue: true}"
    loud = "{match: {severity: [warning]}, to: [mail, hook], continue: true, mention: {warning: here}}"
    for routes in (f"{silent}, {loud}", f"{loud}, {silent}"):
        found = route(decode_alerts_yaml(f"{TARGETS}\nroutes: [{routes}]"), facts())
        assert found == {"mail": "here", "hook": "here"}


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("bronze-*", "bronze-", True),
        ("bronze-*", "silver-bronze-x", False),
        ("gold-?", "gold-12", False),
        ("[a]", "a", False),
        ("[a]", "[a]", True),
        ("Gold", "gold", False),
    ],
)
def test_a_pattern_knows_stars_and_question_marks_alone(glob: str, text: str, fits: bool) -> None:
    assert glob_matches(glob, text) is fits


@pytest.mark.parametrize(
    ("wide", "narrow", "hidden"),
    [
        ("pipeline: '*'", "pipeline: gold", True),
        ("pipeline: 'a*'", "pipeline: 'a*b'", True),
        ("pipeline: 'a?'", "pipeline: 'a*'", False),
        ("pipeline: '?-*'", "pipeline: '*-x'", False),
        ("pipeline: gold", "severity: [good]", False),
        ("owner: '*'", "pipeline: gold", False),
        ("owner: '*'", "owner: data", True),
        ("severity: [good, notice, warning, critical]", "pipeline: gold", True),
        ("severity: [good]", "severity: [good, notice]", False),
        ("event: [SLA_MET, SLA_BREACH]", "event: [SLA_MET]", True),
        ("event: [SLA_MET]", "pipeline: gold", False),
    ],
)
def test_a_route_is_hidden_only_by_a_wider_one(wide: str, narrow: str, hidden: bool) -> None:
    text = f"{TARGETS}\nroutes: [{{match: {{{wide}}}, to: [mail]}}, {{match: {{{narrow}}}, to: [hook]}}]"
    if hidden:
        with pytest.raises(ConfigError, match="is never reached"):
            decode_alerts_yaml(text)
    else:
        assert len(decode_alerts_yaml(text).routes) == 2


def test_a_target_without_alerts_and_a_vain_mention_are_warnings() -> None:
    text = f"{TARGETS}\nroutes: [{{to: [mail], mention: {{critical: here}}}}]"
    found = review({"alerts.yaml": text})
    assert not found.failed
    assert [(one.path, one.severity) for one in found.problems] == [
        ("targets.data-team", "warning"),
        ("targets.hook", "warning"),
        ("routes[0].mention", "warning"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "targets: {team: {slack: data}}",
        "targets: {team: {slack: C0123456789}}\nroutes: [{to: [taem]}]",
        "targets: {team: {slack: C0123456789}}\ndefault: [7]",
        "targets: {team: {slack: C0123456789}}\ndigest: {at: '08:00', to: taem}",
    ],
)
def test_an_error_that_explains_a_vain_target_is_alone(text: str) -> None:
    found = review({"alerts.yaml": f"version: 1\n{text}"})
    assert [one.severity for one in found.problems] == ["error"]


@pytest.mark.parametrize(
    ("host", "is_public"),
    [
        ("hooks.example.com", True),
        ("93.184.216.34", True),
        ("10.0.0.7", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("localhost", False),
        ("[::1]", False),
        ("[fd00::1]", False),
        ("[::ffff:10.0.0.7]", False),
    ],
)
def test_a_webhook_that_is_not_public_is_a_warning(host: str, is_public: bool) -> None:
    target = f"{{webhook: 'https://{host}/x', secret: '${{INTERLOCK_KEY}}'}}"
    found = review({"alerts.yaml": f"version: 1\ntargets: {{hook: {target}}}\ndefault: [hook]"})
    assert not found.failed
    assert ["is not a public address: only" in one.message for one in found.problems] == [True] * (not is_public)


@pytest.mark.parametrize(
    ("events", "warns"),
    [("[JOB_FAILED]", True), ("[SLA_BREACH, JOB_FAILED]", True), ("[JOB_FAILED, RETRY_EXHAUSTED]", False)],
)
def test_a_route_without_the_last_failure_is_a_warning(events: str, warns: bool) -> None:
    text = f"{TARGETS}\nroutes: [{{match: {{event: {events}}}, to: [mail]}}]\ndefault: [data-team, hook]"
    found = review({"alerts.yaml": text})
    assert not found.failed
    expected = "does not get the last failure of a run: RETRY_EXHAUSTED has it"
    assert [expected in one.message for one in found.problems] == [True] * warns


def test_another_route_may_have_the_last_failure() -> None:
    routes = "[{match: {event: [JOB_FAILED]}, to: [mail]}, {match: {event: [RETRY_EXHAUSTED]}, to: [hook]}]"
    text = f"{TARGETS}\nroutes: {routes}\ndefault: [data-team]"
    assert review({"alerts.yaml": text}).problems == ()


OVERDUE = (
    "SLA_BREACH",
    "RELATIVE_SLA_BREACH",
    "SCHEDULE_MISSED",
    "IRREGULAR_SCHEDULE_MISSED",
    "SENSOR_DEADLINE_EXPIRED",
    "VALIDATION_EXHAUSTED",
)


@pytest.mark.parametrize("event", alert_types())
def test_a_silence_covers_overdue_data_only_by_name(event: str) -> None:
    def covered(*events: str, every: bool = False) -> bool:
        return silence_covers("b*", events, every=every, event=event, pipeline="bronze")

    assert covered() is (event not in OVERDUE)
    assert covered(every=True)
    assert covered(event)


@pytest.mark.parametrize("source", ["alerts.yaml", "teams/alerts.yml", "ALERTS.yaml"])
def test_the_name_of_the_file_decides(source: str) -> None:
    with pytest.raises(ConfigError, match="version: is missing"):
        read_document("pipeline: {id: orders}", source)


def test_the_keys_decide_for_another_name() -> None:
    assert isinstance(read_document(RIGHT, "routing.yaml"), AlertRules)


def test_a_deployment_has_one_routing() -> None:
    found = review({"a/alerts.yaml": "version: 1", "b/alerts.yaml": "version: 1"})
    assert [str(one) for one in found.problems] == [
        "b/alerts.yaml:1: routes alerts, as a/alerts.yaml does; a deployment has one such file"
    ]
