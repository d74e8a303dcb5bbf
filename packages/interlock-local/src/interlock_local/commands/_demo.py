"""interlock demo: the main job on real data, from an empty machine to a proof."""

import sys

import click

from interlock_local._terminal import Terminal
from interlock_local.commands._command import with_terminal


@click.command()
@with_terminal
def demo(terminal: Terminal) -> None:
    """Replay two days of real departures through three pipelines on a local AWS, and prove what happened.

    Exit code 0: every expected outcome was observed in the tables; 1: something was not.

    \b
    Example:
      interlock demo
    """
    from interlock_local.demo import DemoFailed, play

    try:
        play(terminal)
    except DemoFailed as failed:
        terminal.console().print(f"[bold red]The demo failed:[/] {failed}", soft_wrap=True)
        sys.exit(1)
