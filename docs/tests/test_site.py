"""The site holds each page, its pictures and tables are current, and pages for new users can be played."""

import re
import sys
from pathlib import Path

import costs
import dialects
import docstrings
import draw
import pages
import pytest
import readme_examples
import tutorial
import waiting_costs
from build import foreign
from diagrams import UnknownDiagram, as_tables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def in_navigation() -> set[str]:
    """The pages that the side bar leads to."""
    index = (ROOT / pages.INDEX).read_text()
    found = {"index"}
    waiting = [name.removeprefix("/") for name in re.findall(r"^/\S+$", index, re.MULTILINE)]
    while waiting:
        name = waiting.pop()
        assert name not in found, f"{name} is in the side bar twice"
        found.add(name)
        waiting += [] if name.endswith("/api") else pages.children(pages.file_of(name))
    return found


def test_side_bar_leads_to_each_page() -> None:
    api = {f"{package}/api" for package in pages._packages()}
    assert in_navigation() == {pages.docname(file) for file in pages.pages()} | api


def test_links_to_folders_lead_to_their_readmes_or_are_text() -> None:
    text = "[a](../packages/interlock-sla) [`b`](../findings) [c](dates.md#1-x) `[d](../findings)` [e](https://x.y/z)"
    assert pages.rewritten("docs/README.md", text) == (
        "[a](../packages/interlock-sla/README.md) `b` [c](dates.md#1-x) `[d](../findings)` [e](https://x.y/z)"
    )


def test_links_of_the_index_count_from_the_root() -> None:
    text = pages.rewritten(pages.INDEX, "![a](../pictures/stamp.svg) [b](../tutorial/README.md)")
    assert text == "![a](docs/pictures/stamp.svg) [b](docs/tutorial/README.md)"


def test_public_modules_are_in_the_api() -> None:
    text = pages.api_page("packages/interlock-lifecycle")
    modules = re.findall(r"automodule:: (\S+)", text)
    assert modules[0] == "interlock_lifecycle"
    assert "interlock_lifecycle.runs" in modules
    assert [name for name in modules if "._" in name] == []


def test_a_state_diagram_becomes_a_table() -> None:
    text = '```mermaid\nstateDiagram-v2\n    state "not begun" as A\n    [*] --> A: a row\n    A --> [*]\n```\n'
    lines = ["| from | to | by |", "|---|---|---|", "| *nothing* | not begun | a row |", "| not begun | *the end* |  |"]
    assert as_tables(text) == "\n".join([*lines, ""])
    with pytest.raises(UnknownDiagram, match="A --- B"):
        as_tables("```mermaid\nstateDiagram-v2\n    A --- B\n```\n")


def test_each_diagram_of_the_pages_is_known() -> None:
    found = [file for file in pages.pages() if "```mermaid" in (ROOT / file).read_text()]
    assert len(found) >= 2
    for file in found:
        assert "```mermaid" not in as_tables((ROOT / file).read_text())


def test_a_docstring_is_shown_as_it_is() -> None:
    lines = ["Reads `a|b` of *rows*.", "", "until: the end", "of the call", "other: `x_`"]
    assert docstrings.shown(lines) == [
        "Reads ``a|b`` of \\*rows\\*.",
        "",
        "",
        "- ``until``: the end",
        "  of the call",
        "",
        "- ``other``: ``x_``",
        "",
    ]


def test_a_file_from_another_server_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="https://x.y">x</a><script src="own.js"></script>')
    (tmp_path / "a.css").write_text("a { mask: url('data:image/svg+xml,<svg xmlns=\"http://www.w3.org/2000/svg\"/>') }")
    assert list(foreign(tmp_path)) == []
    (tmp_path / "b.html").write_text('<link rel="stylesheet" href="https://fonts.example/css">')
    (tmp_path / "c.css").write_text("@font-face { src: url(//fonts.example/a.woff) }")
    assert [line.partition(":")[0] for line in foreign(tmp_path)] == ["b.html", "c.css"]


@pytest.mark.parametrize("name", draw.DRAWN)
def test_each_picture_is_current(name: str) -> None:
    """Run `python docs/website/draw.py` if this fails."""
    assert (DOCS / "pictures" / name).read_text() == draw.DRAWN[name]()


def table(page: str, name: str) -> list[str]:
    """The lines of a table of a page."""
    found = re.search(rf"<!-- table: {name} -->\n\n(.*?)\n\n<!-- end -->", page, re.DOTALL)
    assert found is not None, name
    return found[1].splitlines()


@pytest.mark.parametrize("name", dialects.questions())
def test_crons_of_the_page_fire_as_interlock_fires(name: str) -> None:
    """`nox -s tables` compares the other columns."""
    page = (DOCS / "wrong-guesses" / "cron.md").read_text()
    shown = [line.split(" | ")[:2] for line in table(page, name)[2:]]
    computed = dialects.table(dialects.questions()[name], {"Interlock": dialects.PRODUCTS["Interlock"]})[2:]
    assert shown == [line.removesuffix(" |").split(" | ") for line in computed]


def test_costs_follow_from_counts_and_prices() -> None:
    """`nox -s tables` compares the counts with the benchmark."""
    page = costs.PAGE.read_text()
    head, _, *lines = [line.strip("| ").split(" | ") for line in table(page, "runs")]
    counts: dict[str, dict[str, float]] = {}
    for place, story in enumerate(waiting_costs.STORIES):
        assert head[place] == story
        counts[story] = {cells[0]: float(cells[place + 1]) for cells in lines[:-1]}
    assert {cells[0]: float(cells[-1]) for cells in lines[:-1]} == waiting_costs.PRICES
    assert costs.written(page, {name: costs.Counter(found) for name, found in counts.items()}) == page  # type: ignore[arg-type]


EXPLAINED = sorted(page for page in DOCS.glob("explanation/*.md") if "```python" in page.read_text())


@pytest.mark.parametrize("page", EXPLAINED, ids=lambda page: page.name)
def test_examples_of_explanations_run(page: Path) -> None:
    examples = readme_examples._EXAMPLE.findall(page.read_text())
    assert examples
    assert [fault for code, printed in examples if (fault := readme_examples.wrong(code, printed))] == []


def test_a_missing_line_of_an_output_is_found() -> None:
    output = "orders    2026-11-30  completed     by 12-01 08:00Z: met 11-30 12:16:50Z\nloaded 2026-11-30\n"
    assert tutorial.missing("orders 2026-03-03  completed  by 03-04 08:00Z: met 03-03 12:00:00Z\n", output) == []
    assert tutorial.missing("loaded 2026-03-03\nloaded 2026-03-03\n", output) == ["loaded 2026-03-03"]
    assert tutorial.missing("orders 2026-03-03  failed\n", output) == ["orders 2026-03-03  failed"]


def test_only_commands_that_read_are_repeated() -> None:
    assert tutorial.only_reads("interlock status orders\ncat loaded.txt\n")
    assert not tutorial.only_reads("interlock sensor put orders landing\ninterlock status orders\n")


def test_a_block_that_fails_ends_the_play(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nfalse\n```\n")
    with pytest.raises(tutorial.Failure, match="exit code 1"):
        tutorial.play(page, Path(sys.executable))
    page.write_text("```sh\necho done\n```\n\n```text\nfinished\n```\n")
    with pytest.raises(tutorial.Failure, match="finished"):
        tutorial.play(page, Path(sys.executable))
    page.write_text("```sh\nX=done\n```\n\n```sh\necho $X\n```\n\n```text\ndone\n```\n")
    assert tutorial.play(page, Path(sys.executable)) == 3


ALONE = ("sla", "rules", "triggers", "dlq", "telemetry", "store")
"""The packages that are chosen alone."""


@pytest.mark.parametrize("name", ALONE)
def test_a_package_can_be_chosen_by_its_page(name: str) -> None:
    text = (ROOT / "packages" / f"interlock-{name}" / "README.md").read_text()
    assert f"pip install interlock-{name}" in text
    assert "](CHANGELOG.md)" in text
    assert re.search(r"^## Compared with ", text, re.MULTILINE)
    examples = readme_examples._EXAMPLE.findall(text)
    assert sum(">>>" in code or bool(printed) or "assert " in code for code, printed in examples) >= 3


FAKE = """#!/bin/sh
if [ -e once ]; then echo "Ctrl-C stops it"; exec sleep 60; fi
touch once
echo "error: The function watchdog is {problem}."
exit 1
"""


def test_a_start_on_a_busy_machine_is_repeated(tmp_path: Path) -> None:
    page, command = tmp_path / "page.md", tmp_path / "command"
    page.write_text("```sh\ninterlock up\n```\n\n```text\nstops it\n```\n")
    command.write_text(FAKE.format(problem="not healthy"))
    command.chmod(0o755)
    assert tutorial.play(page, command) == 2
    command.write_text(FAKE.format(problem="broken"))
    with pytest.raises(tutorial.Failure, match="watchdog is broken"):
        tutorial.play(page, command)
