"""interlock demo: the main job on real data, from an empty machine to a proof."""

import sys

import click

from interlock_cli._output import console


@click.command()
def demo() -> None:
    """Replay two days of real departures through three pipelines on a local AWS, and prove what happened.

    Exit code 0: every expected outcome was observed in the tables; 1: something was not.

    \b
    Example:
      interlock demo
    """
    from interlock_cli.demo import DemoFailed, play

    out = console()
    try:
        play(out)
    except DemoFailed as failed:
        out.print(f"[bold red]The demo failed:[/] {failed}", soft_wrap=True)
        sys.exit(1)
