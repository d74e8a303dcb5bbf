"""Hostile and clumsy inputs of full size: an answer in time and in bounds, whatever they hold."""

import tracemalloc
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interlock_config import ConfigError, Problem, decode_json, decode_yaml, review

FULL = 128 * 1024
REST = """
pipeline: {id: orders}
schedule: {cron: "0 8 * * *"}
validation: {rules: [{key: orders, check: exists}]}
job: {type: command, config: {command: load}}
"""


def problems_of(text: str | bytes, read: Callable[[str | bytes], object] = decode_yaml) -> tuple[Problem, ...]:
    """What reading the text finds; nothing when it can be read."""
    try:
        read(text)
    except ConfigError as error:
        return error.problems
    return ()


def filled(pattern: str, head: str = "", tail: str = "") -> str:
    """The pattern as often as it fits into the size limit; `%d` becomes a number."""
    parts, size = [], len(head) + len(tail)
    for number in count():
        part = pattern.replace("%d", str(number))
        if size + len(part.encode()) > FULL - 100:
            return head + "".join(parts) + tail
        parts.append(part)
        size += len(part.encode())
    raise AssertionError


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


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_gets_an_answer_within_memory(text: str) -> None:
    assert len(text.encode()) <= FULL
    tracemalloc.start()
    try:
        problems = problems_of(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(problems) <= 201
    assert all(len(str(problem)) < 1_000 + len(problem.path) for problem in problems)
    assert peak < 200 * 1024 * 1024


def test_looking_ends_after_200_errors_and_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        decode_yaml(HOSTILE["unknown keys"], "a.yaml")
    assert len(caught.value.problems) == 201
    assert str(caught.value.problems[-1]) == "a.yaml: has 200 errors or more; the rest was not looked at"


def test_a_full_file_of_right_rules_is_read_and_warned_of() -> None:
    text = filled(
        "{key: orders, check: exists}, ", RULES + JOB + 'schedule: {cron: "0 8 * * *"}\nvalidation: {rules: [', "]}"
    )
    text = text.replace('schedule: {cron: "0 8 * * *"}\n', "", 1)
    found = review({"a.yaml": text})
    assert not found.failed
    assert len(found.problems) > 4_000


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


@given(st.text(max_size=400))
@example("\ufeff")
@example("a: !<tag:yaml.org,2002:int> 3")
@example("%TAG ! tag:x,2000:\n---\na: b")
@settings(deadline=1000)
def test_any_text_is_answered(text: str) -> None:
    _answers(text)


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(deadline=1000)
def test_any_mixture_of_yaml_is_answered(text: str) -> None:
    _answers(text)


@given(st.data())
@settings(deadline=1000)
def test_a_right_file_with_holes_and_insertions_is_answered(data: st.DataObject) -> None:
    text = REST
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(PIECES) + text[place + data.draw(st.integers(0, 8)) :]
    _answers(text)


@given(st.binary(max_size=300))
@settings(deadline=1000)
def test_any_bytes_are_answered(data: bytes) -> None:
    _answers(data)


def test_a_file_that_grows_too_large_for_its_row_is_refused() -> None:
    long = f"owner: &a {'ü' * 30_000}"
    names = "".join(f"--x{number}: *a, " for number in range(5))
    text = REST.replace("id: orders", f"id: orders, {long}").replace(
        "{type: command, config: {command: load}}", f"{{type: glue, config: {{jobName: x, arguments: {{{names}}}}}}}"
    )
    [problem] = problems_of(text)
    assert str(problem).endswith(" bytes of JSON; at most 262144 can be stored")


def _answers(text: str | bytes) -> None:
    for read in (decode_yaml, decode_json):
        for line in map(str, problems_of(text, read)):
            assert line
            assert line.isprintable(), ascii(line)
    review({"file.yaml": text, "file.json": text})
