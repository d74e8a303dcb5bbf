"""The error of a text that is not YAML: its line and the most likely cause."""

from typing import Any

import yaml

from interlock_config._problems import readable

_TAB = "a tab indents this line; YAML allows only spaces"
_LIKELY = {
    "while scanning an alias": "a value that begins with * needs quotes",
    "tag handle": "a value that begins with ! needs quotes",
    "that cannot start any token": "a value that begins with @, `, % or a tab needs quotes",
    "node content": "a value that begins with : or another sign of YAML needs quotes",
    "mapping values are not allowed": "check the indentation; a text that contains ': ' needs quotes",
    "did not find expected key": "check the indentation, and that every quote is closed",
    "could not find expected ':'": "check the indentation; every key needs a colon and a space",
    "unexpected end of stream": "a quote is not closed",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
}
"""Parts of the messages of libyaml and PyYAML, with the most likely cause."""


def syntax_problem(error: yaml.YAMLError, text: str) -> tuple[int | None, str]:
    """The line of a syntax error (from 1, None if unknown) and a message with the likely correction."""
    rows = text.splitlines() or [""]
    mark: Any = getattr(error, "problem_mark", None)
    line = None if mark is None else min(mark.line + 1, len(rows))
    if line is not None and "\t" in _indent(rows[line - 1]):
        return line, f"is not YAML: {_TAB}"
    said = " ".join(str(error).split())
    likely = next((advice for sign, advice in _LIKELY.items() if sign in said), None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return line, f"is not YAML: {likely or readable(problem)}"


def _indent(row: str) -> str:
    return row[: len(row) - len(row.lstrip())]
