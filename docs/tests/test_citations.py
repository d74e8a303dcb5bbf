"""Citations are true: each page that the code or another page cites exists, and so does each section."""

import ast
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORMER = tuple(f"{name}.md" for name in ("behaviour", "contracts", "quality"))
"""Pages that were never in the repository. The reference supersedes them."""

_PAGE = re.compile(r"(?<![\w./*{}-])[\w./-]*\w\.md\b")
_CITED_SECTION = re.compile(r"(docs/[\w./-]+\.md)((?:(?:,| and| to)? §\d+(?:\.\d+)*)+)")
_LINKED_SECTION = re.compile(r"\[[^\]]+\]\(([^)#:]+\.md)(?:#[^)]*)?\)((?:(?:,| and| to)? §\d+(?:\.\d+)*)+)")
_NUMBER = re.compile(r"§(\d+(?:\.\d+)*)")


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository that exist, with those that are not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def of_kind(*suffixes: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in suffixes]


@cache
def prose(path: Path) -> tuple[str, ...]:
    """The docstrings of a module, those behind constants too, and its comments."""
    return tuple(_prose(path, path.read_text()))


def _prose(path: Path, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.string


@cache
def sections(page: Path) -> frozenset[str]:
    """The numbers of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^#{2,4} (\d+(?:\.\d+)*)\.? ", text, re.MULTILINE))


def wrong_sections(text: str, pattern: re.Pattern[str], base: Path) -> list[str]:
    """The citations in a text whose page or section does not exist."""
    return [
        f"{name} §{number}"
        for name, numbers in pattern.findall(text)
        for number in _NUMBER.findall(numbers)
        if not (base / name).is_file() or number not in sections((base / name).resolve())
    ]


def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def test_wrong_citations_are_found() -> None:
    assert wrong_sections("see docs/reference/rows.md §2.3 and §3", _CITED_SECTION, ROOT) == []
    assert wrong_sections("see docs/reference/rows.md §2.99", _CITED_SECTION, ROOT) == ["docs/reference/rows.md §2.99"]
    assert wrong_sections("see docs/nothing.md §1", _CITED_SECTION, ROOT) == ["docs/nothing.md §1"]
    assert wrong_sections("[rows](rows.md) §1 and §99", _LINKED_SECTION, ROOT / "docs/reference") == ["rows.md §99"]


def test_no_file_names_a_former_page() -> None:
    found = []
    for path in of_kind(".py", ".md", ".tf", ".hcl", ".json", ".toml", ".yaml", ".txt"):
        text = path.read_text().lower()
        found += [f"{path.relative_to(ROOT)}: {name}" for name in FORMER if name in text]
    assert found == []


@pytest.mark.parametrize("suffix", [".py", ".tf"])
def test_each_section_that_the_code_cites_exists(suffix: str) -> None:
    wrong, cited = [], 0
    for path in of_kind(suffix):
        text = path.read_text() if suffix == ".tf" else "\n".join(prose(path))
        # A citation may be broken over two lines of a docstring.
        text = re.sub(r"\s*\n\s*#?\s*", " ", text)
        cited += len(_CITED_SECTION.findall(text))
        wrong += [f"{path.relative_to(ROOT)}: {one}" for one in wrong_sections(text, _CITED_SECTION, ROOT)]
        if "§" in _CITED_SECTION.sub("", text):
            wrong.append(f"{path.relative_to(ROOT)}: § without a page")
    assert wrong == []
    assert suffix != ".py" or cited >= 30


@pytest.mark.parametrize("page", of_kind(".md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_section_that_a_page_cites_exists(page: Path) -> None:
    assert wrong_sections(page.read_text(), _LINKED_SECTION, page.parent) == []


@pytest.mark.parametrize("page", of_kind(".md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_anchor_that_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\[[^\]]+\]\(([^)#:]*\.md)?#([^)]+)\)", page.read_text())
    targets = [(page.parent / name if name else page, anchor) for name, anchor in links]
    assert [anchor for target, anchor in targets if anchor not in anchors(target)] == []


def test_newcomers_questions_are_two_clicks_from_the_readme() -> None:
    """The README links to the index, and the index to each answer."""
    assert "](docs/README.md)" in (ROOT / "README.md").read_text()
    index = (ROOT / "docs" / "README.md").read_text().partition("## Questions of newcomers")[2]
    answers = [line for line in index.splitlines() if line.startswith("|") and "?" in line]
    assert len(answers) == 7
    assert [line for line in answers if "](" not in line] == []


def test_each_page_that_a_docstring_or_a_comment_names_exists() -> None:
    wrong = []
    for path in of_kind(".py"):
        homes = (ROOT, *path.parents[: len(path.relative_to(ROOT).parts)])
        for text in prose(path):
            names = [name for name in _PAGE.findall(text) if not any((home / name).exists() for home in homes)]
            wrong += [f"{path.relative_to(ROOT)}: {name}" for name in names]
    assert wrong == []
