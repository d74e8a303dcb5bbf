"""Laws over generated configs: round trips, and agreement of decoding, the walk and the schema."""

import copy
import json
import re
from typing import Any

import msgspec
import msgspec.inspect as shape
from hypothesis import assume, example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from interlock_config import ConfigError, PipelineConfig, decode_json, decode_yaml, encode_json, json_schema, warnings
from interlock_config._checks._rules import is_right
from interlock_config._files._codec import _as_stored
from interlock_config._problems._problems import Findings
from interlock_config._values._absent import without_absent
from interlock_config._values._build import _converted
from interlock_config._values._canonical import canonical
from interlock_config._values._odd import is_plain, plain_keys
from interlock_config._values._walk import walk
from interlock_rules import Check, Mode, Rule, compile_rules

SCHEMA = Draft202012Validator(json_schema(), format_checker=FormatChecker())
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
KEYS = TEXT.filter(lambda key: key.strip() and not key.startswith(("first-sensor-arrival", "postrun-baseline")))
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
DURATIONS = st.sampled_from(["1s", "90s", "5m", "1h30m", "1.5h", "300ms", "1h0m0s", "+2m"])
DATES = st.lists(st.dates().map(str), min_size=1, max_size=3)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Etc/GMT+5"])
CRONS = st.sampled_from(
    ["0 8 * * *", "30 6 * * mon-fri", "0 0 1 * *", "5 */2 * * *", "0 9 l * *", "0 9 15W,L-3 * FriL"]
)


def section(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


CONDITIONS = st.one_of(
    section({"key": KEYS, "check": st.just("exists")}, field=TEXT, value=st.booleans() | NUMBERS | TEXT),
    section(
        {
            "key": KEYS,
            "check": st.just("equals"),
            "field": TEXT,
            "value": st.booleans() | NUMBERS | st.sampled_from(["done", "", [], {}]),
        }
    ),
    section({"key": KEYS, "check": st.sampled_from(["gt", "gte", "lt", "lte"]), "field": TEXT, "value": NUMBERS}),
    section({"key": KEYS, "check": st.sampled_from(["age_lt", "age_gt"]), "value": DURATIONS}, field=TEXT),
)
RULES = st.builds(
    lambda condition, dates: {**condition, **dates},
    CONDITIONS,
    section({}, anyDate=st.booleans()) | section({}, dateOffset=st.integers(-400, 400)),
)
TRIGGERS = st.builds(
    lambda rule, deadline: {**rule, **deadline},
    CONDITIONS,
    section({}, deadline=st.sampled_from(["00:00", "23:59", ":00", ":59"])),
)
JOBS = st.one_of(
    st.fixed_dictionaries({"type": st.just("command"), "config": st.just({"command": "python 'a b'"})}),
    st.fixed_dictionaries(
        {
            "type": st.just("glue"),
            "config": section(
                {"job_name": TEXT}, arguments=st.dictionaries(TEXT, TEXT | st.integers(0, 9) | st.booleans())
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("http"),
            "config": section(
                {"url": st.just("https://jobs.example.com/run")},
                method=st.sampled_from(["GET", "PUT"]),
                headers=st.dictionaries(st.from_regex(r"[A-Za-z0-9-]{1,12}", fullmatch=True), TEXT),
                body=TEXT | st.dictionaries(TEXT, NUMBERS | st.none() | TEXT),
                timeout=st.integers(1, 900) | st.sampled_from(["30s", "1m30s"]),
            ),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("databricks"), "config": st.just({"workspaceUrl": "https://x.example.com", "job_id": 7})}
    ),
)
SCHEDULES = section(
    {},
    cron=CRONS,
    timezone=ZONES,
    time=st.sampled_from(["00:00", "08:30", "23:59"]),
    trigger=TRIGGERS,
    exclude=section({}, weekends=st.booleans(), dates=DATES, holidays=TEXT),
    calendar=TEXT,
    evaluation=section({"window": st.sampled_from(["30m", "1h", "2h"])}, interval=st.sampled_from(["5m", "90s"])),
    dates=section({}, back=st.sampled_from([0, 30, 400, 3660]), ahead=st.sampled_from([0, 31])),
)
RIGHT = st.fixed_dictionaries(
    {
        "pipeline": section(
            {"id": st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)}, owner=TEXT, description=TEXT
        ),
        "schedule": SCHEDULES,
        "validation": section(
            {"rules": st.lists(RULES, min_size=1, max_size=3)}, trigger=st.sampled_from(["ALL", "any", "Any"])
        ),
        "job": st.builds(
            lambda job, more: {**job, **more},
            JOBS,
            section(
                {},
                maxRetries=st.integers(0, 10),
                maxCodeRetries=st.integers(0, 3),
                jobPollWindowSeconds=st.sampled_from([0, 60, 86400]),
                retryDelay=st.sampled_from(["0s", "1m", "1h"]),
            ),
        ),
    },
    optional={
        "sla": section({}, deadline=st.sampled_from(["10:00", ":30"]), expectedDuration=DURATIONS, timezone=ZONES),
        "postRun": section(
            {"rules": st.lists(CONDITIONS, min_size=1, max_size=2)},
            driftField=TEXT,
            driftThreshold=st.floats(0, 1e9) | st.integers(0, 9),
            sensorTimeout=DURATIONS,
        ),
        "watch": section({}, enabled=st.booleans()),
    },
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "yes", "10:00", "5m", "-5m", "0s", "ALL", "exists", "UTC", "2026-02-30", "0 8 * * *", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["key", "x", "rules"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def broken(draw: st.DrawFn, most: int = 4) -> dict[str, Any]:
    """A right config with a few places replaced, removed or added."""
    raw = copy.deepcopy(draw(RIGHT))
    for _ in range(draw(st.integers(1, most))):
        place = raw
        while True:
            key = draw(st.sampled_from(sorted(place)))
            inner = place[key]
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                inner = inner[0]
            if not isinstance(inner, dict) or not inner or draw(st.booleans()):
                break
            place = inner
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "remove" and len(place) > 1:
            del place[key]
        elif change == "add":
            names = ["dryRun", "maxDuration", "include", "cron", "trigger", "deadline", "jobName", "unknown", "value"]
            names += ["anyDate", "dateOffset", "dates", "dagId", "dag_id", "job_name", "field", "rules", "exclude"]
            place[draw(st.sampled_from(names))] = draw(ANYTHING | st.just(True))
        else:
            place[key] = draw(ANYTHING)
    return raw


def read(raw: dict[str, Any]) -> PipelineConfig | None:
    try:
        return decode_json(json.dumps(raw))
    except ConfigError:
        return None


@given(RIGHT)
def test_decode_encode_decode_is_decode(raw: dict[str, Any]) -> None:
    config = decode_json(json.dumps(raw))
    text = encode_json(config)
    again = decode_json(text)
    assert again == config
    assert encode_json(again) == text


@given(RIGHT)
def test_yaml_and_json_read_the_same(raw: dict[str, Any]) -> None:
    text = json.dumps(raw)
    assert decode_yaml(text) == decode_json(text)


@given(RIGHT)
def test_a_right_config_stays_right_as_json_of_the_schema(raw: dict[str, Any]) -> None:
    encoded = json.loads(encode_json(decode_json(json.dumps(raw))))
    assert SCHEMA.is_valid(raw)
    assert SCHEMA.is_valid(encoded)


@given(RIGHT)
def test_warnings_and_derived_values_never_fail(raw: dict[str, Any]) -> None:
    config = decode_json(json.dumps(raw))
    warnings(config)
    assert config.zone.key
    assert config.sla_zone.key
    assert config.rules.keys
    assert (config.cron is None) == (config.schedule.cron is None)


@given(broken(most=1))
def test_the_schema_accepts_all_that_decoding_accepts(raw: dict[str, Any]) -> None:
    assert read(raw) is None or SCHEMA.is_valid(raw), [error.message for error in SCHEMA.iter_errors(raw)]


@given(broken())
def test_decoding_and_the_walk_agree(raw: dict[str, Any]) -> None:
    findings = Findings("")
    same = canonical(without_absent(PipelineConfig, raw), findings)
    assume(not findings.failed)
    quick = is_plain(same) and _converted(PipelineConfig, same) is not None
    clean = walk(shape.type_info(PipelineConfig), same, (), findings)
    assert not (quick and findings.failed), findings.problems
    assert _converted(PipelineConfig, clean) is not None, clean
    if not findings.failed:
        assert _converted(PipelineConfig, same) == _converted(PipelineConfig, clean)


def said_of(text: str) -> tuple[PipelineConfig | None, list[str]]:
    try:
        return decode_json(text), []
    except ConfigError as error:
        return None, [str(problem) for problem in error.problems]


def compact(raw: dict[str, Any]) -> str:
    """JSON in the form of `encode_json`, with the same beginning if the document has a pipeline."""
    first = {"pipeline": raw["pipeline"]} if "pipeline" in raw else {}
    return json.dumps({**first, **raw}, separators=(",", ":"), ensure_ascii=False)


def free_of(config: PipelineConfig) -> list[Any]:
    """The values of any type."""
    post_run = config.post_run.rules if config.post_run else ()
    trigger = (config.trigger_rule,) if config.trigger_rule else ()
    values = [rule.value for rule in (*config.validation.rules, *post_run, *trigger) if rule.value is not None]
    return [config.job.config, *values]


@given(broken(most=2))
def test_shortcut_for_stored_configs_agrees_with_decoding(raw: dict[str, Any]) -> None:
    spaced = json.dumps(json.loads(compact(raw)), indent=1, ensure_ascii=False)
    assert said_of(compact(raw)) == said_of(spaced)
    config, _ = said_of(spaced)
    if config is not None:
        stored = encode_json(config)
        assert plain_keys(free_of(config), may_be_empty=False) is None or _as_stored(stored) == config
        for spoilt in (stored.replace('"id":', '"id":"x","id":', 1), stored.replace("{", '{"owner":null,', 1)):
            assert said_of(spoilt)[0] is None


@given(
    st.sampled_from(list(Check)), KEYS | TEXT, st.none() | st.text(max_size=2), ANYTHING | TEXT | DURATIONS | NUMBERS
)
@example(Check.EQUALS, "k", "f", "sNaN")
@example(Check.EQUALS, "k", "f", "INFINITY")
@example(Check.AGE_LT, "k", None, "0s")
@example(Check.AGE_GT, "k", None, "9999999h")
@example(Check.GT, "k", "f", True)
@example(Check.EXISTS, "k", "", None)
@example(Check.EXISTS, "", None, None)
def test_a_rule_that_needs_no_check_compiles(check: Check, key: str, field: str | None, value: Any) -> None:
    rule = Rule(key, check, field, value)
    if is_right(rule):
        assert compile_rules(Mode.ALL, (rule,)).keys == (key,)
        assert not key.startswith(("first-sensor-arrival", "postrun-baseline"))


@given(RIGHT)
def test_the_rules_of_every_accepted_config_compile(raw: dict[str, Any]) -> None:
    config = decode_json(json.dumps(raw))
    assert config.rules.rules == config.validation.rules
    assert config.trigger_rule is None or compile_rules(Mode.ALL, (config.trigger_rule,))
    assert (config.post_run_rules is None) == (config.post_run is None or not config.post_run.rules)


@given(broken())
def test_every_rejection_names_places_that_exist_or_are_missing(raw: dict[str, Any]) -> None:
    try:
        decode_json(json.dumps(raw))
    except ConfigError as error:
        problems = error.problems
    else:
        return
    assert problems
    for problem in problems:
        assert problem.severity == "error"
        assert problem.message
        hidden, twice = problem.value == "…", problem.message.startswith("is given twice")
        if problem.value is msgspec.UNSET or not problem.path or "[" in problem.path or hidden or twice:
            continue
        place: Any = canonical(without_absent(PipelineConfig, raw), Findings(""))
        for step in re.split(r"\.", problem.path):
            place = place[step]
        assert msgspec.json.encode(place) == msgspec.json.encode(problem.value)
