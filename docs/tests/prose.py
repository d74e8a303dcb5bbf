"""The prose in the files of the repository: pages, docstrings, comments, descriptions and messages.

A reader per kind of file yields its texts. The rules for them are in `language`.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

# Two or more words in a double-quoted text of Terraform or JSON, after the names of the attributes that people read.
_DESCRIBED = re.compile(r'"?\w*(?i:description|comment|title)"?\s*[=:]\s*"((?:\\.|[^"\\])*)"')
_REPORTED = re.compile(r'^\s*error_message\s*=\s*"((?:\\.|[^"\\])*)"')
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|(?<!\w)\'[^\'\n]*\'(?!\w)')
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//)(?:\s.*)?$")


class Kind(Enum):
    """The kinds of text. The limits per 1,000 words count in prose only."""

    PROSE = auto()
    MESSAGE = auto()
    TEST_NAME = auto()


class Text(NamedTuple):
    """A piece of text with the line on which it begins. A test name has spaces for underscores."""

    line: int
    words: str
    kind: Kind = Kind.PROSE


def markdown(text: str) -> Iterator[Text]:
    """The prose of a page: no code blocks, no code spans, no addresses of links."""
    text = re.sub(r"^( *)```.*?^\1```", lambda found: "\n" * found[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    yield Text(1, re.sub(r"\]\([^)\s]+\)", "]", _without_spans(text)))


def _without_spans(text: str) -> str:
    return re.sub(r"(`+)(?:(?!\n\n).)+?\1", lambda found: "`" + "\n" * found[0].count("\n"), text, flags=re.DOTALL)


def python(text: str) -> Iterator[Text]:
    """The docstrings, comments, messages and test names of a module."""
    tree = ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from _message(node.lineno, "".join(map(_part, node.values)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            if id(node) in docstrings:
                yield Text(node.lineno, _without_spans(node.value))
            else:
                yield from _message(node.lineno, node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Text(node.lineno, node.name.replace("_", " "), Kind.TEST_NAME)
    yield from _comments(text)


def _part(node: ast.expr) -> str:
    """The text of a part of an f-string."""
    return str(node.value) if isinstance(node, ast.Constant) else "{}"


def _message(line: int, text: str) -> Iterator[Text]:
    if " " in text.strip():
        yield Text(line, _without_spans(text), Kind.MESSAGE)


def _comments(text: str) -> Iterator[Text]:
    """The comments of a module. Those on adjacent lines are one text, since a sentence may span them."""
    block: list[str] = []
    first, last = 0, -1
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1:
            yield from _block(first, block)
            block, first = [], token.start[0]
        block.append(token.string)
        last = token.start[0]
    yield from _block(first, block)


def _block(line: int, comments: list[str]) -> Iterator[Text]:
    if comments:
        yield Text(line, _without_spans("\n".join(comments)))


def terraform(text: str) -> Iterator[Text]:
    """The comments, descriptions and error messages of Terraform code and its tests."""
    yield from commented(text)
    yield from json_text(text)
    for number, line in enumerate(text.splitlines(), 1):
        if found := _REPORTED.match(line):
            yield Text(number, _without_spans(found[1]), Kind.MESSAGE)


def json_text(text: str) -> Iterator[Text]:
    """The comments, descriptions and titles of a JSON document."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in _DESCRIBED.finditer(line):
            yield Text(number, _without_spans(found[1]))


def commented(text: str) -> Iterator[Text]:
    """The comments of a file in a language with `#`. Those on adjacent lines are one text."""
    lines = [_COMMENT.search(_QUOTED.sub(_blank, line)) for line in text.splitlines()]
    block: list[str] = []
    for number, (line, found) in enumerate(zip(text.splitlines(), lines, strict=True), 1):
        if found:
            block.append(line[found.start() :])
        else:
            yield from _block(number - len(block), block)
            block = []
    yield from _block(len(lines) + 1 - len(block), block)


def _blank(found: re.Match[str]) -> str:
    return "x" * len(found[0])


def table(text: str) -> Iterator[Text]:
    """The comments of a table of test cases, the name of each row, and each expected message."""
    yield from commented(text)
    for number, line in enumerate(text.splitlines(), 1):
        name, cells, _ = line.partition(" | ")
        if line.startswith("=> "):
            yield Text(number, _without_spans(line), Kind.MESSAGE)
        elif cells and not line.startswith("#"):
            yield Text(number, _without_spans(name.strip()), Kind.MESSAGE)


def described(text: str) -> Iterator[Text]:
    """The comments and descriptions of a YAML or TOML file."""
    yield from commented(text)
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.match(r"\s*-?\s*(?:description|name):?\s*=?\s*(\S.*)$", line):
            yield from _message(number, found[1])


READERS: Mapping[str, Callable[[str], Iterable[Text]]] = {
    ".md": markdown,
    ".py": python,
    ".tf": terraform,
    ".hcl": terraform,
    ".json": json_text,
    ".txt": table,
    ".yaml": described,
    ".yml": described,
    ".toml": described,
    ".sh": commented,
}
"""The reader of each kind of file, by the end of its name."""


def read(name: str, text: str) -> Iterator[Text]:
    """The prose of a file, by the end of its name."""
    yield from READERS[name[name.rindex(".") :]](text)
