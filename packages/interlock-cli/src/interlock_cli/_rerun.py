"""interlock rerun: requests another attempt of a date. Interlock decides about it."""

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
    help="Reason of the request. Interlock reserves late-data, data-drift, repeated-hour and job-fail-retry.",
)
@click.option("--note", default=None, help="Free text that is stored with the request.")
@click.option(
    "--abandon-previous",
    is_flag=True,
    help="Start although the state of the date's last job cannot be read. Make sure first that this job has ended.",
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
    """Request a rerun of PIPELINE for DATE.

    DATE is YYYY-MM-DD, or YYYY-MM-DDTHH for an hourly run.

    The answer comes as an event, RERUN_ACCEPTED or RERUN_REJECTED, with the reason. An accepted rerun starts
    nothing while the date's last job runs, or while the state of that job cannot be read. If the state can never be
    read again, use --abandon-previous. Make sure first that the job has ended, since Interlock does not check it.

    \b
    Examples:
      interlock rerun gold-orders 2026-03-03 --reason "corrected source file"
      interlock rerun gold-orders 2026-03-03 --abandon-previous --note "cluster was deleted"
    """
    _read_date(date)
    store = deployment(environment, endpoint_url).store()
    request_rerun(
        store, pipeline, date, reason=reason, note=note, environment=environment, abandon_previous=abandon_previous
    )
    answer = f" a rerun of {pipeline} for {date}; watch it with: interlock status {pipeline}"
    console().line(("green", "requested"), answer)


def request_rerun(
    store: Store,
    pipeline: str,
    date: str,
    *,
    reason: str,
    note: str | None = None,
    environment: str = LOCAL,
    abandon_previous: bool = False,
) -> None:
    """Write the request.

    Raises CliError for an invalid date, a reserved reason, and a pipeline that is unknown or cannot be read.
    """
    execution_date = _read_date(date)
    if reason == RerunReason.JOB_FAIL_RETRY:
        raise CliError(f"--reason {reason}: is reserved for retries after a failed job; give another reason")
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
