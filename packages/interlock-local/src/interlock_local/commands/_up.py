"""interlock up: runs the local stack until Ctrl-C."""

import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from interlock_local import LocalStackError
from interlock_local._terminal import Output, Terminal
from interlock_local.commands._command import with_terminal
from interlock_local.commands._defaults import LOCAL, PORT
from interlock_local.commands._page import served_page

if TYPE_CHECKING:
    from interlock_local.site import StackSettings
    from interlock_local.stack import LocalStack

_PASSED_ON = "INTERLOCK_"
_OF_WEBHOOKS = ("INTERLOCK_WEBHOOK_", "INTERLOCK_TRIGGER_ALLOWED_HOSTS")
_WATCHED_SECONDS = 1.0


def _checked_url(context: click.Context, option: click.Parameter, value: str) -> str:
    """The address of a collector. The functions would reject any other text at their start."""
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname):
        raise click.BadParameter(f"{value!r} is not a URL such as http://127.0.0.1:4318", context, option)
    return value


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the state in this folder.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port of the AWS API.")
@click.option(
    "--otlp",
    metavar="URL",
    default="",
    callback=_checked_url,
    help="Send traces and metrics to this collector (OTLP over HTTP).",
)
@click.option("--web/--no-web", default=True, help="Serve the page of interlock-web, if it is installed.")
@with_terminal
def up(terminal: Terminal, data: Path | None, port: int, otlp: str, web: bool) -> None:
    """Run Interlock on this machine until Ctrl-C or SIGTERM.

    With --data each acknowledged write is in the folder before its answer, and the next start goes on from there.
    Without --data the state is lost at the end. Only this user can use the stack: see `interlock env`.

    INTERLOCK_ variables of this shell are passed to the jobs. Alerts go to Slack if SLACK_BOT_TOKEN and
    SLACK_CHANNEL_ID are set, otherwise to a recording endpoint.

    \b
    Examples:
      interlock up
      interlock up --data ./state --port 4600
      interlock up --no-web
      interlock up --otlp http://127.0.0.1:4318
      nohup interlock up --data ./state &   (kill $! stops it)
    """
    from interlock_local.stack import LocalStack

    out = terminal.console()
    # The SIGTERM of a service manager ends the stack like Ctrl-C, also during its start.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    phase = "the start"
    settings = _local_settings(otlp)
    try:
        with LocalStack(data_dir=data, port=port, settings=settings, progress=terminal.progress(out)) as stack:
            phase = "the stop"
            program = _program(terminal)
            with served_page(stack, LOCAL, program) if web else nullcontext("") as page:
                _watch(stack, out, data, page, program)
    except KeyboardInterrupt:
        kept = "" if data is None else f". The state is in {data}, and the next start goes on from there"
        out.line(f"ended during {phase}{kept}")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)
    out.line("stopped" if data is None else f"stopped. The state is in {data}")


def _watch(stack: "LocalStack", out: Output, data: Path | None, page: str, program: str) -> None:
    """Greet, and wait for Ctrl-C. Raises LocalStackError if the stack ends by itself."""
    try:
        _greet(stack, out, page, program)
        while not stack.wait(_WATCHED_SECONDS) and stack.failure is None:
            continue
    except KeyboardInterrupt:
        out.line("stopping after the remaining stream records. Ctrl-C again ends at once")
        return
    kept = "Its state is lost." if data is None else f"Start it again: the state is in {data}."
    raise LocalStackError(f"{stack.failure} {kept}")


def _program(terminal: Terminal) -> str:
    return terminal.as_called("interlock up").removesuffix(" up")


def _first_pipeline() -> tuple[str, ...]:
    """The commands that lead to a first run. The example is only in a checkout."""
    if Path("examples/quickstart").is_dir():
        return ("push examples/quickstart", "sensor put hello ready count=3")
    return (
        "init orders --folder pipelines",
        "push pipelines",
        "sensor put orders landing count=3 complete=true",
    )


def _greet(stack: "LocalStack", out: Output, page: str, program: str) -> None:
    out.line()
    out.line(("green", "Interlock is up"), f" at {stack.endpoint_url}. In another terminal:")
    if stack.endpoint_url != f"http://127.0.0.1:{PORT}":
        out.line(f"  export AWS_ENDPOINT_URL={stack.endpoint_url}")
    for words in (*_first_pipeline(), "status", "events --follow"):
        out.line(f"  {program} {words}")
    port = "" if stack.endpoint_url.endswith(f":{PORT}") else f" --port {stack.endpoint_url.rpartition(':')[2]}"
    out.line("for other programs, such as the AWS CLI:")
    out.line(f'  eval "$({program} env{port})"')
    if page:
        out.line("its page: ", ("bold", page))
    if stack.slack is not None:
        place = stack.slack.journal or "memory. With --data they are in a file"
        out.line(f"alerts are only recorded, in {place}")
        out.line("  (to use Slack: set SLACK_BOT_TOKEN and SLACK_CHANNEL_ID)")
    out.line("Ctrl-C stops it")
    out.line()


def _local_settings(otlp: str) -> "StackSettings":
    from interlock_local.site import StackSettings

    passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return StackSettings(
        job_environment=passed_on,
        alert_environment={name: value for name, value in passed_on.items() if name.startswith(_OF_WEBHOOKS)},
        slack_bot_token=os.environ.get("SLACK_BOT_TOKEN", ""),
        slack_channel_id=os.environ.get("SLACK_CHANNEL_ID", "C0LOCAL"),
        pending_grace="15s",
        probe_after="1s",
        otlp_endpoint=otlp,
    )
