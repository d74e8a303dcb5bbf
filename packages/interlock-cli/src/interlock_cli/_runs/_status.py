"""interlock status: shows the state, the reason and the deadlines of each date of each pipeline."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import click
from msgspec.structs import replace

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._console import CliError, Output, console, error_console
from interlock_cli._output._form import Form, print_rows, row_output
from interlock_cli._runs._end import wait_for_end
from interlock_cli._runs._status_choice import FAILURES, STATES, read_choice
from interlock_cli._runs._status_lines import print_fitting, print_statuses
from interlock_cli._runs._status_rows import COLUMNS, flat_rows, wire_status
from interlock_cli._signals._dead_letters import count_dead_letters
from interlock_config import glob_matches
from interlock_store import PipelineStatus, Store, read_statuses

_WATCH_SECONDS = 5
_MOST_DATES = 1000
_MOST_ALERTS = 1000
"""Alerts that are counted exactly."""


@click.command()
@click.argument("pipeline", required=False)
@click.option(
    "--last", default=8, show_default=True, type=click.IntRange(1, _MOST_DATES), help="Number of dates to show."
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES),
    metavar="NAME",
    help=f"Only dates in this state. Repeatable. One of {', '.join(STATES)}.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="Only dates from this one on, and runs that are not closed: a date, a time, or a length of time (7d).",
)
@click.option("--owner", metavar="NAME", help="Only pipelines of this owner.")
@click.option(
    "--fail-on", metavar="KINDS", help=f"End with exit code 1 if a shown date is one of these: {', '.join(FAILURES)}."
)
@click.option(
    "--watch",
    is_flag=True,
    help="Show it again every 5 seconds until Ctrl-C. It needs a terminal, and names the lines that do not fit.",
)
@click.option(
    "--wait", metavar="DATE", help="Wait for the end of the run of this date, then show it. Exit code 1 if it failed."
)
@deployment_options
@row_output()
def status(
    pipeline: str | None,
    last: int,
    states: tuple[str, ...],
    since: str | None,
    owner: str | None,
    fail_on: str | None,
    watch: bool,
    wait: str | None,
    environment: str,
    endpoint_url: str | None,
    form: Form,
) -> None:
    """Show the state, the reason and the deadlines of each date.

    PIPELINE is an id or a pattern with * and ?. The newest dates are shown. A run that is not closed is always shown,
    however old, and so is a failed run among the newest 31 dates. A pipeline whose today is excluded, or that is
    paused, says so. A pipeline that was removed is shown by its id, and while a run of it is not closed.

    Deadlines are in the pipeline's zone and in UTC, with the time left or overdue, or as met or breached. A date that
    should have begun and has no run is shown too, with the last values of the sensor that triggers it. A row that
    cannot be read is reported in its line, and does not hide the other rows.

    The last lines count the messages in the dead-letter queues and the alerts that wait for their targets. In JSON and
    CSV they are on standard error, and only if a message waits or a queue cannot be read.

    \b
    Examples:
      interlock status
      interlock status 'gold-*' --last 30 --state held --state failed
      interlock status --owner data-platform --fail-on held,failed,breached
      interlock status gold-orders --wait 2026-03-03
      interlock status --json | jq '.[].runs[] | select(.progress == "held")'
      interlock status --json | jq '.[].runs[] | select(any(.sla[]; .overdue))'
    """
    chosen = read_choice(states, since, owner, fail_on, datetime.now(UTC))
    if watch and (form is not Form.TABLE or not console().is_terminal):
        raise click.UsageError("--watch needs a terminal, and excludes --output and --json.")
    where = deployment(environment, endpoint_url)
    store = where.store()
    names = _names(store, pipeline, environment)
    if wait is not None:
        date = wait_for_end(store, pipeline, wait)
        chosen, last = replace(chosen, only=date), _MOST_DATES

    def look(now: datetime) -> list[PipelineStatus]:
        found = list(read_statuses(store, where.overview(), names, last, now, with_troubles=True))
        chosen.check_owner(found)
        return [one for status in found if (one := chosen.narrowed(status)) is not None]

    if watch:
        _watch(look)
        return
    now = datetime.now(UTC)
    found = look(now)
    is_table = form is Form.TABLE
    if is_table:
        print_statuses(found, now)
    elif form is Form.CSV:
        print_rows(form, COLUMNS, (row for one in found for row in flat_rows(one, now)))
    else:
        print_rows(form, (), (wire_status(one, now) for one in found))
    _print_waiting(console() if is_table else error_console(), where, store, all_of_it=is_table)
    if chosen.fails(found):
        click.get_current_context().exit(1)


def _names(store: Store, pipeline: str | None, environment: str) -> list[str] | None:
    """The ids that the argument names. None for all pipelines. Raises CliError if it names none."""
    if pipeline is None:
        return None
    if not set(pipeline) & set("*?"):
        known_pipeline(store, pipeline, environment)
        return [pipeline]
    found = [name for name in store.pipelines() if glob_matches(pipeline, name)]
    if not found:
        raise CliError(f"{pipeline!r} matches no pipeline of {environment!r}")
    return found


def _watch(look: Callable[[datetime], list[PipelineStatus]]) -> None:
    """Show the status again and again. Ctrl-C is its end."""
    try:
        while True:
            now = datetime.now(UTC)
            found = look(now)
            out = console()
            click.clear()
            print_fitting(out, found, now, below=1)
            out.line(("dim", f"{now:%H:%M:%S}Z, again in {_WATCH_SECONDS} s, until Ctrl-C"))
            time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return


def _print_waiting(out: Output, where: Deployment, store: Store, *, all_of_it: bool) -> None:
    """Print the dead letters of each queue and the waiting alerts. `all_of_it`: also that none waits."""
    letters = count_dead_letters(where)
    if not letters.are_fine or all_of_it:
        out.line(("dim" if letters.are_fine else "yellow", letters.sentence))
    waiting = store.pending_alerts(_MOST_ALERTS)
    if waiting:
        number = f"{waiting:,} or more" if waiting == _MOST_ALERTS else f"{waiting:,}"
        out.line(("yellow", f"alerts wait: {number}"))
