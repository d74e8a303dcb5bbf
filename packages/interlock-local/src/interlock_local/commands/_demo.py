"""interlock demo: replays real data on a local stack and checks the results."""

import sys

import click

from interlock_local._terminal import Terminal
from interlock_local.commands._command import with_terminal

_INTERRUPTED = 130


@click.command()
@with_terminal
def demo(terminal: Terminal) -> None:
    """Replay two days of real departures and check each outcome.

    The demo runs three pipelines on a local AWS. It needs no account.

    Exit code 0: every expected outcome was observed. 1: an outcome was missing. 130: Ctrl-C, which stops the stack.

    \b
    Example:
      interlock demo
    """
    from interlock_local.demo import DemoFailed, play

    try:
        play(terminal)
    except DemoFailed as failed:
        terminal.console().line(("bold red", "The demo failed:"), f" {failed}")
        sys.exit(1)
    except KeyboardInterrupt:
        terminal.console().line("the local stack is stopped, and nothing of it is kept")
        sys.exit(_INTERRUPTED)
