"""The errors that end a command with a message and an exit code. Only the print of one loads the terminal's library."""

from typing import Any

import click


class CliError(click.ClickException):
    """An error that the user can fix. It is one sentence, or one line per problem, with exit code 2."""

    exit_code = 2

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def show(self, file: Any = None) -> None:
        """Print the lines to stderr."""
        from interlock_cli._output import error_console

        out = error_console()
        if len(self.lines) == 1:
            out.line(("bold red", "error:"), " ", self.message)
            return
        for line in self.lines:
            out.line(line)


class OutputError(CliError):
    """The result cannot be written, although the input has no error. The exit code is 1."""

    exit_code = 1
