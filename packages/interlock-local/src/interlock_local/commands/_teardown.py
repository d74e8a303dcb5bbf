"""interlock teardown: removes a deployment of `interlock deploy`, with its rows."""

import sys

import click

from interlock_local._terminal import Terminal
from interlock_local.commands._command import deployment_options, with_output, with_terminal


@click.command()
@deployment_options
@click.option("--skip-scheduler", is_flag=True, help="Do not call EventBridge Scheduler.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_output
@with_terminal
def teardown(
    terminal: Terminal,
    environment: str | None,
    endpoint_url: str | None,
    skip_scheduler: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove a deployment of `interlock deploy`, with all rows of its tables.

    A deployment of Terraform is removed by `terraform destroy`. Exit code 1: there was no such deployment.

    \b
    Examples:
      interlock teardown --endpoint-url http://localhost:4566
      interlock teardown -e test --endpoint-url http://localhost:4566 --yes
    """
    from interlock_local.site import teardown as remove

    where = terminal.deployment(environment, endpoint_url)
    named = where.environment
    if where.endpoint_url is None:
        raise terminal.error("name the endpoint with --endpoint-url; Terraform itself removes its deployments")
    if as_json and not yes:
        raise terminal.error("--json needs --yes, because a question is no JSON")
    where.store()
    if not yes:
        question = f"Remove {named}-interlock-* with all rows?"
        if sys.stdin is None or not sys.stdin.isatty():
            raise terminal.error(
                "nothing was changed, since there is no terminal to ask at; "
                f"use --yes to remove {named}-interlock-* with all rows"
            )
        click.confirm(question, abort=True, err=True)
    out = terminal.console()
    say = (lambda line: None) if as_json else terminal.progress(out)
    removed = remove(where.client, named, skip_scheduler=skip_scheduler, progress=say)
    if as_json:
        terminal.print_json({"environment": named, "removed": list(removed)})
    elif removed:
        out.line(("green", "removed"), f" {len(removed)} resources of {named}-interlock-*")
    else:
        out.line(f"there is no deployment {named}-interlock-*")
    if not removed:
        click.get_current_context().exit(1)
