"""JSON as it is stored: texts that are rejected before a config is made from them."""

import json

import pytest

from interlock_config import ConfigError, decode_calendar, decode_json

RIGHT = (
    '{"pipeline":{"id":"orders"},"schedule":{},"validation":{"rules":[{"key":"orders","check":"exists"}]},'
    '"job":{"type":"command","config":{"command":"load"}}}'
)


def said(data: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        decode_json(data, "CONFIG")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("null", "CONFIG: must be a mapping with pipeline, schedule, validation, job"),
        (
            "[]",
            "CONFIG: must be a mapping with pipeline, schedule, validation, job; write one mapping, not a list",
        ),
        ('"text"', "CONFIG: must be a mapping with pipeline, schedule, validation, job"),
        ("[" * 100_000, "CONFIG: is nested too deeply"),
        ("[" * 50_000 + "]" * 50_000, "CONFIG: is nested too deeply"),
        ("x" * (256 * 1024 + 1), "CONFIG: is longer than 256 KB and was not read"),
        ("\ud800", "CONFIG: is not Unicode text"),
    ],
)
def test_json_that_is_not_a_mapping_is_rejected(data: str | bytes, message: str) -> None:
    assert said(data) == [message]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "CONFIG: is empty"),
        (" \n", "CONFIG: is empty"),
        ("{", "CONFIG: is not JSON: it ends too early: a bracket or a quote is not closed"),
        (RIGHT + "\n" + RIGHT, "CONFIG:2: is not JSON: trailing characters"),
        ('{\n"a": 1,\n}', "CONFIG:3: is not JSON: trailing comma in object"),
        ('{\n\n"a" 1}', "CONFIG:3: is not JSON: expected ':'"),
        ("9" * 5_000, "CONFIG: is not JSON: it holds a number that is too large"),
        *(
            (data, "CONFIG:1: is not JSON: a value, a quote or a comma is missing; JSON has no comments and no NaN")
            for data in (b"\xff", RIGHT.replace('"orders"', "NaN", 1), "// orders\n" + RIGHT)
        ),
    ],
)
def test_a_json_syntax_error_names_its_line(data: str | bytes, message: str) -> None:
    assert said(data) == [message]


def test_a_byte_order_mark_is_no_content() -> None:
    assert decode_json("\ufeff" + RIGHT) == decode_json(RIGHT)


def test_repeated_json_keys_are_named_by_their_paths() -> None:
    twice = RIGHT.replace('"key":"orders"', '"key":"a","key":"b"').replace('"schedule":{}', '"schedule":{"x":1,"x":2}')
    assert said(twice) == [
        "CONFIG: schedule.x: is given twice in the same mapping",
        "CONFIG: validation.rules[0].key: is given twice in the same mapping",
    ]


def test_repeated_keys_under_deep_nesting_do_not_crash() -> None:
    deep = "[" * 900 + "]" * 900
    assert len(said(RIGHT[:-1] + f',"a":1,"a":{deep}}}')) == 1


def test_a_repeated_json_key_is_rejected() -> None:
    twice = RIGHT.replace('"schedule":{}', '"dryRun":true,"schedule":{},"dryRun" : false')
    assert said(twice) == ["CONFIG: dryRun: is given twice in the same mapping"]
    with pytest.raises(ConfigError, match="given twice"):
        decode_calendar('{"name": "us", "name": "de"}')


@pytest.mark.parametrize("text", ['a\\":b', '\\":', '{\\"x\\":1}', "\\u0022:"])
def test_text_that_looks_like_a_key_is_not_a_key(text: str) -> None:
    config = decode_json(RIGHT.replace('"command":"load"', f'"command":"load \'{text}\'"'))
    assert config.job.config["command"].startswith("load ")


def test_a_null_inside_a_payload_is_data() -> None:
    job = '"type":"lambda","config":{"functionName":"load","payload":{"a":null}}'
    config = decode_json(RIGHT.replace('"type":"command","config":{"command":"load"}', job))
    assert config.job.config["payload"] == {"a": None}


def test_an_unknown_key_of_a_rule_is_rejected() -> None:
    assert said(RIGHT.replace('"check":"exists"', '"check":"exists","filed":"x"')) == [
        'CONFIG: validation.rules[0].filed = "x": is not a known key; did you mean field?'
    ]


def test_nesting_has_an_end() -> None:
    deep = "[" * 40 + "]" * 40
    job = f'"type":"lambda","config":{{"functionName":"load","payload":{deep}}}'
    assert said(RIGHT.replace('"type":"command","config":{"command":"load"}', job)) == [
        "CONFIG: job.config.payload[0]: is nested too deeply"
    ]


def test_nesting_where_rules_belong_has_an_end() -> None:
    deep = "[" * 900 + "]" * 900
    [message] = said(RIGHT.replace('[{"key":"orders","check":"exists"}]', deep))
    assert message.startswith("CONFIG: validation.rules[0][0]")
    assert message.endswith(": is nested too deeply")


def test_a_number_beyond_64_bits_is_rejected() -> None:
    job = '"type":"lambda","config":{"functionName":"load","payload":{"n":9223372036854775808}}'
    assert said(RIGHT.replace('"type":"command","config":{"command":"load"}', job)) == [
        "CONFIG: job.config.payload.n = 9223372036854775808: is too large for a number; write it as text, in quotes"
    ]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ({"job_name": "load"}, {"jobName": "load"}),
        ({"arguments": {"--n": 5}, "jobName": "load"}, {"arguments": {"--n": "5"}, "jobName": "load"}),
    ],
)
def test_compact_json_gets_the_canonical_spellings(written: dict[str, object], kept: dict[str, object]) -> None:
    job = {"type": "glue", "config": written}
    text = RIGHT.replace('{"type":"command","config":{"command":"load"}}', json.dumps(job, separators=(",", ":")))
    assert decode_json(text).job.config == kept
