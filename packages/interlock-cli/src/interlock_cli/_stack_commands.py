"""interlock build, up and deploy: the Lambda packages, the local stack, and the same deployment elsewhere."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from interlock_cli._deployment import LOCAL, LOCAL_PORT, deployment, deployment_options
from interlock_cli._output import CliError, console, print_json, progress_printer, table

_PASSED_ON = "INTERLOCK_"
_WATCHED_SECONDS = 1.0


@click.command()
@click.option("--platform", type=click.Choice(["host", "arm64", "amd64"]), default="arm64", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("dist"), show_default=True)
@click.option("--with-boto", is_flag=True, help="Pack boto3 too; Lambda's runtime brings its own.")
@click.option("--json", "as_json", is_flag=True, help="Print the zips as JSON.")
def build(platform: str, out: Path, with_boto: bool, as_json: bool) -> None:
    """Build the six Lambda zips from this checkout.

    \b
    Examples:
      interlock build --platform arm64 --out dist
      interlock build --platform host
    """
    from interlock_cli.local import Target, build_zips, find_checkout

    target = Target.host() if platform == "host" else Target.aws(platform)
    out_lines = console()
    say = (lambda line: None) if as_json else progress_printer(out_lines)
    zips = build_zips(find_checkout(), target, out=out, with_boto=with_boto, progress=say)
    if as_json:
        print_json({service: {"path": str(path), "bytes": path.stat().st_size} for service, path in zips.items()})
        return
    shown = table("service", "zip", "size")
    for service, path in zips.items():
        shown.add_row(service, str(path), f"{path.stat().st_size / 1e6:.2f} MB")
    out_lines.print(shown)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the state in this folder.")
@click.option("--port", type=click.IntRange(1, 65535), default=LOCAL_PORT, show_default=True)
def up(data: Path | None, port: int) -> None:
    """Run Interlock on this machine until Ctrl-C.

    Without --data everything is forgotten at the end. INTERLOCK_ variables of this shell reach the jobs.
    Alerts go to Slack when SLACK_BOT_TOKEN and SLACK_CHANNEL_ID are set, else to a recording endpoint.

    \b
    Examples:
      interlock up
      interlock up --data ./state --port 4600
    """
    from interlock_cli.local import LocalStack

    out = console()
    # A service manager's SIGTERM ends the stack as Ctrl-C does, also while it is starting.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with LocalStack(data_dir=data, port=port, settings=_local_settings(), progress=progress_printer(out)) as stack:
            _greet(stack)
            _watch(stack, out)
    except KeyboardInterrupt:
        out.print("stopped before it was up")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)
    out.print("stopped" if data is None else f"stopped; the state is in {data}")


def _watch(stack: Any, out: Console) -> None:
    """Return at Ctrl-C; an error when the stack ends by itself."""
    try:
        while not stack.wait(_WATCHED_SECONDS) and stack.failure is None:
            continue
    except KeyboardInterrupt:
        out.print("stopping: what the streams still hold is handled first")
        return
    raise CliError(f"{stack.failure} What was written since its last orderly stop is lost.")


def _greet(stack: Any) -> None:
    out = console()
    out.print(f"\n[green]Interlock is up[/] at {stack.endpoint_url}; in another terminal:")
    out.print("  interlock push examples/quickstart", markup=False)
    out.print("  interlock sensor put hello ready count=3", markup=False)
    out.print("  interlock status", markup=False)
    out.print("  interlock events --follow", markup=False)
    if stack.endpoint_url != f"http://127.0.0.1:{LOCAL_PORT}":
        out.print(f"  (first: export AWS_ENDPOINT_URL={stack.endpoint_url})", markup=False)
    if stack.slack is not None:
        out.print("alerts go to a recording Slack; set SLACK_BOT_TOKEN and SLACK_CHANNEL_ID for a real one")
    out.print("Ctrl-C stops it\n")


def _local_settings() -> Any:
    from interlock_cli.local import StackSettings

    passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return StackSettings(
        job_environment=passed_on,
        slack_bot_token=os.environ.get("SLACK_BOT_TOKEN", ""),
        slack_channel_id=os.environ.get("SLACK_CHANNEL_ID", "C0LOCAL"),
        pending_grace="15s",
        probe_after="30s",
    )


@click.command()
@deployment_options
@click.option(
    "--platform",
    type=click.Choice(["host", "arm64", "amd64"]),
    help="What runs the functions. Default: host for an endpoint on this machine, else arm64.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was deployed as JSON.")
def deploy(environment: str, endpoint_url: str | None, platform: str | None, as_json: bool) -> None:
    """Deploy to an AWS-compatible endpoint; deploying again updates. For AWS itself use the Terraform in infra/.

    \b
    Examples:
      interlock deploy --endpoint-url http://localhost:4566
      interlock deploy --environment test --endpoint-url http://localhost:4566
    """
    from interlock_cli.local import StackSettings, Target, build_zips, deploy_to, find_checkout, ping_function

    if endpoint_url is None and environment != LOCAL:
        raise CliError("name the endpoint with --endpoint-url; for AWS itself use the Terraform module infra/stack")
    if shutil.which("uv") is None:
        raise CliError("the Lambda packages are built with uv, which is not there: pip install uv")
    where = deployment(environment, endpoint_url)
    where.store()
    chosen = platform or ("host" if where.is_loopback else "arm64")
    target = Target.host() if chosen == "host" else Target.aws(chosen)
    say = (lambda line: None) if as_json else progress_printer(console())
    zips = build_zips(find_checkout(), target, progress=say)
    settings = StackSettings(
        environment=environment,
        slack_bot_token=os.environ.get("SLACK_BOT_TOKEN", ""),
        slack_channel_id=os.environ.get("SLACK_CHANNEL_ID", "C0LOCAL"),
    )
    made = deploy_to(where.client, zips, target.runtime, settings, progress=say)
    for service in made.functions:
        say(f"waking {service}")
        ping_function(where.client("lambda"), environment, service)
    if as_json:
        print_json({"functions": made.functions, "stateMachine": made.state_machine_arn})
    else:
        console().print(f"[green]deployed[/] {len(made.functions)} functions as {environment}-interlock-*")
