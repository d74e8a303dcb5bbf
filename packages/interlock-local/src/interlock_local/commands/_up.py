"""interlock up: runs the local stack until Ctrl-C."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interlock_local import LocalStackError
from interlock_local._terminal import Output, Terminal
from interlock_local.commands._command import with_terminal
from interlock_local.commands._defaults import PORT

if TYPE_CHECKING:
    from interlock_local.site import StackSettings
    from interlock_local.stack import LocalStack

_PASSED_ON = "INTERLOCK_"
_WATCHED_SECONDS = 1.0


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the state in this folder.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port of the AWS API.")
@with_terminal
def up(terminal: Terminal, data: Path | None, port: int) -> None:
    """Run Interlock on this machine until Ctrl-C or SIGTERM.

    Without --data the state is lost at the end. INTERLOCK_ variables of this shell are passed to the jobs.
    Alerts go to Slack if SLACK_BOT_TOKEN and SLACK_CHANNEL_ID are set, otherwise to a recording endpoint.

    \b
    Examples:
      interlock up
      interlock up --data ./state --port 4600
      nohup interlock up --data ./state &   (kill $! stops it)
    """
    from interlock_local.stack import LocalStack

    out = terminal.console()
    # The SIGTERM of a service manager ends the stack like Ctrl-C, also during its start.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with LocalStack(data_dir=data, port=port, settings=_local_settings(), progress=terminal.progress(out)) as stack:
            _greet(stack, out)
            _watch(stack, out)
    except KeyboardInterrupt:
        out.line("stopped during the start")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)
    out.line("stopped" if data is None else f"stopped; the state is in {data}")


def _watch(stack: "LocalStack", out: Output) -> None:
    """Wait for Ctrl-C. Raises LocalStackError if the stack ends by itself."""
    try:
        while not stack.wait(_WATCHED_SECONDS) and stack.failure is None:
            continue
    except KeyboardInterrupt:
        out.line("stopping after the remaining stream records")
        return
    raise LocalStackError(f"{stack.failure} All data since its last orderly stop is lost.")


def _greet(stack: "LocalStack", out: Output) -> None:
    out.line()
    out.line(("green", "Interlock is up"), f" at {stack.endpoint_url}. In another terminal:")
    out.line("  interlock push examples/quickstart")
    out.line("  interlock sensor put hello ready count=3")
    out.line("  interlock status")
    out.line("  interlock events --follow")
    if stack.endpoint_url != f"http://127.0.0.1:{PORT}":
        out.line(f"  (first: export AWS_ENDPOINT_URL={stack.endpoint_url})")
    if stack.slack is not None:
        out.line("alerts are only recorded. To use Slack, set SLACK_BOT_TOKEN and SLACK_CHANNEL_ID")
    out.line("Ctrl-C stops it")
    out.line()


def _local_settings() -> "StackSettings":
    from interlock_local.site import StackSettings

    passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return StackSettings(
        job_environment=passed_on,
        slack_bot_token=os.environ.get("SLACK_BOT_TOKEN", ""),
        slack_channel_id=os.environ.get("SLACK_CHANNEL_ID", "C0LOCAL"),
        pending_grace="15s",
        probe_after="30s",
    )
