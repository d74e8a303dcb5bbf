"""Foreign text reaches a terminal only as `shown` writes it, and only one module writes to a stream."""

import ast
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hostile import HOSTILE, raw_signs
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, Group
from rich.text import Text

from interlock_cli import main
from interlock_cli._output._console import (
    CliError,
    Output,
    _Guarded,
    console,
    print_json,
    print_workflow_command,
    table,
)
from interlock_cli._output._foreign import LONGEST, guarded, shown

SOURCES = Path(__file__).parents[2]
WRITERS = {"interlock-cli/src/interlock_cli/_output/_console.py"}
"""The modules that write to a stream."""

PICTURES = WRITERS | {"interlock-local/src/interlock_local/demo/_screen.py"}
"""The modules that use rich. The picture of the demo has no console of its own."""


def modules() -> list[tuple[str, ast.Module]]:
    found = [
        file for package in ("interlock-cli", "interlock-local") for file in SOURCES.glob(f"{package}/src/**/*.py")
    ]
    assert len(found) > 50
    return [(file.relative_to(SOURCES).as_posix(), ast.parse(file.read_text())) for file in found]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_becomes_one_visible_line(text: str) -> None:
    assert raw_signs(shown(text)) == []
    assert "\n" not in shown(text)


@given(st.text(st.characters()))
def test_shown_text_is_printable_and_stays_so(text: str) -> None:
    once = shown(text)
    assert once.isprintable()
    assert raw_signs(once) == []
    assert shown(once, len(once)) == once


@pytest.mark.parametrize(
    "text", ["käse", "温度 20 °C", "naïve e\u0301", "⚠\ufe0f late", "a\\b", "[brackets] stay", "\u05d0\u05d1"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("\x1b[31m", "\\u001b[31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\u2800\u3164", "\\u2800\\u3164"),
    ],
    ids=ascii,
)
def test_a_forbidden_character_shows_its_code(text: str, escaped: str) -> None:
    assert shown(text) == escaped


def test_a_long_text_is_cut_with_its_length() -> None:
    assert shown("x" * LONGEST) == "x" * LONGEST
    assert shown("x" * 1_000_000) == "x" * LONGEST + "… (1,000,000 characters)"


def test_a_complete_line_keeps_its_line_ends_only() -> None:
    assert guarded("a\nb\x1b\n") == "a\nb\\u001b\n"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_lines_tables_and_errors_show_hostile_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = console()
    out.line(text)
    out.line(("red", text), text)
    rows = table("column", title=text, whole=("column",))
    rows.add_row(text)
    rows.add_row([[("red", text), text], [text]])
    out.table(rows)
    CliError(text).show()
    CliError(text, text).show()
    print_workflow_command(text)
    seen = capsys.readouterr()
    assert raw_signs(seen.out + seen.err) == []
    assert seen.out.splitlines()[0] == shown(text)
    assert seen.err == f"error: {shown(text)}\n" * 3


def test_a_line_end_in_a_value_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    console().line("held: ", "a\nCOMPLETED b")
    assert capsys.readouterr().out == "held: a\\nCOMPLETED b\n"


def test_a_renderable_with_raw_text_is_escaped_too(capsys: pytest.CaptureFixture[str]) -> None:
    _Guarded().print(Group(Text("a\x1b[2Jb\u202e"), Text("next")))
    assert capsys.readouterr().out == "a\\u001b[2Jb\\u202e\nnext\n"


def test_colours_are_written_and_the_text_in_them_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = _Guarded(markup=False, color_system="standard", force_terminal=True)
    with made.capture() as capture:
        Output(made).line(("red", "[bold]\x1b[5m"))
    assert capture.get() == "\x1b[31m[bold]\\u001b[5m\x1b[0m\n"


@given(st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_is_ascii_without_controls(value: object) -> None:
    def command() -> None:
        print_json(value)

    done = CliRunner().invoke(click.Command("print", callback=command))
    assert done.output.isascii()
    assert raw_signs(done.output) == []
    assert json.loads(done.output) == value


@pytest.mark.parametrize("text", HOSTILE[:-1], ids=range(len(HOSTILE) - 1))
def test_errors_of_the_command_line_are_escaped(text: str) -> None:
    for arguments in ([text], ["status", "--last", text], ["status", "a", text], ["status", f"--{text}"]):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 2
        assert raw_signs(done.output) == []


def test_only_one_module_writes_to_a_stream() -> None:
    """`print`, `click.echo`, `sys.stdout` and consoles of rich elsewhere would show foreign text as it is."""
    found = [f"{name}:{line}" for name, tree in modules() if name not in WRITERS for line in _writes(tree)]
    assert found == []


def test_only_the_output_and_the_demos_picture_use_rich() -> None:
    users = {name for name, tree in modules() if any(module.split(".")[0] == "rich" for module in _imported(tree))}
    # The interface of interlock-local names two types of rich.
    assert users - PICTURES == {"interlock-local/src/interlock_local/_terminal.py"}
    assert issubclass(_Guarded, Console)


_ECHOES = {"echo", "secho", "style", "echo_via_pager"}
_MAKERS = {"Console", "from_markup", "from_ansi"}


def _writes(tree: ast.Module) -> list[int]:
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and _is_write(node)]


def _is_write(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="print")) | ast.Name(id="Console"):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="click"), attr=name)):
            return name in _ECHOES
        case ast.Attribute(attr="write" | "writelines", value=ast.Attribute(attr="stdout" | "stderr")):
            return True
        case ast.Attribute(attr=name):
            return name in _MAKERS
    return False


def _imported(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [one.name for one in node.names]
    return names
