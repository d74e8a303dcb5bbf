"""Values that count as left out: null, "" and empty lists and maps of optional keys."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from interlock_config import (
    ConfigError,
    DateWindow,
    PipelineConfig,
    PostRun,
    calendar_schema,
    decode_calendar,
    decode_json,
    decode_yaml,
    encode_calendar,
    encode_json,
    json_schema,
    warnings,
)
from interlock_config._job_types import JOB_TYPES, aliases

RIGHT: dict[str, Any] = {
    "pipeline": {"id": "orders"},
    "schedule": {"trigger": {"key": "orders", "check": "exists"}},
    "validation": {"rules": [{"key": "orders", "check": "exists"}]},
    "job": {"type": "command", "config": {"command": "load"}},
}
SCHEMA = Draft202012Validator(json_schema(), format_checker=FormatChecker())
NOTHING = [None, "", [], {}]
OPTIONAL = [
    ("pipeline", "owner"),
    ("pipeline", "description"),
    *(
        ("schedule", key)
        for key in ("cron", "include", "timezone", "time", "exclude", "calendar", "evaluation", "dates", "maxOpenDates")
    ),
    *(("schedule", "trigger", key) for key in ("field", "value", "deadline")),
    *(("schedule", "exclude", key) for key in ("weekends", "dates", "holidays", "workdays")),
    *(("schedule", "evaluation", key) for key in ("window", "interval")),
    *(("schedule", "dates", key) for key in ("back", "ahead")),
    ("sla",),
    *(("sla", key) for key in ("deadline", "expectedDuration", "maxDuration", "timezone", "critical", "excludedDays")),
    ("validation", "trigger"),
    *(("validation", "rules", 0, key) for key in ("field", "value", "anyDate", "dateOffset")),
    *(
        ("job", key)
        for key in (
            "maxRetries",
            "maxCodeRetries",
            "maxDriftReruns",
            "maxManualReruns",
            "jobPollWindowSeconds",
            "retryDelay",
        )
    ),
    ("postRun",),
    *(("postRun", key) for key in ("rules", "driftField", "driftThreshold", "sensorTimeout")),
    ("dryRun",),
    ("watch",),
    ("watch", "enabled"),
]


def with_value(raw: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy of the document with a value at a place. Missing mappings are added."""
    copy = json.loads(json.dumps(raw))
    place = copy
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    place[path[-1]] = value
    return dict(copy)


def read_every_way(raw: dict[str, Any]) -> Iterator[PipelineConfig]:
    """The config from YAML and from JSON, both compact like stored configs and in the form of other tools."""
    compact = json.dumps(raw, separators=(",", ":"))
    for text in (compact, json.dumps(raw), json.dumps(raw, indent=2).replace("{}", "{ }").replace("[]", "[\n]")):
        yield decode_json(text)
        yield decode_yaml(text)


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
@pytest.mark.parametrize("path", OPTIONAL, ids=lambda path: ".".join(map(str, path)))
def test_an_empty_optional_key_counts_as_left_out(path: tuple[str | int, ...], nothing: Any) -> None:
    raw = with_value(RIGHT, path, nothing)
    expected = decode_json(json.dumps(RIGHT))
    for config in read_every_way(raw):
        assert config == expected
        assert encode_json(config) == encode_json(expected)
    assert SCHEMA.is_valid(raw)


def test_the_table_names_every_optional_key_of_the_schema() -> None:
    named = {(path[-2] if len(path) > 1 else "", path[-1]) for path in OPTIONAL if 0 not in path}
    named |= {("rules", path[-1]) for path in OPTIONAL if 0 in path}
    sections = {"Identity": "pipeline", "TriggerCondition": "trigger", "Exclusion": "exclude", "DateWindow": "dates"}
    sections |= {"EvaluationWindow": "evaluation", "Rule": "rules", "PostRun": "postRun"}
    schema = json_schema()
    optional = {("", key) for key in schema["properties"] if key not in schema["required"]}
    for name, definition in schema["$defs"].items():
        if (name.endswith("Job") and name != "Job") or name == "Absent":
            continue
        section = sections.get(name, name.lower())
        keys = [key for key in definition["properties"] if key not in definition.get("required", ())]
        optional |= {(section, key) for key in keys}
    assert optional == named | {("schedule", "trigger")}


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
@pytest.mark.parametrize("path", [("sla",), ("sla", "maxDuration"), ("dryRun",), ("schedule", "trigger")])
def test_a_key_that_counts_as_left_out_needs_no_trigger(path: tuple[str, ...], nothing: Any) -> None:
    plain = with_value(RIGHT, ("schedule",), {"cron": "0 8 * * *"})
    raw = with_value(plain, path, nothing)
    for config in read_every_way(raw):
        assert config == decode_json(json.dumps(plain))
    assert SCHEMA.is_valid(raw)


@pytest.mark.parametrize(
    ("section", "content"),
    [
        ("schedule", {"exclude": {"weekends": None, "dates": [], "holidays": ""}}),
        ("schedule", {"exclude": {"weekends": False}}),
        ("schedule", {"evaluation": {"window": "1h", "interval": "5m"}}),
        ("schedule", {"dates": {"back": 400, "ahead": 31}}),
        ("sla", {"deadline": None, "maxDuration": "", "critical": False}),
        ("postRun", {"rules": [], "driftField": None, "sensorTimeout": "2h"}),
        ("watch", {"enabled": True}),
    ],
)
def test_a_section_with_only_defaults_is_not_written(section: str, content: dict[str, Any]) -> None:
    raw = with_value(RIGHT, (section,), {**RIGHT.get(section, {}), **content})
    expected = decode_json(json.dumps(RIGHT))
    for config in read_every_way(raw):
        assert config == expected
        assert encode_json(config) == encode_json(expected)
    assert SCHEMA.is_valid(raw)


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
@pytest.mark.parametrize(
    "path",
    [
        ("pipeline",),
        ("pipeline", "id"),
        ("schedule", "trigger", "key"),
        ("schedule", "trigger", "check"),
        ("schedule", "include", "dates"),
        ("validation",),
        ("validation", "rules"),
        ("validation", "rules", 0),
        ("validation", "rules", 0, "key"),
        ("validation", "rules", 0, "check"),
        ("job",),
        ("job", "type"),
        ("job", "config"),
        ("job", "config", "command"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_an_empty_required_key_is_an_error(path: tuple[str | int, ...], nothing: Any) -> None:
    raw = with_value(RIGHT, path, nothing)
    place = ".".join(str(step) for step in path).replace(".0", "[0]")
    for read in (decode_json, decode_yaml):
        with pytest.raises(ConfigError) as caught:
            read(json.dumps(raw))
        assert all(problem.path.startswith(place) for problem in caught.value.problems)
        if nothing is None:
            assert len(caught.value.problems) == 1
    assert not SCHEMA.is_valid(raw)


def test_a_pipeline_without_rules_never_runs() -> None:
    for rules in ([], None, ""):
        with pytest.raises(ConfigError, match=r"validation\.rules"):
            decode_json(json.dumps(with_value(RIGHT, ("validation", "rules"), rules)))


def test_false_and_zero_are_values() -> None:
    raw = with_value(with_value(RIGHT, ("job", "maxCodeRetries"), 0), ("watch", "enabled"), False)
    raw = with_value(raw, ("schedule", "dates"), {"back": 0, "ahead": 0})
    for config in read_every_way(raw):
        assert (config.job.max_code_retries, config.watch.enabled) == (0, False)
        assert config.schedule.dates == DateWindow(back=0, ahead=0)
        assert decode_json(encode_json(config)) == config


@pytest.mark.parametrize("rules", [{}, {"rules": []}, {"rules": None}])
def test_a_post_run_without_rules_watches_nothing(rules: dict[str, Any]) -> None:
    for config in read_every_way(with_value(RIGHT, ("postRun",), {"sensorTimeout": "3h", **rules})):
        assert config.post_run is not None
        assert config.post_run.rules == ()
        assert config.post_run_rules is None
        assert decode_json(encode_json(config)) == config
        assert [str(problem) for problem in warnings(config)] == [
            "postRun: has no rules; nothing is watched after a run"
        ]


def test_post_run_defaults_without_rules_count_as_left_out() -> None:
    config = decode_yaml(json.dumps(with_value(RIGHT, ("postRun",), {"sensorTimeout": "2h", "rules": []})))
    assert config.post_run is None
    assert (
        PipelineConfig(
            pipeline=config.pipeline,
            schedule=config.schedule,
            validation=config.validation,
            job=config.job,
            post_run=PostRun(),
        )
        == config
    )


RULE = ("validation", "rules", 0)


@pytest.mark.parametrize("value", ["", [], {}])
def test_equals_compares_with_an_empty_value(value: Any) -> None:
    raw = with_value(RIGHT, RULE, {"key": "orders", "check": "equals", "field": "error", "value": value})
    for config in read_every_way(raw):
        assert config.validation.rules[0].value == value
        assert decode_json(encode_json(config)) == config
        assert [problem.path for problem in warnings(config)] == ["validation.rules[0].value"]
    assert SCHEMA.is_valid(raw)


@pytest.mark.parametrize("check", ["equals", "gt", "gte", "lt", "lte", "age_lt", "age_gt"])
@pytest.mark.parametrize("rule", [{"value": None}, {}])
def test_a_check_without_the_value_that_it_needs_is_an_error(check: str, rule: dict[str, Any]) -> None:
    raw = with_value(RIGHT, RULE, {"key": "orders", "check": check, "field": "n", **rule})
    with pytest.raises(ConfigError) as caught:
        decode_json(json.dumps(raw))
    assert [problem.path for problem in caught.value.problems] == ["validation.rules[0].value"]
    assert not SCHEMA.is_valid(raw)


JOBS: dict[str, dict[str, Any]] = {
    "http": {"url": "https://jobs.example.com"},
    "command": {"command": "load"},
    "airflow": {"url": "https://airflow.example.com", "dagID": "load"},
    "glue": {"jobName": "load"},
    "emr": {"clusterId": "j-1", "stepName": "load", "command": "x.jar"},
    "emr-serverless": {
        "applicationId": "a",
        "executionRoleArn": "arn:aws:iam::1:role/r",
        "jobDriver": {"sparkSubmit": {"entryPoint": "x"}},
    },
    "step-function": {"stateMachineArn": "arn:aws:states:x:1:stateMachine:m"},
    "databricks": {"workspaceUrl": "https://d.example.com", "jobId": 620},
    "lambda": {"functionName": "load"},
}


def keys_of(job_type: str) -> list[str]:
    """Every key of a job type's config in every spelling, except the spellings of required keys in JOBS."""
    form = next(form for known, form in JOB_TYPES.items() if known.value == job_type)
    return [key for key in (*form.__struct_encode_fields__, *aliases(job_type)) if key not in JOBS[job_type]]


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
@pytest.mark.parametrize("job_type", JOBS)
def test_empty_optional_job_keys_count_as_left_out(job_type: str, nothing: Any) -> None:
    config = {**JOBS[job_type], **dict.fromkeys(keys_of(job_type), nothing)}
    raw = with_value(RIGHT, ("job",), {"type": job_type, "config": config})
    for read in read_every_way(raw):
        assert read.job.config == JOBS[job_type]
    assert SCHEMA.is_valid(raw)


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
@pytest.mark.parametrize(("job_type", "key"), [(job_type, key) for job_type, config in JOBS.items() for key in config])
def test_empty_required_job_keys_are_errors(job_type: str, key: str, nothing: Any) -> None:
    raw = with_value(RIGHT, ("job",), {"type": job_type, "config": {**JOBS[job_type], key: nothing}})
    with pytest.raises(ConfigError) as caught:
        decode_json(json.dumps(raw))
    assert [problem.path for problem in caught.value.problems] == [f"job.config.{key}"]
    assert not SCHEMA.is_valid(raw)


@pytest.mark.parametrize("spelling", ["dagID", "dagId", "dag_id"])
def test_every_spelling_of_an_airflow_dag_is_kept_as_one(spelling: str) -> None:
    others = dict.fromkeys({"dagID", "dagId", "dag_id"} - {spelling})
    raw = with_value(RIGHT, ("job",), {"type": "airflow", "config": {"url": "https://a.example.com", spelling: "load"}})
    full = with_value(raw, ("job", "config"), {**raw["job"]["config"], **others})
    for document in (raw, full):
        assert SCHEMA.is_valid(document)
        for config in read_every_way(document):
            assert config.job.config == {"url": "https://a.example.com", "dagID": "load"}
            assert '"dagID":"load"' in encode_json(config)


CONTENT = {"null": None, "empty": "", "list": [], "map": {}, "deep": [None, "", {"a": [{}]}]}


@pytest.mark.parametrize(
    ("job_type", "content"),
    [
        ("http", {"body": CONTENT}),
        ("http", {"body": [CONTENT, None]}),
        ("http", {"headers": {"Accept": ""}}),
        ("airflow", {"body": {"conf": CONTENT}}),
        ("glue", {"arguments": {"--note": ""}}),
        ("emr", {"arguments": ["", "x"]}),
        ("emr-serverless", {"jobDriver": {"sparkSubmit": CONTENT}}),
        ("step-function", {"arguments": CONTENT}),
        ("databricks", {"arguments": CONTENT}),
        ("lambda", {"payload": CONTENT}),
        ("lambda", {"payload": [""]}),
    ],
)
def test_no_key_is_left_out_inside_of_the_job_input(job_type: str, content: dict[str, Any]) -> None:
    raw = with_value(RIGHT, ("job",), {"type": job_type, "config": {**JOBS[job_type], **content}})
    for config in read_every_way(raw):
        assert config.job.config == {**JOBS[job_type], **content}
        assert decode_json(encode_json(config)) == config
    assert SCHEMA.is_valid(raw)


def test_a_stored_config_with_every_key_reads_like_the_short_one() -> None:
    """As `jsonencode(yamldecode(file))` and typed objects of Terraform write it."""
    full = {
        "pipeline": {"id": "orders", "owner": "", "description": None},
        "schedule": {
            "cron": "",
            "include": None,
            "timezone": "",
            "time": None,
            "trigger": {"key": "orders", "check": "exists", "field": "", "value": None, "deadline": ""},
            "exclude": {},
            "calendar": "",
            "evaluation": {"window": "", "interval": None},
        },
        "sla": None,
        "validation": {"trigger": "", "rules": [{"key": "orders", "check": "exists", "field": None, "value": ""}]},
        "job": {"type": "command", "config": {"command": "load"}, "maxRetries": None, "retryDelay": ""},
        "postRun": {"sensorTimeout": "2h", "rules": []},
        "dryRun": None,
        "watch": {},
    }
    for config in read_every_way(full):
        assert encode_json(config) == encode_json(decode_json(json.dumps(RIGHT)))
    assert SCHEMA.is_valid(full)


@given(st.lists(st.tuples(st.sampled_from(OPTIONAL), st.sampled_from(NOTHING)), max_size=12))
def test_any_number_of_absent_keys_changes_nothing(absent: list[tuple[tuple[str | int, ...], Any]]) -> None:
    raw = RIGHT
    for path, nothing in sorted(absent, key=lambda item: len(item[0]), reverse=True):
        try:
            raw = with_value(raw, path, nothing)
        except (TypeError, AttributeError):
            continue  # the section around it is replaced already
    assert decode_json(json.dumps(raw)) == decode_json(json.dumps(RIGHT))
    assert SCHEMA.is_valid(raw)


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
@pytest.mark.parametrize("key", ["days", "dates"])
def test_empty_keys_of_a_calendar_count_as_left_out(key: str, nothing: Any) -> None:
    text = json.dumps({"name": "us", key: nothing})
    assert decode_calendar(text) == decode_calendar('{"name": "us"}')
    assert encode_calendar(decode_calendar(text)) == '{"name":"us"}'
    assert Draft202012Validator(calendar_schema()).is_valid(json.loads(text))


@pytest.mark.parametrize("nothing", NOTHING, ids=json.dumps)
def test_a_calendar_needs_its_name(nothing: Any) -> None:
    with pytest.raises(ConfigError, match="name"):
        decode_calendar(json.dumps({"name": nothing, "days": ["sunday"]}))
