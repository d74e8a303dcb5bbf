"""interlock rerun: requests another attempt of a date. Interlock decides about it."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import click
from msgspec import Struct, to_builtins

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, Output, console, error_console, print_json
from interlock_cli._output._errors import Interrupted
from interlock_cli._output._form import result_output
from interlock_cli._runs._backfill import (
    ACCEPTED,
    COMPLETED,
    EXCLUDED,
    FAILED,
    NO_RUN,
    NOT_SCHEDULED,
    REJECTED,
    REQUESTED,
    UNDER_WAY,
    WOULD_BE_ACCEPTED,
    Backfill,
    Plan,
    Result,
    Step,
    Waiting,
    dates_of,
)
from interlock_cli._runs._sign_of_life import SignOfLife
from interlock_config import PipelineConfig
from interlock_lifecycle import Pause, RerunReason
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

    A request that would be rejected now is not written, and the reason is printed with exit code 1. The answer to a
    written request comes as an event, RERUN_ACCEPTED or RERUN_REJECTED. An accepted rerun starts nothing while the
    date's last job runs, or while the state of that job cannot be read. If the state can never be read again, use
    --abandon-previous. Make sure first that the job has ended, since Interlock does not check it.

    A backfill requests the dates of FROM..TO that the schedule names, oldest first. Each passes the same decision as a
    single request, with the budget of its date (job.maxManualReruns). A date that would be rejected is listed with the
    reason, and not requested. An excluded date is listed too, and is no error. After an interruption the same command
    goes on, and requests no date twice within 30 days. The exit code is 1 if a date was rejected, or with --wait if a
    run failed. --dry-run is a preview, with exit code 0. --wait also follows the request of a single date. While the
    command waits, it shows the dates under way with their reasons: in place on a terminal, otherwise as a line on
    stderr after 30 seconds without one. More dates than --pace for a pipeline that is paused without an end are an
    error.

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
    config, pause = _read_pipeline(store, pipeline, environment, reason)
    found, skipped = dates_of(config, first, last) if is_range else ([first], [])
    most = _BUDGET if budget is None else budget
    if len(found) > most:
        raise CliError(
            f"{date} has {len(found)} dates, and the budget is {most}; allow them with --budget {len(found)}"
        )
    # A single date is requested again by each call, and a range by none but the first.
    identity = f"backfill {name or date}" if is_range or dry_run else _now_text()
    default = _BACKFILL if is_range else _MANUAL
    plan = Plan(identity, reason or default, note, pace or _PACE, abandon_previous, is_range)
    backfill = Backfill(store, config, plan)
    _heed_pause(backfill, found, pause, plan.pace, dry_run=dry_run)
    if dry_run:
        changes: Iterable[Step] = backfill.preview(found)
    else:
        changes = backfill.run(found, wait=wait) if is_range else backfill.run_one(first, wait=wait)
    order = _Order(pipeline, date, is_range=is_range, dry_run=dry_run, paused=str(pause or ""))
    _follow(order, backfill, _by_date(skipped, changes), as_json=as_json)


_COLOURS = {
    REJECTED: "red",
    FAILED: "red",
    COMPLETED: "green",
    ACCEPTED: "green",
    **dict.fromkeys((NOT_SCHEDULED, EXCLUDED, NO_RUN), "dim"),
}


class _Order(Struct, frozen=True):
    """The request of the command line. paused: the pause of the pipeline, empty without one."""

    pipeline: str
    dates: str
    is_range: bool
    dry_run: bool
    paused: str


def _by_date(skipped: Iterable[Result], steps: Iterable[Step]) -> Iterator[Step]:
    """The steps, with each skipped day before the first step of a later date."""
    left = deque(skipped)
    for step in steps:
        while isinstance(step, Result) and left and left[0].date < step.date:
            yield left.popleft()
        yield step
    yield from left


def _follow(order: _Order, backfill: Backfill, steps: Iterable[Step], *, as_json: bool) -> None:
    """Print each change of a result, and the number of dates with each result. Exit code 1 after a bad one."""
    last: dict[str, Result] = {}
    out = None if as_json else console()
    waiting: Waiting | None = None
    try:
        with SignOfLife(out, backfill.standings) as sign:
            for one in steps:
                if isinstance(one, Waiting):
                    waiting = one
                    sign.show(one)
                    continue
                last[one.date] = one
                if out is not None:
                    _say(out, one)
                    sign.said()
    except KeyboardInterrupt:
        raise Interrupted(_after_interrupt(order, waiting)) from None
    counts = Counter(one.result for one in last.values())
    if out is None:
        print_json(_wire(order, list(last.values())))
    elif order.is_range or order.dry_run:
        end = "; nothing was requested" if order.dry_run else ""
        out.line(", ".join(f"{number} {result}" for result, number in counts.items()) or "no dates", end)
    elif counts[REQUESTED]:
        out.line(as_called(f"the answer: interlock why {order.pipeline} {order.dates} (--wait waits for it)"))
    if not order.dry_run and counts[REJECTED] + counts[FAILED]:
        click.get_current_context().exit(1)


def _after_interrupt(order: _Order, waiting: Waiting | None) -> str:
    """What goes on without the command, and how to go on with it."""
    if order.dry_run:
        return "nothing was requested"
    again = f"{order.pipeline} {order.dates}"
    if not order.is_range:
        return as_called(f"a request that was written stays; its answer: interlock why {again}")
    left = "" if waiting is None else f"{len(waiting.open)} under way go on by themselves, {waiting.left} left; "
    return f"{left}the same command goes on with {again}"


def _wire(order: _Order, results: list[Result]) -> dict[str, object]:
    """The results as JSON. A single date is on the first level too, as it always was."""
    only = {"date": results[0].date, "result": results[0].result} if len(results) == 1 else {}
    counts = Counter(one.result for one in results)
    paused = {"paused": order.paused} if order.paused else {}
    dates = {"counts": counts, "dates": to_builtins(results)}
    return {"pipeline": order.pipeline, **only, "dry_run": order.dry_run, **paused, **dates}


def _say(out: Output, one: Result) -> None:
    colour = _COLOURS.get(one.result, "cyan")
    out.line(f"{one.date}  ", (colour, one.result), f": {one.reason}" if one.reason else "")


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


def _read_pipeline(
    store: Store, pipeline: str, environment: str, reason: str | None
) -> tuple[PipelineConfig, Pause | None]:
    """The config of a pipeline, and its pause while it holds. Raises CliError."""
    if reason is not None and reason in _RESERVED:
        raise CliError(f"--reason {reason}: is reserved for Interlock itself; give another reason")
    stored = store.config(pipeline)
    if not stored.exists:
        raise unknown_pipeline(store, pipeline, environment)
    if stored.config is None:
        raise CliError(f"pipeline {pipeline!r} in {environment!r}: {stored.problem}")
    if stored.config.dry_run:
        _warn(f"{pipeline} is a dry run: its requests are answered, and nothing starts")
    is_paused = stored.pause is not None and stored.pause.holds(datetime.now(UTC))
    return stored.config, stored.pause if is_paused else None


def _heed_pause(
    backfill: Backfill, dates: list[ExecutionDate], pause: Pause | None, pace: int, *, dry_run: bool
) -> None:
    """Warn of a pause. Raises CliError if it has no end, and holds more dates than the pace has places."""
    if pause is None:
        return
    resume = as_called(f"interlock resume {backfill.pipeline}")
    _warn(f"{pause}; accepted dates wait for its end (`{resume}`)")
    if pause.until is not None or len(dates) <= pace:
        return
    needed = sum(one.result in (WOULD_BE_ACCEPTED, *UNDER_WAY) for one in backfill.preview(dates))
    if needed > pace:
        stuck = f"{needed} dates wait for the end of the pause, and --pace {pace} lets {pace} wait at once"
        ways = f"end the pause with `{resume}`, or let all dates wait with --pace {needed}"
        if not dry_run:
            raise CliError(f"{stuck}: {ways}")
        _warn(f"without --dry-run this is an error: {stuck}; {ways}")


def _warn(text: str) -> None:
    error_console().line(("yellow", "warning:"), " ", text)


def _now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_date(date: str) -> ExecutionDate:
    try:
        return parse_execution_date(date)
    except ValueError as error:
        raise CliError(str(error)) from None
