"""The documentation is true: links lead somewhere, pipeline files are valid, commands exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import readme_examples

from interlock_cli import main
from interlock_config import AlertRules, read_document, review

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("packages/*/*.md"),
        *ROOT.glob("services/*/*.md"),
        *ROOT.glob("tests/**/*.md"),
        *ROOT.glob("infra/**/*.md"),
    )
    if ".terraform" not in page.parts
)
_LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fences(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found in _FENCE.finditer(page.read_text()):
            if found[1] == language:
                yield page, found[2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = [link for link in _LINK.findall(page.read_text()) if "://" not in link and not link.startswith("mailto:")]
    missing = [link for link in targets if not (page.parent / link).exists()]
    assert missing == []


PIPELINES = [(page, text) for page, text in fences("yaml") if re.search(r"^pipeline:", text, re.MULTILINE)]


def test_there_are_pipeline_files_to_check() -> None:
    assert {page.relative_to(ROOT).as_posix() for page, _ in PIPELINES} >= {"README.md", "docs/pipelines.md"}


@pytest.mark.parametrize(("page", "text"), PIPELINES, ids=lambda value: str(value)[-30:].split("\n")[0])
def test_every_complete_pipeline_file_is_valid(page: Path, text: str) -> None:
    if "job:" in text and "validation:" in text:
        read_document(text, str(page))


ROUTINGS = [(page, text) for page, text in fences("yaml") if re.search(r"^version: 1$", text, re.MULTILINE)]


def test_there_are_routings_of_alerts_to_check() -> None:
    assert {page.relative_to(ROOT).as_posix() for page, _ in ROUTINGS} >= {"docs/reference/pipeline-file.md"}


@pytest.mark.parametrize(("page", "text"), ROUTINGS, ids=lambda value: str(value)[-30:].split("\n")[0])
def test_every_routing_of_alerts_is_valid(page: Path, text: str) -> None:
    assert isinstance(read_document(text, "alerts.yaml"), AlertRules)


def test_the_example_of_a_routing_has_no_problem() -> None:
    found = review({"alerts.yaml": (ROOT / "examples" / "alerts.yaml").read_text()})
    assert found.problems == ()


UNTESTED_ELSEWHERE = ("interlock-lifecycle", "interlock-store", "interlock-controller")
EXAMPLES = [
    (name, place, *example)
    for name in UNTESTED_ELSEWHERE
    for place, example in enumerate(
        readme_examples._EXAMPLE.findall((ROOT / "packages" / name / "README.md").read_text())
    )
]


def test_each_of_these_packages_has_an_example() -> None:
    assert {name for name, *_ in EXAMPLES} == set(UNTESTED_ELSEWHERE)


@pytest.mark.parametrize(
    ("name", "place", "code", "printed"), EXAMPLES, ids=lambda value: str(value)[:25].split("\n")[0]
)
def test_an_example_prints_its_output(name: str, place: int, code: str, printed: str) -> None:
    assert readme_examples.wrong(code, printed) == ""


def commands_in(text: str) -> Iterator[list[str]]:
    """The words behind `interlock` in the lines of a shell block."""
    for line in text.splitlines():
        for part in re.split(r"&&|\|\||\|", line.partition("#")[0]):
            words = part.split()
            if "interlock" in words and not part.strip().startswith(("pip", "cd", "export")):
                yield words[words.index("interlock") + 1 :]


@pytest.mark.parametrize(("page", "text"), list(fences("sh")), ids=lambda value: str(value)[-40:].split("\n")[0])
def test_every_command_and_option_exists(page: Path, text: str) -> None:
    for words in commands_in(text):
        command: click.Command = main
        rest = list(words)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            name = rest.pop(0)
            found = command.get_command(click.Context(command), name)
            assert found is not None, f"{page}: interlock has no command {name!r}"
            command = found
        known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h", "--version"}
        unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
        assert unknown == [], f"{page}: {' '.join(words)}"


_TEST = re.compile(r"`((?:packages|services|tests|examples|infra|docs)/[\w./-]+\.py)(?:::([\w:]+))?`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_named_exists(page: Path) -> None:
    wrong = []
    for path, name in _TEST.findall(page.read_text()):
        file = ROOT / path
        wanted = [f"def {name.split('::')[-1]}("] if name else []
        wanted += [f"class {part}:" for part in name.split("::")[:-1]]
        if not file.exists() or any(text not in file.read_text() for text in wanted):
            wrong.append(f"{path}::{name}")
    assert wrong == []


def sessions(source: str) -> dict[str, bool]:
    """The sessions of a noxfile, and whether each takes a parameter."""
    found: dict[str, bool] = {}
    for node in ast.parse(source).body:
        decorators = [ast.unparse(one) for one in getattr(node, "decorator_list", [])]
        named = [one for one in decorators if one.startswith("nox.session")]
        if isinstance(node, ast.FunctionDef) and named:
            name = re.search(r"name='([^']+)'", named[0])
            found[name[1] if name else node.name] = any(one.startswith("nox.parametrize") for one in decorators)
    return found


NOX = sessions((ROOT / "noxfile.py").read_text())
UNITS = {path.parent.name for kind in ("packages", "services") for path in ROOT.glob(f"{kind}/*/pyproject.toml")}
UNITS |= {"3.9", "3.10", "3.11", "3.12", "3.13"}
_NOX = re.compile(r"nox -s ((?:[\w-]+|\"[\w-]+\([^)]*\)\")(?: \"[\w-]+\([^)]*\)\")*)")


def wrong_sessions(text: str) -> list[str]:
    """The sessions that a text names and that do not exist."""
    wrong = []
    for command in _NOX.findall(text):
        for name, unit in re.findall(r"([\w-]+)(?:\(([^)]*)\))?", command):
            if name not in NOX or (unit and not (NOX[name] and unit in UNITS)):
                wrong.append(f"{name}({unit})" if unit else name)
    return wrong


def test_wrong_sessions_are_found() -> None:
    assert wrong_sessions('nox -s lint; nox -s "tests(interlock-dlq)" "floor(interlock-sla)" -- -k x') == []
    assert wrong_sessions("`nox -s nothing`") == ["nothing"]
    assert wrong_sessions('nox -s "tests(nothing)" "lint(interlock-dlq)"') == ["tests(nothing)", "lint(interlock-dlq)"]
    assert wrong_sessions("nox -s \"tests(unit='interlock-dlq')\"") == ["tests(unit='interlock-dlq')"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_nox_session_that_is_named_exists(page: Path) -> None:
    assert wrong_sessions(page.read_text()) == []


def test_contributing_lists_each_nox_session() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| session |")[2].partition("\n\n")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    defaults = re.search(r"nox\.options\.sessions = (\[.*?\])", (ROOT / "noxfile.py").read_text(), re.DOTALL)
    assert defaults is not None
    assert [cells[0].strip("`") for cells in lines] == list(NOX)
    # The table has the order of the file, and the defaults begin with the longest sessions.
    by_default = {cells[0].strip("`") for cells in lines if cells[3] == "yes"}
    assert by_default == set(ast.literal_eval(defaults[1]))
    assert [cells[0] for cells in lines if not re.fullmatch(r"(?:about )?[1-9]\d*", cells[2])] == []


DOCS = ROOT / "docs"
INDEXED = ("decisions", "how-to", "reference")
"""The folders whose own README is the index of their pages."""


def linked(page: Path) -> set[Path]:
    """The files below docs/ that a page links to."""
    targets = ((page.parent / link).resolve() for link in _LINK.findall(page.read_text()) if "://" not in link)
    return {target for target in targets if target.is_relative_to(DOCS)}


def test_the_index_links_to_each_page() -> None:
    index = DOCS / "README.md"
    found = {index}.union(linked(index), *(linked(DOCS / folder / "README.md") for folder in INDEXED))
    assert linked(index) >= {DOCS / folder / "README.md" for folder in INDEXED}
    assert sorted(set(DOCS.glob("**/*.md")) - found) == []


HOMES = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for kind in ("packages", "services")
    for path in ROOT.glob(f"{kind}/*/pyproject.toml")
)


def test_the_root_changelog_links_to_each_unit() -> None:
    links = re.findall(r"\]\(([\w/-]+)/CHANGELOG\.md\)", (ROOT / "CHANGELOG.md").read_text())
    assert sorted(links) == HOMES


CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def wrong_changelog(text: str) -> list[str]:
    """The differences of a changelog from the form of Keep a Changelog."""
    kind, wrong = "", []
    for line in text.splitlines():
        if line.startswith("## "):
            kind = ""
            wrong += [line] if not re.fullmatch(r"## (Unreleased|\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2})", line) else []
        elif line.startswith("### "):
            kind = line[4:]
            wrong += [line] if kind not in CHANGES else []
        elif line.startswith("- ") and not kind:
            wrong.append(line)
    return wrong


def test_wrong_changelogs_are_found() -> None:
    assert (
        wrong_changelog("# A\n\n## Unreleased\n\n### Added\n\n- x\n\n## 0.1.0 - 2026-03-03\n\n### Fixed\n\n- y\n") == []
    )
    assert wrong_changelog("## Unreleased\n\n- x\n") == ["- x"]
    assert wrong_changelog("## Next\n\n### News\n\n- x\n") == ["## Next", "### News"]


@pytest.mark.parametrize("home", HOMES)
def test_a_changelog_has_the_usual_form(home: str) -> None:
    text = (ROOT / home / "CHANGELOG.md").read_text()
    assert "## Unreleased" in text
    assert wrong_changelog(text) == []
