"""interlock logs: shows the end of a job's output, and the pages of the job at its provider."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._deployment._unknown import known_pipeline
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, console, print_json, show_span
from interlock_cli._output._form import result_output
from interlock_config import JobLinks, Link, execution_link
from interlock_lifecycle import JobIntent, Run, RunKey, execution_name
from interlock_lifecycle.runs import job_pages
from interlock_sla import ExecutionDateError, parse_execution_date

if TYPE_CHECKING:
    from interlock_cli._runs._job_logs import Output

_SLACK = timedelta(minutes=1)
"""The logs of a function are a little later than its answer."""


class _NoJob(CliError):
    """The date has no job yet."""

    exit_code = 1


class _Found(Struct, frozen=True):
    """The job of an attempt, with its pages and the end of its output."""

    run: Run
    intent: JobIntent
    pages: list[Link]
    output: "Output"


@click.command()
@click.argument("pipeline")
@click.argument("date")
@click.option("--attempt", type=click.IntRange(0), help="The attempt, from 0. Default: the newest with a job.")
@click.option("--lines", type=click.IntRange(1, 10000), default=50, show_default=True, help="Number of lines.")
@deployment_options
@result_output
def logs(
    pipeline: str,
    date: str,
    attempt: int | None,
    lines: int,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Show the end of the output of the job of PIPELINE for DATE, and its pages.

    DATE is YYYY-MM-DD, or YYYY-MM-DDTHH for an hourly run. The row of the run keeps the end of the output of a command
    job and of the answer of a Lambda job. The output of Glue, EMR Serverless and Lambda jobs is read from CloudWatch
    Logs, where they have some. The pages are those of the run and its logs at the provider, and the execution of
    Interlock. The newest two attempts of a date are known.

    Exit code 1: the date has no job yet.

    \b
    Examples:
      interlock logs gold-orders 2026-03-03
      interlock logs gold-orders 2026-03-03 --attempt 0 --lines 200
      interlock logs gold-orders 2026-03-03 -e prod -o json | jq -r '.links[].url'
    """
    where = deployment(environment, endpoint_url)
    run = _run_of(where, pipeline, date)
    intent = _intent_of(run, attempt)
    begin, end = _span(run, intent)

    def links_in(region: str | None) -> JobLinks:
        return job_pages(run.key, intent, region, begin=begin, ended_at=end)

    # An endpoint of its own may have CloudWatch Logs, and has no console.
    links = links_in(str(where.client("dynamodb").meta.region_name))
    pages = _pages(where, run, links if where.endpoint_url is None else links_in(None))
    found = _Found(run, intent, pages, _output(where, intent, links, begin, end, lines))
    if as_json:
        print_json(_wire(found))
    else:
        _print(found)


def _run_of(where: Deployment, pipeline: str, date: str) -> Run:
    """The run of a date. Raises CliError for an invalid date, an unknown pipeline, and a date without a run."""
    try:
        wanted = parse_execution_date(date)
    except ExecutionDateError as error:
        raise CliError(str(error)) from None
    store = where.store()
    stored = known_pipeline(store, pipeline, where.environment)
    schedule = "stream" if stored.config is None else stored.config.schedule_id
    key = RunKey(pipeline, schedule, wanted)
    run = store.run(key) or store.run(key.under_other_schedule)
    if run is None:
        raise _NoJob(f"{pipeline} has no run of {date}")
    return run


def _intent_of(run: Run, attempt: int | None) -> JobIntent:
    known = [intent for intent in (run.job_intent, run.previous_job) if intent is not None]
    found = next((intent for intent in known if attempt is None or intent.attempt == attempt), None)
    if found is not None:
        return found
    name = f"{run.key.pipeline_id} {run.key.date}"
    if attempt is None:
        raise _NoJob(as_called(f"{name}: no job was started. `interlock why {name}` explains it"))
    attempts = ", ".join(str(intent.attempt) for intent in sorted(known, key=lambda one: one.attempt)) or "none"
    raise CliError(f"--attempt is {attempt}, must be one of the known attempts of {name}: {attempts}")


def _run_id(intent: JobIntent) -> str | None:
    return intent.run_id or (intent.outcome.run_id if intent.outcome is not None else None) or None


def _span(run: Run, intent: JobIntent) -> tuple[datetime, datetime | None]:
    """The time of the job (UTC), with some slack. The end is None for a job that runs."""
    outcome = intent.outcome
    spent = timedelta(seconds=outcome.duration or 0) if outcome is not None else timedelta()
    # A job that ended within its start began before the answer.
    begin = (intent.started_at or intent.committed_at) - spent - _SLACK
    end = outcome.at if outcome is not None else None
    if end is None and run.job_intent == intent:
        end = run.closed_at
    return begin, None if end is None else end + _SLACK


def _pages(where: Deployment, run: Run, links: JobLinks) -> list[Link]:
    """The pages that exist."""
    execution = _execution_page(where, run) if where.endpoint_url is None else None
    return [page for page in (links.run, links.logs, execution) if page is not None]


def _execution_page(where: Deployment, run: Run) -> Link | None:
    """The page of the run's execution. The ARN of a table names the partition, the region and the account."""
    from botocore.exceptions import ClientError

    if run.started_token is None:
        return None
    try:
        table = where.client("dynamodb").describe_table(TableName=f"{where.environment}-interlock-control")["Table"]
    except ClientError:  # without the permission, the other pages are still shown
        return None
    parts = str(table.get("TableArn", "")).split(":")
    if len(parts) < 6:
        return None
    machine = f"{where.environment}-interlock-pipeline"
    return execution_link(f"arn:{parts[1]}:states:{parts[3]}:{parts[4]}:execution:{machine}:{execution_name(run)}")


def _output(
    where: Deployment, intent: JobIntent, links: JobLinks, begin: datetime, end: datetime | None, count: int
) -> "Output":
    from interlock_cli._runs._job_logs import Output, read_output

    if kept := intent.details.get("output", "").strip():
        return Output(kept.splitlines()[-count:], "the row of the run")
    if links.places:
        return read_output(where.client("logs"), links.places, begin, end, count)
    if intent.type == "command":
        return Output([], problem="the command has printed nothing, or it is not over yet")
    return Output([], problem=f"Interlock knows no place of the output of a job of the type {intent.type}")


def _print(found: _Found) -> None:
    intent, outcome, out = found.intent, found.intent.outcome, console()
    state = "started" if outcome is None else outcome.event
    took = f" after {show_span(outcome.duration)}" if outcome is not None and outcome.duration is not None else ""
    colour = {"success": "green", "started": "cyan"}.get(state, "red")
    key = found.run.key
    out.line(f"{key.pipeline_id} {key.date}, attempt {intent.attempt}: {intent.type} ", (colour, state), took)
    if run_id := _run_id(intent):
        out.line(f"run id: {run_id}")
    if outcome is not None and outcome.error:
        out.line(f"error: {outcome.error}")
    for page in found.pages:
        out.line(f"{page.label}: {page.url}")
    if found.output.lines:
        out.line(("dim", f"output ({found.output.source}):"))
    for line in found.output.lines:
        out.line(f"  {line}")
    if found.output.problem:
        out.line(("yellow", "note:"), f" {found.output.problem}")


def _wire(found: _Found) -> dict[str, Any]:
    intent, outcome = found.intent, found.intent.outcome
    return {
        "pipeline": found.run.key.pipeline_id,
        "date": str(found.run.key.date),
        "attempt": intent.attempt,
        "type": intent.type,
        "run_id": _run_id(intent),
        "state": "started" if outcome is None else outcome.event,
        "error": (outcome.error or None) if outcome is not None else None,
        "started_at": intent.started_at.astimezone(UTC).isoformat() if intent.started_at is not None else None,
        "links": [{"label": page.label, "url": page.url} for page in found.pages],
        "output": {
            "source": found.output.source or None,
            "lines": list(found.output.lines),
            "problem": found.output.problem or None,
        },
    }
