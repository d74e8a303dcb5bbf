"""The code names the words of rows by their enums: a literal could be misspelt, and no type would notice."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock_controller.runs import StepStatus
from interlock_lifecycle import JOB_EVENTS, TERMINAL_JOB_EVENTS, FailureCategory, JobEvent, RerunReason

ROOT = Path(__file__).parents[2]
HOMES = (
    "packages/interlock-cli",
    "packages/interlock-controller",
    "packages/interlock-lifecycle",
    "packages/interlock-store",
    "services/*",
)
# The modes of the state machine and the ways a run ends without an outcome have words of their own.
DEFINITIONS = {"_words.py", "_request.py"}
OTHER_ENUMS = {"Exhaustion"}
WORDS = {*JobEvent, *RerunReason, FailureCategory.TRANSIENT, FailureCategory.PERMANENT} - {
    *TERMINAL_JOB_EVENTS,
    RerunReason.MANUAL,
}
"""The words with one meaning only. `timeout` is also a key, and `manual` a word of messages."""


def literals(tree: ast.AST) -> Iterator[str]:
    """The words of enums that a module writes as texts, outside other enums."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and node.name in OTHER_ENUMS:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in WORDS:
            yield f"line {node.lineno}: {node.value}"
        yield from literals(node)


@pytest.mark.parametrize("home", HOMES)
def test_words_of_rows_come_from_their_enums(home: str) -> None:
    paths = [path for path in ROOT.glob(f"{home}/src/**/*.py") if path.name not in DEFINITIONS]
    assert paths
    found = {str(path.relative_to(ROOT)): list(literals(ast.parse(path.read_text()))) for path in paths}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_literal_is_found() -> None:
    assert list(literals(ast.parse("reason = 'late-data'\nclass Exhaustion:\n    A = 'job-poll-exhausted'"))) == [
        "line 1: late-data"
    ]


def test_the_words_are_those_of_the_rows() -> None:
    """Rows that were written before keep their meaning."""
    assert {
        "success",
        "fail",
        "timeout",
        "infra-trigger-failure",
        "infra-trigger-exhausted",
        "late-data-arrival",
        "rerun-accepted",
        "rerun-rejected",
        "validation-exhausted",
        "job-poll-exhausted",
    } == JOB_EVENTS
    assert {"success", "fail", "timeout"} == TERMINAL_JOB_EVENTS
    assert {"TRANSIENT", "PERMANENT", "TIMEOUT"} == set(FailureCategory)
    assert {"job-fail-retry", "late-data", "data-drift", "repeated-hour", "manual"} == set(RerunReason)
    assert {
        "passed",
        "not-ready",
        "held",
        "resting",
        "followed",
        "running",
        "not-started",
        "finished",
        "exhausted",
        "succeeded",
        "retrying",
        "failed",
        "superseded",
    } == set(StepStatus)
