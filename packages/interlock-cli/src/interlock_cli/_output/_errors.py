"""The errors that end a command with a message and an exit code. Only the print of one loads the terminal's library."""

from typing import Any

import click


class CliError(click.ClickException):
    """An error that the user can fix: one sentence per problem, with exit code 2."""

    exit_code = 2

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def show(self, file: Any = None) -> None:
        """Print the problems to stderr."""
        from interlock_cli._output._console import error_console

        out = error_console()
        for line in self.lines:
            out.line(("bold red", "error:"), " ", line)


class Rejection(CliError):
    """The problems of files. Each line names its severity, and the last line counts them."""

    def show(self, file: Any = None) -> None:
        """Print the lines to stderr."""
        from interlock_cli._output._console import error_console

        for line in self.lines:
            error_console().line(line)


class Away(CliError):
    """The endpoint or AWS cannot be reached, although the input has no error. The exit code is 1."""

    exit_code = 1


class OutputError(CliError):
    """The result cannot be written, although the input has no error. The exit code is 1."""

    exit_code = 1


class Interrupted(CliError):
    """The end by Ctrl-C. Its one line states what goes on without the command. The exit code is 130."""

    exit_code = 130

    def show(self, file: Any = None) -> None:
        """Print the line to stderr, below the ^C of the terminal."""
        from interlock_cli._output._console import error_console

        out = error_console()
        if out.is_terminal:
            out.line()
        out.paragraph(
            ("yellow", "interrupted:" if self.message else "interrupted"), " " * bool(self.message), self.message
        )
