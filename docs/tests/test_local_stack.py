"""The page of the local stack names the installed server, each test of a difference, and tests that exist."""

import ast
import re
from pathlib import Path

import pytest
from test_reference import rows, section

ROOT = Path(__file__).parents[2]
PAGE = "local-stack.md"
PROBES = ROOT / "packages/interlock-local/tests/server/test_differences.py"
TABLE = [cells for cells in rows(section(PAGE, "3")) if cells[0] != "the server"]
CITED = re.findall(r"`([\w/-]+\.py)::(test_\w+)`", section(PAGE, "3"))


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {one.name for one in ast.walk(tree) if isinstance(one, functions) and one.name.startswith("test_")}


def test_page_names_the_installed_version() -> None:
    project = (ROOT / "packages/interlock-local/pyproject.toml").read_text(encoding="utf-8")
    pinned = re.search(r'"ministack==([\d.]+)"', project)
    assert pinned is not None
    assert set(re.findall(r"ministack (\d[\d.]*\d)", section(PAGE, "3"))) == {pinned[1]}


def test_each_difference_has_its_row() -> None:
    assert sorted(cells[3].strip("`") for cells in TABLE) == sorted(names_in(PROBES))


@pytest.mark.parametrize("cells", TABLE, ids=lambda cells: cells[3])
def test_each_row_has_its_kind_and_a_test(cells: list[str]) -> None:
    assert len(cells) == 5
    assert cells[2] in {"laxer", "stricter", "other"}
    assert re.search(r"`[\w/-]+\.py::test_\w+`", cells[4])


@pytest.mark.parametrize(("file", "name"), CITED)
def test_cited_tests_exist_and_need_no_local_server(file: str, name: str) -> None:
    assert name in names_in(ROOT / file)
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"\b(Ministack|LocalStack)\(", text)
