"""interlock rerun: asks for another attempt of a date; Interlock decides."""

from datetime import UTC, datetime

import click

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._output import CliError, console
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date


@click.command()
@click.argument("pipeline")
@click.argument("date")
@click.option("--reason", default="manual", show_default=True, help="Why; late-data and data-drift are Interlock's.")
@click.option("--note", default=None, help="Free text kept with the request.")
@deployment_options
def rerun(pipeline: str, date: str, reason: str, note: str | None, environment: str, endpoint_url: str | None) -> None:
    """Request a rerun of PIPELINE for DATE (YYYY-MM-DD, or YYYY-MM-DDTHH for an hourly run).

    The answer comes as an event, RERUN_ACCEPTED or RERUN_REJECTED with its reason.

    \b
    Example:
      interlock rerun gold-orders 2026-03-03 --reason "corrected source file"
    """
    try:
        execution_date = parse_execution_date(date)
    except ValueError as error:
        raise CliError(str(error)) from None
    store = deployment(environment, endpoint_url).store()
    stored = store.config(pipeline)
    if stored.config is None:
        raise CliError(f"pipeline {pipeline!r} in {environment!r}: {stored.problem}")
    key = RunKey(pipeline, stored.config.schedule_id, execution_date)
    store.request_rerun(key, reason=reason, note=note, requested_at=datetime.now(UTC))
    console().print(f"[green]requested[/] a rerun of {pipeline} for {date}; watch it with: interlock status {pipeline}")
