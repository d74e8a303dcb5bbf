"""interlock deploy: deploys to an AWS-compatible endpoint in the same form as on the local stack."""

import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from interlock_local import LocalStackError, find_checkout
from interlock_local._terminal import Terminal
from interlock_local.commands._command import deployment_options, with_output, with_terminal

if TYPE_CHECKING:
    from interlock_store import Store


@click.command()
@deployment_options
@click.option(
    "--platform",
    type=click.Choice(["host", "arm64", "amd64"]),
    help="Platform of the functions. Default: host for an endpoint on this machine, else arm64.",
)
@click.option(
    "--skip-scheduler/--scheduler",
    default=None,
    help="Deploy without EventBridge Scheduler: the watchdog emits the alerts then. Default: as deployed before.",
)
@click.option("--smoke", is_flag=True, help="Then run one small pipeline to its end. Exit code 1 if it does not end.")
@with_output
@with_terminal
def deploy(
    terminal: Terminal,
    environment: str | None,
    endpoint_url: str | None,
    platform: str | None,
    skip_scheduler: bool | None,
    smoke: bool,
    as_json: bool,
) -> None:
    """Deploy to an AWS-compatible endpoint. A repetition updates the deployment.

    The settings of functions that are deployed already stay, such as those of a running `interlock up`: SLACK_BOT_TOKEN
    and SLACK_CHANNEL_ID of this shell replace those of Slack only if they are set.

    For AWS itself use the Terraform module in infra/.

    \b
    Examples:
      interlock deploy --endpoint-url http://localhost:4566
      interlock deploy -e test --endpoint-url http://localhost:4566 --smoke
      interlock deploy --endpoint-url http://localhost:4566 --skip-scheduler
    """
    from interlock_local.site import StackSettings, deploy_to, has_slack, kept_variables, ping_function, skips_scheduler
    from interlock_local.zips import Target, build_zips

    where = terminal.deployment(environment, endpoint_url)
    if where.endpoint_url is None:
        raise terminal.error(
            "name the endpoint with --endpoint-url; for AWS itself, use the Terraform module infra/stack"
        )
    named = where.environment
    if shutil.which("uv") is None:
        raise terminal.error("uv is not installed, and it builds the Lambda packages: pip install uv")
    where.store()
    chosen = platform or ("host" if where.is_loopback else "arm64")
    target = Target.host() if chosen == "host" else Target.aws(chosen)
    say = (lambda line: None) if as_json else terminal.progress(terminal.console())
    token, channel = os.environ.get("SLACK_BOT_TOKEN", ""), os.environ.get("SLACK_CHANNEL_ID", "")
    given = {name for name, value in {"SLACK_BOT_TOKEN": token, "SLACK_CHANNEL_ID": channel}.items() if value}
    if token:
        # The token of this shell is for Slack itself, and a kept secret would win over it.
        given |= {"SLACK_API_URL", "SLACK_SECRET_ARN"}
    kept = kept_variables(where.client("lambda"), named, given)
    was_skipped = skips_scheduler(where.client("lambda"), named)
    # Functions that export their traces need the exporter in their zips.
    exports = any("OTEL_EXPORTER_OTLP_ENDPOINT" in variables for variables in kept.values())
    zips = build_zips(find_checkout(), target, with_telemetry=exports, progress=say)
    settings = StackSettings(
        environment=named,
        slack_bot_token=token,
        slack_channel_id=channel or "C0LOCAL",
        architecture=target.processor,
        skip_scheduler=was_skipped if skip_scheduler is None else skip_scheduler,
        kept=kept,
    )
    made = deploy_to(where.client, zips, target.runtime, settings, progress=say)
    for service in made.functions:
        say(f"checking {service}")
        for fault in ping_function(where.client("lambda"), named, service):
            say(f"warning: {fault}")
    ran = _smoke_test(terminal, where.store(), say) if smoke else None
    slack = has_slack(kept["alert-dispatcher"], token)
    if as_json:
        alerts = "slack" if slack else "logged"
        found = {"functions": made.functions, "stateMachine": made.state_machine_arn, "alerts": alerts}
        terminal.print_json({**found, "smoke": ran})
        return
    out = terminal.console()
    out.line(("green", "deployed"), f" {len(made.functions)} functions as {named}-interlock-*")
    if not slack:
        out.line(("yellow", "alerts are only logged"), ": to use Slack, set SLACK_BOT_TOKEN and SLACK_CHANNEL_ID")


def _smoke_test(terminal: Terminal, store: "Store", say: Callable[[str], None]) -> str:
    """The name of the pipeline that ran to its end. A run that does not end is a negative result, with exit code 1."""
    from interlock_local.site import run_smoke_test

    try:
        name = run_smoke_test(store, progress=say)
    except LocalStackError as error:
        ended: Any = terminal.error(str(error))
        ended.exit_code = 1
        raise ended from None
    say(f"{name} completed")
    return name
