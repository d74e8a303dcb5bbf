"""The help of each command fits a terminal of 80 columns."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from interlock_cli import main

WIDTH = 80


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of a command and of all commands below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_help_fits_80_columns(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*path, "--help"], terminal_width=WIDTH)
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize(("typed", "close"), [("statu", "status"), ("rerunn", "rerun"), ("vlidate", "validate")])
def test_a_misspelt_command_gets_the_nearest_name(typed: str, close: str) -> None:
    done = CliRunner().invoke(main, [typed])
    assert done.exit_code == 2
    assert done.stderr == f"error: no such command '{typed}'; did you mean {close}? (see interlock --help)\n"
    assert "did you mean" not in CliRunner().invoke(main, ["qqqq"]).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pause", "missing argument 'PIPELINE' (see interlock pause --help)"),
        ("status --lst 3", "no such option '--lst'; did you mean --last? (see interlock status --help)"),
        ("status --frob", "no such option '--frob' (see interlock status --help)"),
        ("status a b", "got unexpected extra argument (b) (see interlock status --help)"),
        ("events -f --until 1h", "--follow and --until exclude each other (see interlock events --help)"),
        ("--frob", "no such option '--frob' (see interlock --help)"),
    ],
)
def test_an_error_of_the_command_line_is_one_line(words: str, said: str) -> None:
    done = CliRunner().invoke(main, words.split())
    # Older versions of click write an option without quotes.
    assert (done.exit_code, done.stderr.replace("'", "")) == (2, f"error: {said}\n".replace("'", ""))


@pytest.mark.parametrize(
    ("arguments", "value", "allowed"),
    [
        (["status", "--last", "x"], "'x'", "from 1 to 1000"),
        (["status", "--last", "0"], "0", "from 1 to 1000"),
        (["logs", "p", "2026-03-03", "--attempt", "-1"], "-1", "from 0 on"),
    ],
)
def test_a_number_that_is_not_allowed_gets_its_range(arguments: list[str], value: str, allowed: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert f"{value} must be a whole number {allowed}" in done.output
