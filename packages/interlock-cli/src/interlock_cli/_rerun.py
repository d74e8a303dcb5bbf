"""interlock rerun: asks for another attempt of a date; Interlock decides."""

from datetime import UTC, datetime

import click

from interlock_cli._deployment import LOCAL, deployment, deployment_options
from interlock_cli._output import CliError, console
from interlock_lifecycle import RerunReason, RunKey
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store import Store


@click.command()
@click.argument("pipeline")
@click.argument("date")
@click.option(
    "--reason",
    default=str(RerunReason.MANUAL),
    show_default=True,
    help="Why; late-data and data-drift are Interlock's.",
)
@click.option("--note", default=None, help="Free text kept with the request.")
@click.option(
    "--abandon-previous",
    is_flag=True,
    help="The date's last job is known to have ended: start although its target cannot be asked for it.",
)
@deployment_options
def rerun(
    pipeline: str,
    date: str,
    reason: str,
    note: str | None,
    abandon_previous: bool,
    environment: str,
    endpoint_url: str | None,
) -> None:
    """Request a rerun of PIPELINE for DATE (YYYY-MM-DD, or YYYY-MM-DDTHH for an hourly run).

    The answer comes as an event, RERUN_ACCEPTED or RERUN_REJECTED with its reason. While the date's last job runs,
    or cannot be asked whether it does, an accepted rerun starts nothing; --abandon-previous is the way past a job
    that can no longer be asked. Make sure that it has ended: nothing else does.

    \b
    Example:
      interlock rerun gold-orders 2026-03-03 --reason "corrected source file"
      interlock rerun gold-orders 2026-03-03 --abandon-previous --note "cluster was deleted"
    """
    _read_date(date)
    store = deployment(environment, endpoint_url).store()
    ask_for_rerun(
        store, pipeline, date, reason=reason, note=note, environment=environment, abandon_previous=abandon_previous
    )
    console().print(f"[green]requested[/] a rerun of {pipeline} for {date}; watch it with: interlock status {pipeline}")


def ask_for_rerun(
    store: Store,
    pipeline: str,
    date: str,
    *,
    reason: str,
    note: str | None = None,
    environment: str = LOCAL,
    abandon_previous: bool = False,
) -> None:
    """Write the request; CliError for an impossible date or reason, an unknown pipeline or one that cannot be read."""
    execution_date = _read_date(date)
    if reason == RerunReason.JOB_FAIL_RETRY:
        raise CliError(f"--reason {reason}: that is Interlock's own, for retries after a failed job; give another one")
    stored = store.config(pipeline)
    if stored.config is None:
        raise CliError(f"pipeline {pipeline!r} in {environment!r}: {stored.problem}")
    key = RunKey(pipeline, stored.config.schedule_id, execution_date)
    store.request_rerun(
        key, reason=reason, note=note, requested_at=datetime.now(UTC), abandon_previous=abandon_previous
    )


def _read_date(date: str) -> ExecutionDate:
    try:
        return parse_execution_date(date)
    except ValueError as error:
        raise CliError(str(error)) from None
