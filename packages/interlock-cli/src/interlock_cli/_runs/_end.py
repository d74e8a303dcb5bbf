"""Waits for the end of the run of a date, and says in the meantime what the date waits for."""

import time
from datetime import UTC, datetime

import click

from interlock_cli._output._console import CliError, OutputError, error_console
from interlock_lifecycle import RunKey, RunStatus
from interlock_lifecycle.reports import explain_date
from interlock_sla import ExecutionDate, ExecutionDateError, parse_execution_date
from interlock_store import Store, read_date

_POLL_SECONDS = 1.0
_POLLS_PER_LOOK = 5
"""The state takes a dozen reads, and the end of the run takes two."""


def wait_for_end(store: Store, pipeline: str | None, wanted: str) -> ExecutionDate:
    """Wait until the run of a date is closed. Each change of its state is a line on standard error.

    Ends the command with exit code 1 if the run failed, and with 2 for an invalid date or a pattern.
    """
    if pipeline is None or set(pipeline) & set("*?"):
        raise click.UsageError("--wait needs one PIPELINE, and no pattern.")
    try:
        date = parse_execution_date(wanted)
    except ExecutionDateError as error:
        raise CliError(f"--wait: {error}") from None
    keys = [RunKey(pipeline, schedule, date) for schedule in ("cron", "stream")]
    said, polls = "", 0
    while True:
        runs = [run for key in keys if (run := store.run(key)) is not None]
        if runs and not any(run.is_running for run in runs):
            break
        if polls % _POLLS_PER_LOOK == 0:
            found = explain_date(read_date(store, pipeline, date), datetime.now(UTC))
            state = f"{found.state}: {found.reason}" if found.reason else found.state
            if state != said:
                error_console().line(("dim", f"{pipeline} {date} is {state}"))
                said = state
        polls += 1
        time.sleep(_POLL_SECONDS)
    failed = [run for run in runs if run.status is RunStatus.FAILED_FINAL]
    if failed:
        raise OutputError(f"{pipeline} {date} failed: {failed[0].close_reason or 'no reason was recorded'}")
    return date
