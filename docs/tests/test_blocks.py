"""The blocks of the pages can be read: JSON, YAML, TOML, and Python with imports that exist."""

import ast
import doctest
import json
import tomllib
from collections.abc import Callable, Iterator

import pytest
import yaml
from faces import names_of
from test_docs import PAGES, ROOT, fences


def named(language: str) -> list[tuple[str, str]]:
    """The blocks of a language with their pages."""
    return [(page.relative_to(ROOT).as_posix(), text) for page, text in fences(language)]


def read_json(text: str) -> None:
    """A document, or a document per line or paragraph."""
    try:
        json.loads(text)
    except json.JSONDecodeError:
        for part in text.strip().split("\n\n" if "\n\n" in text else "\n"):
            json.loads(part)


READERS: dict[str, Callable[[str], object]] = {"json": read_json, "yaml": yaml.safe_load, "toml": tomllib.loads}
BLOCKS = [(language, page, text) for language in READERS for page, text in named(language)]


def test_there_are_blocks_of_each_language() -> None:
    assert {language for language, *_ in BLOCKS} == set(READERS)
    assert len(PAGES) > 100


@pytest.mark.parametrize(("language", "page", "text"), BLOCKS, ids=lambda value: str(value)[-40:].split("\n")[0])
def test_a_block_can_be_read(language: str, page: str, text: str) -> None:
    READERS[language](text)


def wrong_imports(code: str) -> Iterator[str]:
    """The imports of a program from packages of this repository that do not exist. Raises SyntaxError."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("interlock_"):
            known = names_of(str(node.module))
            yield from (f"{node.module}.{one.name}" for one in node.names if one.name not in known)


def program(text: str) -> str:
    """The code of a session, or a program as it is."""
    return doctest.script_from_examples(text) if ">>>" in text else text


def test_a_wrong_import_is_found() -> None:
    session = program(">>> from interlock_sla import zone, nothing\n>>> 1 + 1\n2\n")
    assert list(wrong_imports(session)) == ["interlock_sla.nothing"]
    adapter = "from interlock_sensors.airflow import PutSensorOperator, nothing"
    assert list(wrong_imports(adapter)) == ["interlock_sensors.airflow.nothing"]
    with pytest.raises(SyntaxError):
        list(wrong_imports("from interlock_sla import"))


@pytest.mark.parametrize(("page", "text"), named("python"), ids=lambda value: str(value)[-40:].split("\n")[0])
def test_a_program_imports_names_that_exist(page: str, text: str) -> None:
    assert list(wrong_imports(program(text))) == []
