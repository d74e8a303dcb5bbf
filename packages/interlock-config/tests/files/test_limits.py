"""Hostile and clumsy inputs of full size: each gets a result within the bounds of time and memory.

Time is CPU time, so that a busy machine fails no test. Memory is the peak of a separate process.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interlock_config import ConfigError, Problem, decode_json, decode_yaml, review
from interlock_config._files._json import JSON_LIMIT
from interlock_config._problems._problems import MOST_WARNINGS

FULL = 128 * 1024
REST = """
pipeline: {id: orders}
schedule: {cron: "0 8 * * *"}
validation: {rules: [{key: orders, check: exists}]}
job: {type: command, config: {command: load}}
"""


def problems_of(text: str | bytes, read: Callable[[str | bytes], object] = decode_yaml) -> tuple[Problem, ...]:
    """The problems that reading the text finds, none for a readable text."""
    try:
        read(text)
    except ConfigError as error:
        return error.problems
    return ()


def filled(pattern: str, head: str = "", tail: str = "") -> str:
    """The pattern as often as it fits into the size limit. `%d` becomes a number."""
    parts, size = [], len(head) + len(tail)
    for number in count():
        part = pattern.replace("%d", str(number))
        if size + len(part.encode()) > FULL - 100:
            return head + "".join(parts) + tail
        parts.append(part)
        size += len(part.encode())
    raise AssertionError


def url_of(pattern: str, end: str) -> str:
    """A config whose URL is filled with the pattern."""
    job = filled(pattern, "type: http, config: {url: 'https://")[: FULL - 300]
    return REST.replace("type: command, config: {command: load}", f"{job}{end}'}}")


RULES = REST.replace("validation:", "watch: {enabled: true}\nx:").partition("x:")[0]
JOB = "job: {type: command, config: {command: load}}\n"
HOSTILE = {
    "unknown keys": filled("key%d: 1\n", REST),
    "nearly right keys": filled("pipelinx%d: 1\n", REST),
    "one key many times": filled("dryRun: 1\n", REST),
    "wrong rules": filled("{key: a, check: eqals}, ", RULES + JOB + "validation: {rules: [", "]}"),
    "impossible rules": filled("{key: a, check: gt}, ", RULES + JOB + "validation: {rules: [", "]}"),
    "words as rules": filled("a, ", RULES + JOB + "validation: {rules: [", "]}"),
    "wrong dates": filled("2026-13-01, ", REST + "schedule: {include: {dates: [", "]}}"),
    "a long zone": REST.replace('{cron: "0 8 * * *"}', filled("Europe/", "{timezone: ", "}")[: FULL - 300] + "}"),
    "a long cron": REST.replace('"0 8 * * *"', filled("1,", '"', '0 * * * *"')[: FULL - 300] + '"'),
    "a long duration": filled("1h", REST + "sla: {maxDuration: ", "}"),
    "a long command": REST.replace("command: load}", filled("a 'b' ", 'command: "', '"}')[: FULL - 300] + '"}'),
    "a long open quote": REST.replace("command: load}", "command: \"'" + "a" * 100_000 + '"}'),
    "a long id": REST.replace("id: orders", "id: " + "a" * 130_000),
    "a long key": REST + "k" * 130_000 + ": 1",
    "a command of secrets": filled("-token -pwd= ", REST.replace("command: load}}", "command: \"'"), '"}}'),
    "a url of passwords": url_of("a:@", ""),
    "a url of variables": url_of("${A}", " "),
    "a url of ports": url_of("a:", ""),
    "variables": filled("${A}${", REST.replace("command: load}}", 'command: "'), '"}}'),
    "open brackets": "[" * FULL,
    "open braces": "{" * FULL,
    "dashes": "- " * (FULL // 2),
    "questions": "? " * (FULL // 2),
    "colons": ": " * (FULL // 2),
    "indents": "".join(" " * depth + "a:\n" for depth in range(490)),
    "anchors": filled("a%d: &a%d x\n"),
    "aliases": filled("*a, ", "a: &a {b: [c, d]}\nb: [", "]"),
    "comments": "#" * FULL,
    "commas": filled("1,", "[", "]"),
    "quotes": '"' * FULL,
    "block text": "a: |\n" + " x\n" * (FULL // 4),
    "backslashes": 'a: "' + "\\\\" * (FULL // 2 - 10) + '"',
    "digits": "a: " + "9" * (FULL - 10),
    "exclamation marks": "!" * FULL,
    "percent": "%" * FULL,
    "spaces": " " * FULL,
    "line ends": "\n" * FULL,
    "carriage returns": "\r" * FULL,
}


MOST_SECONDS = 1.0
MOST_MEGABYTES = 200

Measure = Callable[[str | bytes], dict[str, Any]]


@pytest.fixture(scope="module")
def measure() -> Iterator[Measure]:
    """Asks measured_reading.py for the cost of reading a text."""
    script = Path(__file__).parent / "measured_reading.py"
    reader = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert reader.stdin is not None
    assert reader.stdout is not None
    asked, answered = reader.stdin, reader.stdout

    def ask(text: str | bytes) -> dict[str, Any]:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        asked.write(len(data).to_bytes(4, "big") + data)
        asked.flush()
        return dict(json.loads(answered.readline()))

    yield ask
    asked.close()
    assert reader.wait() == 0
    answered.close()


def assert_bounded(cost: dict[str, Any]) -> None:
    assert cost["traceback"] is None
    assert cost["seconds"] < MOST_SECONDS
    assert cost["megabytes"] < MOST_MEGABYTES


def test_the_measurement_includes_libyaml_and_parsing(measure: Measure) -> None:
    nothing, full = measure(""), measure(HOSTILE["dashes"])
    assert 10 < nothing["megabytes"] < full["megabytes"]
    assert nothing["seconds"] < 0.1
    assert full["problems"] > 0


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_stays_within_time_and_memory(text: str, measure: Measure) -> None:
    assert len(text.encode()) <= FULL
    assert_bounded(measure(text))
    problems = problems_of(text)
    assert len(problems) <= 201
    assert all(len(str(problem)) < 1_000 + len(problem.path) for problem in problems)


@pytest.mark.parametrize("text", ["{" * (FULL + 1), "\t" * (FULL + 1), b"\xff" * (FULL + 1), "é" * (FULL // 2 + 1)])
def test_a_file_over_the_limit_is_rejected_unread(text: str | bytes) -> None:
    [problem] = problems_of(text)
    assert problem.message == "is longer than 128 KB and was not read"


def test_checking_ends_after_200_errors_with_a_message() -> None:
    with pytest.raises(ConfigError) as caught:
        decode_yaml(HOSTILE["unknown keys"], "a.yaml")
    assert len(caught.value.problems) == 201
    assert str(caught.value.problems[-1]) == "a.yaml: has 200 errors or more; the rest was not checked"


def test_a_full_file_of_right_rules_is_read_and_warned_of() -> None:
    text = filled(
        "{key: orders, check: exists}, ", RULES + JOB + 'schedule: {cron: "0 8 * * *"}\nvalidation: {rules: [', "]}"
    )
    text = text.replace('schedule: {cron: "0 8 * * *"}\n', "", 1)
    found = review({"a.yaml": text})
    assert not found.failed
    assert len(found.documents) == 1
    assert len(found.problems) == MOST_WARNINGS + 1
    assert any(problem.message == "has more than 200 warnings; the rest is not shown" for problem in found.problems)


PIECES = st.sampled_from(
    [
        *REST.split(),
        *"{}[],:&*!|>'\"%@`#-?~ \n\t",
        "<<",
        "*a",
        "&a",
        "---",
        "...",
        "- ",
        ": ",
        "!!str",
        "\x00",
        "\ud800",
        "é",
    ]
)


ENCODABLE = PIECES.filter(lambda piece: piece != "\ud800")
FULL_FILES = st.builds(
    lambda start, head, pattern, tail: filled(pattern, start + head, tail),
    st.sampled_from(["", REST]),
    st.lists(ENCODABLE, max_size=6).map("".join),
    st.lists(ENCODABLE | st.just("%d"), min_size=1, max_size=8).map("".join),
    st.lists(ENCODABLE, max_size=3).map("".join),
)


@given(text=FULL_FILES)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=max(10, settings().max_examples // 4))
def test_a_full_file_of_any_pattern_stays_within_the_bounds(text: str, measure: Measure) -> None:
    assert_bounded(measure(text))


@given(st.text(max_size=400))
@example("\ufeff")
@example("a: !<tag:yaml.org,2002:int> 3")
@example("%TAG ! tag:x,2000:\n---\na: b")
def test_any_text_is_answered(text: str) -> None:
    _answers(text)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_mixture_of_yaml_is_answered(text: str) -> None:
    _answers(text)


@given(st.data())
def test_a_right_file_with_holes_and_insertions_is_answered(data: st.DataObject) -> None:
    text = REST
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(PIECES) + text[place + data.draw(st.integers(0, 8)) :]
    _answers(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    _answers(data)


def test_a_file_that_grows_too_large_for_its_row_is_rejected() -> None:
    long = f"owner: &a {'ü' * 30_000}"
    names = "".join(f"--x{number}: *a, " for number in range(5))
    text = REST.replace("id: orders", f"id: orders, {long}").replace(
        "{type: command, config: {command: load}}", f"{{type: glue, config: {{jobName: x, arguments: {{{names}}}}}}}"
    )
    [problem] = problems_of(text)
    assert str(problem).endswith(" bytes of JSON; at most 262144 can be stored")


def test_json_whose_numbers_outgrow_the_row_is_rejected() -> None:
    numbers = ",".join(["1e15"] * 20_000)
    text = (
        '{"pipeline":{"id":"orders"},"schedule":{},"validation":{"rules":[{"key":"orders","check":"exists"}]},'
        f'"job":{{"type":"lambda","config":{{"functionName":"load","payload":[{numbers}]}}}}}}'
    )
    [problem] = problems_of(text, decode_json)
    assert str(problem).endswith(" bytes of JSON; at most 262144 can be stored")


def _answers(text: str | bytes) -> None:
    for read in (decode_yaml, decode_json):
        for line in map(str, problems_of(text, read)):
            assert line
            assert line.isprintable(), ascii(line)
    review({"file.yaml": text, "file.json": text})


@pytest.mark.parametrize(
    ("limit", "read", "head"),
    [(FULL, decode_yaml, REST + "#"), (JSON_LIMIT, decode_json, json.dumps({"pipeline": {"id": "a"}}) + " ")],
    ids=["yaml", "json"],
)
def test_a_text_at_the_limit_is_read_and_one_byte_more_is_not(
    limit: int, read: Callable[[str | bytes], object], head: str
) -> None:
    full = head + " " * (limit - len(head))
    rejected = f"is longer than {limit // 1024} KB and was not read"
    assert rejected not in [problem.message for problem in problems_of(full, read)]
    assert [problem.message for problem in problems_of(full + " ", read)] == [rejected]
