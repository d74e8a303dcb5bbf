"""Wrong configs (wrong_configs.txt), each with its exact messages, and whether the JSON Schema rejects it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from msgspec import structs

from interlock_config import ConfigError, decode_yaml, json_schema
from interlock_config._files._yaml import read_yaml


class Case(NamedTuple):
    """A pipeline file with some sections replaced (None: left out), and its messages."""

    name: str
    sections: dict[str, str | None]
    said: list[str]
    schema_rejects: bool


RIGHT = {
    "pipeline": "{id: orders}",
    "schedule": "{}",
    "validation": "{rules: [{key: orders, check: exists}]}",
    "job": "{type: command, config: {command: load}}",
}


def _cases() -> Iterator[Case]:
    for block in (Path(__file__).parent / "wrong_configs.txt").read_text().split("\n\n"):
        name, *rows = block.strip().splitlines()
        given = [row for row in rows if not row.startswith(("=> ", "(")) and not row.endswith(" -")]
        sections: dict[str, str | None] = {row.removesuffix(" -"): None for row in rows if row.endswith(" -")}
        sections.update(row.split(": ", 1) if ": " in row else (row.removesuffix(":"), "") for row in given)
        said = [row.removeprefix("=> ") for row in rows if row.startswith("=> ")]
        yield Case(name.removeprefix("# "), sections, said, SCHEMA_IS_BLIND not in rows)


SCHEMA_IS_BLIND = "(the schema cannot see it)"
CASES = list(_cases())
VALIDATOR = Draft202012Validator(json_schema(), format_checker=FormatChecker())


def text_of(sections: dict[str, str | None]) -> str:
    """A YAML file, one section a line."""
    merged: dict[str, str | None] = {**RIGHT, **sections}
    return "".join(f"{name}: {content}\n" for name, content in merged.items() if content is not None)


def test_the_base_of_the_table_is_right() -> None:
    text = text_of({})
    assert decode_yaml(text).id == "orders"
    assert VALIDATOR.is_valid(read_yaml(text, "")[0])


def test_the_table_is_large_and_without_repetition() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len({str(case.sections) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_config_gets_its_message(case: Case) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text_of(case.sections))
    assert [str(structs.replace(problem, line=None)) for problem in caught.value.problems] == case.said
    assert all(problem.severity == "error" for problem in caught.value.problems)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_schema_rejects_what_a_schema_can_express(case: Case) -> None:
    raw, _ = read_yaml(text_of(case.sections), "")
    assert VALIDATOR.is_valid(raw) is not case.schema_rejects


FOREIGN = (
    *(f"cron({minute} {hour} * * ? *)" for minute in ("0", "5", "0/15", "10,40", "*") for hour in ("8", "*", "0/6")),
    *(f"0 {minute} {hour} ? * 2-6" for minute in ("0", "0/20", "*") for hour in ("8", "9-17")),
    *(f"rate({n} {unit})" for n in (1, 2, 5, 12, 60) for unit in ("minute", "minutes", "hours", "days")),
    *("@daily", "@hourly", "weekly", "6:30", "*/10 * * * *", "10-20 8 * * mon"),
)


@pytest.mark.parametrize("expression", FOREIGN)
def test_a_cron_that_a_message_suggests_is_accepted(expression: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text_of({"schedule": f'{{cron: "{expression}"}}'}))
    (problem,) = caught.value.problems
    suggested = re.findall(r'(?:write|such as) "([^"]+)"', problem.message)
    assert suggested or expression.startswith("rate(")
    for cron in suggested:
        assert decode_yaml(text_of({"schedule": f'{{cron: "{cron}"}}'})).schedule.cron == cron


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    sections = {
        "pipeline": "{id: or ders, ownr: me}",
        "schedule": "{cron: '61 8 * * *', timezone: Mars, evaluation: {window: 5m, interval: 1h}}",
        "validation": "{rules: [{key: a, check: gte, field: n, value: x}, {key: b, chek: exists}, {key: c}]}",
        "job": "{type: glue, config: {arguments: {--n: 1.5}}, maxRetries: 99}",
        "dryRun": "true",
    }
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text_of(sections), "orders.yaml")
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (1, "pipeline.id"),
        (1, "pipeline.ownr"),
        (2, "schedule.timezone"),
        (2, "schedule.cron"),
        (2, "schedule.evaluation.interval"),
        (3, "validation.rules[1].chek"),
        (3, "validation.rules[2].check"),
        (3, "validation.rules[0].value"),
        (4, "job.maxRetries"),
        (4, "job.config.arguments.--n"),
        (4, "job.config.jobName"),
        (5, "dryRun"),
    ]


def test_rules_keep_their_positions_behind_an_invalid_one() -> None:
    sections = {"validation": "{rules: [word, {key: orders, check: gt, field: n, value: x}]}"}
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text_of(sections))
    assert [problem.path for problem in caught.value.problems] == ["validation.rules[0]", "validation.rules[1].value"]


def test_nulls_inside_of_structures_are_not_among_the_problems() -> None:
    job = "{type: http, config: {url: nowhere, body: [null, {a: null}], headers: {a: 1.5}}}"
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text_of({"job": job}))
    assert [problem.path for problem in caught.value.problems] == ["job.config.url", "job.config.headers.a"]


def test_a_check_is_skipped_if_its_places_have_errors() -> None:
    sections = {"schedule": "{trigger: {key: orders, check: exist}}", "sla": "{maxDuration: 2h}", "dryRun": "true"}
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text_of(sections))
    assert [problem.path for problem in caught.value.problems] == ["schedule.trigger.check"]
