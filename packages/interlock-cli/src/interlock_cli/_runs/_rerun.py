"""interlock rerun: requests another attempt of a date. Interlock decides about it."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain

import click
from msgspec import to_builtins

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._settings import LOCAL
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, console, error_console, print_json
from interlock_cli._output._form import result_output
from interlock_cli._runs._backfill import (
    ACCEPTED,
    COMPLETED,
    FAILED,
    NOT_SCHEDULED,
    REJECTED,
    REQUESTED,
    Backfill,
    Plan,
    Result,
    dates_of,
)
from interlock_config import PipelineConfig
from interlock_lifecycle import RerunReason, RunKey
from interlock_lifecycle.reruns import OWN_REASONS
from interlock_sla import ExecutionDate, parse_execution_date
from interlock_store import Store

_MANUAL, _BACKFILL = str(RerunReason.MANUAL), "backfill"
_RESERVED = frozenset({*OWN_REASONS, RerunReason.JOB_FAIL_RETRY})
_PACE, _BUDGET = 4, 100


@click.command()
@click.argument("pipeline")
@click.argument("date", metavar="DATE|FROM..TO")
@click.option(
    "--reason",
    default=None,
    help="Reason of the request: manual, or backfill for a range, by default. "
    "Interlock reserves late-data, data-drift, repeated-hour and job-fail-retry.",
)
@click.option("--note", default=None, help="Free text that is stored with the request.")
@click.option(
    "--abandon-previous",
    is_flag=True,
    help="Start although the state of the date's last job cannot be read. Make sure first that the job has ended.",
)
@click.option("--dry-run", "dry_run", is_flag=True, help="Show the answer for each date, and request nothing.")
@click.option("--pace", type=click.IntRange(1, 1000), help="Range: the most dates under way at once. Default: 4.")
@click.option("--budget", type=click.IntRange(1, 100000), help="Range: the most dates to request. Default: 100.")
@click.option("--name", help="Range: name of this backfill. A date gets one request per name. Default: the range.")
@click.option("--wait", is_flag=True, help="Wait for the answer, and until each run has ended.")
@deployment_options
@result_output
def rerun(
    pipeline: str,
    date: str,
    reason: str | None,
    note: str | None,
    abandon_previous: bool,
    dry_run: bool,
    pace: int | None,
    budget: int | None,
    name: str | None,
    wait: bool,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Request a rerun of PIPELINE for DATE, or a backfill of all dates of a range.

    DATE is YYYY-MM-DD, or YYYY-MM-DDTHH for an hourly run.

    The answer comes as an event, RERUN_ACCEPTED or RERUN_REJECTED, with the reason. An accepted rerun starts
    nothing while the date's last job runs, or while the state of that job cannot be read. If the state can never be
    read again, use --abandon-previous. Make sure first that the job has ended, since Interlock does not check it.

    A backfill requests the dates of FROM..TO that the schedule names, oldest first. Each passes the same decision as a
    single request, with the budget of its date (job.maxManualReruns). A date that would be rejected is listed with the
    reason, and not requested. After an interruption the same command goes on, and requests no date twice within 30
    days. The exit code is 1 if a date was rejected, or with --wait if a run failed. --wait also follows the request of
    a single date.

    \b
    Examples:
      interlock rerun gold-orders 2026-03-03 --reason "corrected source file"
      interlock rerun gold-orders 2026-03-03 --wait
      interlock rerun gold-orders 2026-03-03 --abandon-previous \\
        --note "cluster was deleted"
      interlock rerun gold-orders 2026-02-01..2026-02-28 --dry-run
      interlock rerun gold-orders 2026-02-01..2026-02-28 --pace 2 --wait
    """
    first, last, is_range = _read_range(date)
    given = {"--pace": pace, "--budget": budget, "--name": name}
    if not is_range and any(value is not None for value in given.values()):
        names = ", ".join(option for option, value in given.items() if value is not None)
        raise click.UsageError(f"{names}: only for a range FROM..TO.")
    store = deployment(environment, endpoint_url).store()
    if is_range or dry_run:
        config = _config_for(store, pipeline, environment, reason)
        found, skipped = dates_of(config, first, last) if is_range else ([first], [])
        most = _BUDGET if budget is None else budget
        if len(found) > most:
            more = f"allow them with --budget {len(found)}"
            raise CliError(f"{date} has {len(found)} dates, and the budget is {most}; {more}")
        plan = Plan(
            name=f"backfill {name or date}",
            reason=reason or (_BACKFILL if is_range else _MANUAL),
            note=note,
            pace=pace or _PACE,
            abandon_previous=abandon_previous,
        )
        backfill = Backfill(store, config, plan)
        changes = backfill.preview(found) if dry_run else backfill.run(found, wait=wait)
        _follow(pipeline, date, chain(skipped, changes), as_json=as_json, dry_run=dry_run)
        return
    awaited = _config_for(store, pipeline, environment, reason) if wait else None
    reason, identity = reason or _MANUAL, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    request_rerun(
        store,
        pipeline,
        date,
        reason=reason,
        note=note,
        environment=environment,
        abandon_previous=abandon_previous,
        identity=identity,
    )
    result = Result(date, REQUESTED)
    if awaited is not None:
        followed = Backfill(store, awaited, Plan(name=identity, reason=reason, note=note, pace=1)).follow(first)
        _follow(pipeline, date, followed, as_json=as_json, dry_run=False)
        return
    if as_json:
        print_json(_wire(pipeline, [result], dry_run=False))
        return
    watch = as_called(f"watch it with: interlock status {pipeline}")
    answer = f" a rerun of {pipeline} for {date}; {watch}"
    console().line(("green", "requested"), answer)


_COLOURS = {REJECTED: "red", FAILED: "red", COMPLETED: "green", ACCEPTED: "green", NOT_SCHEDULED: "dim"}


def _follow(pipeline: str, dates: str, changes: Iterable[Result], *, as_json: bool, dry_run: bool) -> None:
    """Print each change of a result, and the number of dates with each result. Exit code 1 after a bad one."""
    last: dict[str, Result] = {}
    try:
        for one in changes:
            last[one.date] = one
            if not as_json:
                _say(one)
    except KeyboardInterrupt:
        error_console().line(("yellow", "interrupted:"), f" the same command goes on with {pipeline} {dates}")
        raise
    counts = Counter(one.result for one in last.values())
    if as_json:
        print_json(_wire(pipeline, list(last.values()), dry_run=dry_run))
    else:
        end = "; nothing was requested" if dry_run else ""
        console().line(", ".join(f"{number} {result}" for result, number in counts.items()) or "no dates", end)
    if not dry_run and counts[REJECTED] + counts[FAILED]:
        click.get_current_context().exit(1)


def _wire(pipeline: str, results: list[Result], *, dry_run: bool) -> dict[str, object]:
    """The results as JSON. A single date is on the first level too, as it always was."""
    only = {"date": results[0].date, "result": results[0].result} if len(results) == 1 else {}
    counts = Counter(one.result for one in results)
    return {"pipeline": pipeline, **only, "dry_run": dry_run, "counts": counts, "dates": to_builtins(results)}


def _say(one: Result) -> None:
    colour = _COLOURS.get(one.result, "cyan")
    console().line(f"{one.date}  ", (colour, one.result), f": {one.reason}" if one.reason else "")


def _read_range(text: str) -> tuple[ExecutionDate, ExecutionDate, bool]:
    """The first and the last date, and whether the text is a range. Raises CliError."""
    first, dots, last = text.partition("..")
    begin = _read_date(first)
    end = _read_date(last) if dots else begin
    if (begin.hour is None) != (end.hour is None):
        raise CliError(f"{text}: FROM and TO must both be days, or both be hours")
    if begin > end:
        raise CliError(f"{text}: FROM must not be after TO")
    return begin, end, bool(dots)


def _config_for(store: Store, pipeline: str, environment: str, reason: str | None) -> PipelineConfig:
    if reason is not None and reason in _RESERVED:
        raise CliError(f"--reason {reason}: is reserved for Interlock itself; give another reason")
    stored = store.config(pipeline)
    if not stored.exists:
        raise unknown_pipeline(store, pipeline, environment)
    if stored.config is None:
        raise CliError(f"pipeline {pipeline!r} in {environment!r}: {stored.problem}")
    if stored.pause is not None and stored.pause.holds(datetime.now(UTC)):
        error_console().line(("yellow", "warning:"), f" {stored.pause}; accepted dates wait for its end")
    return stored.config


def request_rerun(
    store: Store,
    pipeline: str,
    date: str,
    *,
    reason: str,
    note: str | None = None,
    environment: str = LOCAL,
    abandon_previous: bool = False,
    identity: str = "",
) -> None:
    """Write the request. identity: its time as text, by default that of the clock.

    Raises CliError for an invalid date, a reserved reason, and a pipeline that is unknown or cannot be read.
    """
    execution_date = _read_date(date)
    if reason == RerunReason.JOB_FAIL_RETRY:
        raise CliError(f"--reason {reason}: is reserved for retries after a failed job; give another reason")
    stored = store.config(pipeline)
    if not stored.exists:
        raise unknown_pipeline(store, pipeline, environment)
    if stored.config is None:
        raise CliError(f"pipeline {pipeline!r} in {environment!r}: {stored.problem}")
    key = RunKey(pipeline, stored.config.schedule_id, execution_date)
    store.request_rerun(
        key, reason=reason, note=note, requested_at=identity or datetime.now(UTC), abandon_previous=abandon_previous
    )


def _read_date(date: str) -> ExecutionDate:
    try:
        return parse_execution_date(date)
    except ValueError as error:
        raise CliError(str(error)) from None
