"""YAML's surprises: read as they are meant, or rejected with a message that names the right form."""

import pytest

from interlock_config import ConfigError, PipelineConfig, decode_yaml
from interlock_config._files._yaml import read_yaml

PIPELINE = """
pipeline: {id: orders}
schedule:
  cron: "0 8 * * *"
  timezone: Europe/Berlin
validation:
  rules:
    - {key: orders, check: exists}
job:
  type: command
  config: {command: load}
"""


def read(extra: str = "", base: str = PIPELINE) -> PipelineConfig:
    return decode_yaml(base + extra, "orders.yaml")


def said(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text, "orders.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_an_unquoted_time_is_a_time_and_not_600() -> None:
    config = read("sla: {deadline: 10:00}")
    assert config.sla is not None
    assert config.sla.deadline == "10:00"


def test_an_unquoted_minute_deadline_is_text() -> None:
    config = read("sla:\n  deadline: :30")
    assert config.sla is not None
    assert config.sla.deadline == ":30"


def test_an_unquoted_date_is_a_date() -> None:
    config = decode_yaml(PIPELINE.replace('cron: "0 8 * * *"', "include: {dates: [2026-03-31]}"))
    assert config.schedule.include is not None
    assert [str(day) for day in config.schedule.include.dates] == ["2026-03-31"]


def test_an_unquoted_date_in_a_rule_stays_text() -> None:
    config = decode_yaml(PIPELINE.replace("check: exists", "check: equals, field: day, value: 2026-03-31"))
    assert config.validation.rules[0].value == "2026-03-31"


@pytest.mark.parametrize("word", ["no", "NO", "on", "off", "y", "n"])
def test_words_that_yaml_1_1_reads_as_booleans_are_names(word: str) -> None:
    assert decode_yaml(PIPELINE.replace("id: orders", f"id: {word}")).id == word


def test_the_key_on_stays_a_key() -> None:
    assert said(PIPELINE + "on: {push: main}")[0].startswith("orders.yaml:12: on = {")


def test_an_argument_with_leading_zeros_keeps_them() -> None:
    job = "type: glue\n  config: {jobName: load, arguments: {--day: 007, --n: 7, --all: true, --flag: yes}}"
    config = decode_yaml(PIPELINE.replace("type: command\n  config: {command: load}", job))
    assert config.job.config["arguments"] == {"--day": "007", "--n": "7", "--all": "true", "--flag": "yes"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ("1.", 1.0),
        ("1e", "1e"),
        ("true", True),
        ("False", False),
        ('"3"', "3"),
        ("'yes'", "yes"),
        ('"007"', "007"),
        ("done", "done"),
        ("1.2.3", "1.2.3"),
        ("!!str 3", "3"),
        ("[1, two]", [1, "two"]),
    ],
)
def test_a_value_has_its_meaning_in_yaml_1_2(written: str, value: object) -> None:
    config = decode_yaml(PIPELINE.replace("check: exists", f"check: equals, field: x, value: {written}"))
    assert config.validation.rules[0].value == value
    assert type(config.validation.rules[0].value) is type(value)


@pytest.mark.parametrize("written", ["yes", "No", "ON", "off", "y", "010", "1_000", "0x1F", "0o17", "10:00", "-1:30"])
def test_a_value_with_two_meanings_is_rejected(written: str) -> None:
    with pytest.raises(ConfigError, match="has different meanings in different YAML readers"):
        decode_yaml(PIPELINE.replace("check: exists", f"check: equals, field: x, value: {written}"))


@pytest.mark.parametrize("written", [".inf", "-.INF", ".NaN", "1e999"])
def test_a_number_that_is_not_finite_is_rejected(written: str) -> None:
    with pytest.raises(ConfigError, match="must be a finite number"):
        decode_yaml(PIPELINE.replace("check: exists", f"check: equals, field: x, value: {written}"))


@pytest.mark.parametrize("digits", [20, 101, 5_000])
def test_a_number_of_many_digits_is_rejected(digits: int) -> None:
    with pytest.raises(ConfigError, match="is too large for a number; write it as text, in quotes"):
        decode_yaml(PIPELINE.replace("check: exists", f"check: equals, field: x, value: {'9' * digits}"))


def test_a_word_with_two_meanings_is_plain_text_outside_of_rules() -> None:
    payload = "type: lambda\n  config: {functionName: f, payload: {trigger: {value: yes}, at: 10:00}}"
    config = decode_yaml(PIPELINE.replace("type: command\n  config: {command: load}", payload))
    assert config.job.config["payload"] == {"trigger": {"value": "yes"}, "at": "10:00"}


def test_anchors_and_merge_keys_are_followed() -> None:
    config = decode_yaml(
        PIPELINE.replace("- {key: orders, check: exists}", "- &rule {key: orders, check: exists}")
        + "postRun: {rules: [*rule, {<<: *rule, key: customers}]}"
    )
    assert config.post_run is not None
    assert [rule.key for rule in config.post_run.rules] == ["orders", "customers"]


def test_own_keys_win_over_merged_keys_at_any_position() -> None:
    config = decode_yaml(
        "x: &x {id: a, owner: me}\n".replace("x:", "pipeline:", 1)
        + PIPELINE.replace("pipeline: {id: orders}", "watch: {enabled: false}")
    )
    assert (config.id, config.pipeline.owner) == ("a", "me")


def merged(*lines: str) -> str:
    owners = "pipeline: &a {owner: a}\nwatch: &b {owner: b, description: b}\n"
    return owners + "schedule:\n" + "".join(f"  {line}\n" for line in lines)


def test_a_second_merge_in_one_mapping_names_both_lines() -> None:
    assert (
        'orders.yaml:6: schedule["<<"]: is given twice; first on line 4; a list merges several: <<: [*a, *b]'
        in said(merged("<<: *a", "time: x", "<<: *b"))
    )


def test_every_further_merge_is_an_error() -> None:
    twice = [line for line in said(merged("<<: *a", "<<: *b", "<<: *a")) if "<<" in line]
    assert [line.partition(" schedule")[0] for line in twice] == ["orders.yaml:5:", "orders.yaml:6:"]


def test_the_first_of_several_merged_mappings_wins() -> None:
    text = "{x: &a {id: a, owner: a}, y: &b {id: b, description: b}, z: {<<: [*a, *b], id: own}, w: {<<: [*b, *a]}}"
    plain, _ = read_yaml(text, "")
    assert plain["z"] == {"id": "own", "owner": "a", "description": "b"}
    assert plain["w"] == {"id": "b", "owner": "a", "description": "b"}


def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    plain, findings = read_yaml("{x: &a {id: a}, y: {<<: *a, '<<': 1}}", "")
    assert plain["y"] == {"id": "a", "<<": 1}
    assert not findings.failed


def test_a_key_given_twice_names_the_first_line() -> None:
    assert said(PIPELINE + "dryRun: true\ndryRun: false") == [
        "orders.yaml:13: dryRun: is given twice; first on line 12"
    ]


def test_problems_carry_the_line_of_their_place() -> None:
    text = PIPELINE.replace("Europe/Berlin", "Europe/Berlim").replace("command: load", "comand: load")
    assert [line.split(": ")[0] for line in said(text)] == ["orders.yaml:5", "orders.yaml:11"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "orders.yaml: is empty"),
        ("# only a comment\n", "orders.yaml: is empty"),
        (
            "- a\n- b\n",
            "orders.yaml:1: must be a mapping with pipeline, schedule, validation, job; write one mapping, not a list",
        ),
        ("just text", "orders.yaml:1: must be a mapping with pipeline, schedule, validation, job"),
        ("~", "orders.yaml:1: must be a mapping with pipeline, schedule, validation, job"),
        (
            "schedule:\n\tcron: x",
            "orders.yaml:2: is not YAML: a tab indents this line; YAML allows only spaces",
        ),
        (
            "schedule:\n  \t- x",
            "orders.yaml:2: is not YAML: a tab indents this line; YAML allows only spaces",
        ),
        (
            "cron: * 8 * * *",
            "orders.yaml:1: is not YAML: a value that begins with * needs quotes",
        ),
        (
            "sla: {deadline: :30}",
            "orders.yaml:1: is not YAML: a value that begins with : or another sign of YAML needs quotes",
        ),
        (
            "owner: @data",
            "orders.yaml:1: is not YAML: a value that begins with @, `, % or a tab needs quotes",
        ),
        (
            "description: loads: orders",
            "orders.yaml:1: is not YAML: check the indentation; a text that contains ': ' needs quotes",
        ),
        (
            'owner: "data',
            "orders.yaml:1: is not YAML: a quote is not closed",
        ),
        (
            "dates: [2026-03-31",
            "orders.yaml:1: is not YAML: a bracket is not closed, or a comma is missing",
        ),
        ("a: 1\n---\nb: 2\n", "orders.yaml:2: holds more than one document (---); one file holds one pipeline"),
        ("a: *b", "orders.yaml:1: the alias *b has no complete anchor before it"),
        ("a: &a [*a]", "orders.yaml:1: the alias *a has no complete anchor before it"),
        ("? [a]\n: b", "orders.yaml:1: a key must be text, not a mapping, a list or an alias"),
        ("a: {<<: 3}", "orders.yaml:1: << merges mappings only"),
        ("[" * 100_000, "orders.yaml:1: is nested too deeply"),
        ("a: {" * 1_000, "orders.yaml:1: is nested too deeply"),
        ("- " * 50_000, "orders.yaml:1: is nested too deeply"),
        ("a" * (128 * 1024 + 1), "orders.yaml: is longer than 128 KB and was not read"),
        ("ä" * 70_000, "orders.yaml: is longer than 128 KB and was not read"),
        (b"\xff\xfe\x00", "orders.yaml: is not UTF-8 text"),
        ("\ud800", "orders.yaml: is not UTF-8 text"),
    ],
)
def test_a_text_that_is_not_one_document_is_rejected(text: str | bytes, message: str) -> None:
    assert said(text) == [message]


def test_a_file_over_the_limit_is_not_parsed() -> None:
    broken = "a: b: c\n" * 20_000
    assert said(broken) == ["orders.yaml: is longer than 128 KB and was not read"]


def test_a_billion_laughs_are_rejected_early() -> None:
    levels = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    [message] = said("\n".join(levels))
    assert message.endswith("its aliases (*name) expand to far more than a pipeline needs")


def test_a_long_text_repeated_by_aliases_is_rejected() -> None:
    text = f"a: &a {'x' * 100_000}\nb: [*a, *a, *a]"
    assert said(text) == ["orders.yaml:2: its aliases (*name) expand to far more than a pipeline needs"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode_yaml(b"\xef\xbb\xbf" + PIPELINE.encode()).id == "orders"


def test_bytes_and_text_read_alike() -> None:
    assert decode_yaml(PIPELINE.encode()) == decode_yaml(PIPELINE)
