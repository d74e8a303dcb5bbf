"""interlock status: per pipeline and date where the run stands, what it waits for and why, and the time left."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
from msgspec import Struct, to_builtins

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._output import CliError, console, print_json, show_span, show_time, table
from interlock_lifecycle import Progress, Run, RunReport, RunStatus, describe_run
from interlock_store import Store, StoredConfig

_COLOURS = {
    Progress.COMMITTED: "cyan",
    Progress.HELD: "yellow",
    Progress.EVALUATING: "cyan",
    Progress.RUNNING: "blue",
    Progress.COMPLETED: "green",
    Progress.FAILED: "red",
}


class PipelineStatus(Struct, frozen=True):
    """A pipeline, whether its config can be used, and its newest runs."""

    pipeline: str
    problem: str
    runs: list[RunReport]
    stored: StoredConfig


@click.command()
@click.argument("pipeline", required=False)
@click.option("--last", default=8, show_default=True, type=click.IntRange(1, 1000), help="How many dates to show.")
@deployment_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(pipeline: str | None, last: int, environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """Show where runs stand: state, what is waited for and why, and the time left.

    \b
    Examples:
      interlock status
      interlock status gold-orders --last 30
      interlock status --json | jq '.[].runs[] | select(.progress == "held")'
    """
    store = deployment(environment, endpoint_url).store()
    now = datetime.now(UTC)
    found = list(read_statuses(store, pipeline, last, now))
    if pipeline is not None and not found[0].stored.exists:
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    if as_json:
        print_json([_wire(one) for one in found])
        return
    _print(found, now)


def read_statuses(store: Store, pipeline: str | None, last: int, now: datetime) -> Iterator[PipelineStatus]:
    """The status of one pipeline, or of all."""
    for name in [pipeline] if pipeline is not None else store.pipelines():
        stored = store.config(name)
        runs = list(store.runs(name))[-last:]
        yield PipelineStatus(name, stored.problem, [_report(store, stored, run, now) for run in runs], stored)


def _report(store: Store, stored: StoredConfig, run: Run, now: datetime) -> RunReport:
    config = stored.config
    waits = config is not None and run.status is RunStatus.RUNNING and run.job_intent is None
    sensors = store.sensors(run.key.pipeline_id, config.rules.keys, run.key.date) if waits and config else {}
    return describe_run(run, config, stored.problem, sensors, store.sla(run.key), now)


def _print(found: list[PipelineStatus], now: datetime) -> None:
    out = console()
    if not found:
        out.print("no pipelines yet; write some with: interlock push PATH")
        return
    columns = ("pipeline", "date", "state", "try", "waits for / why", "time left", "sla")
    shown = table(*columns, whole=("pipeline", "date", "state", "time left"))
    for one in found:
        if one.problem:
            shown.add_row(one.pipeline, "", "[red]config invalid[/]", "", one.problem.replace("[", r"\["), "", "")
        elif not one.runs:
            shown.add_row(one.pipeline, "", "[dim]no runs yet[/]", "", "", "", "")
        for report in one.runs:
            shown.add_row(*_cells(one, report, now))
    out.print(shown)


def _cells(one: PipelineStatus, report: RunReport, now: datetime) -> tuple[str, ...]:
    colour = _COLOURS[report.progress]
    left = show_span((report.until - now).total_seconds()) if report.until else ""
    return (
        one.pipeline,
        report.date,
        f"[{colour}]{report.progress}[/]",
        str(report.attempt) if report.attempt else "",
        report.reason.replace("[", r"\["),
        left,
        "; ".join(_sla(one, report, now)),
    )


def _sla(one: PipelineStatus, report: RunReport, now: datetime) -> Iterator[str]:
    if one.stored.config is None:
        return
    for clock in report.sla:
        if clock.verdict != "open":
            yield f"[{'green' if clock.verdict == 'met' else 'red'}]{clock.clock} {clock.verdict}[/]"
            continue
        seconds = (clock.breach_at - now).total_seconds()
        when = show_time(clock.breach_at, one.stored.config.zone)
        yield f"{clock.clock} {when}, " + (
            f"{show_span(seconds)} left" if seconds > 0 else f"{show_span(-seconds)} over"
        )


def _wire(one: PipelineStatus) -> dict[str, Any]:
    return {"pipeline": one.pipeline, "problem": one.problem, "runs": to_builtins(one.runs)}
