"""interlock push: writes pipelines, calendars and the routing of alerts to the tables, all or none."""

from datetime import UTC, datetime

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._settings import configured_paths
from interlock_cli._deployment._target import target_options
from interlock_cli._output._confirm import confirm
from interlock_cli._output._console import Output, console, print_json
from interlock_cli._output._counted import counted
from interlock_cli._output._errors import Interrupted
from interlock_cli._output._form import result_output
from interlock_cli._pipelines._files import reject, review_paths
from interlock_cli._pipelines._push_plan import PlannedChange, plan_push, print_plan, wire_plan
from interlock_config import AlertRules, PipelineConfig
from interlock_sla import Calendar
from interlock_store import Store


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--dry-run", "dry_run", is_flag=True, help="Show the differences to the tables, and write nothing.")
@click.option("--prune", is_flag=True, help="Also remove the pipelines of the deployment that no file names.")
@click.option("--yes", is_flag=True, help="Do not ask before pipelines are removed.")
@deployment_options
@target_options
@result_output
def push(
    paths: tuple[str, ...],
    dry_run: bool,
    prune: bool,
    yes: bool,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Validate files and write them to the tables.

    PATHS are files or folders (*.yaml, *.yml, *.json) with pipelines, calendars and at most one alerts.yaml. Without
    PATHS, they are those of the environment in interlock.toml.

    Pipelines and calendars go to the control table, and the routing of alerts goes to the events table.
    If any file has an error, nothing is written.

    --prune removes each pipeline of the deployment that no file names, as `interlock remove` does. So PATHS must be all
    files of the deployment. The command asks before. Calendars and the routing of alerts are never removed.

    \b
    Examples:
      interlock push pipelines/
      interlock push -e prod
      interlock push bronze.yaml calendars/us.yaml --environment prod
      interlock push pipelines/ -e prod --region eu-west-1 --account 123456789012
      interlock push pipelines/ calendars/ --environment prod --prune --dry-run
    """
    review = review_paths(configured_paths(paths, environment))
    if review.failed:
        reject(review)
    store = deployment(environment, endpoint_url).store()
    documents = list(review.documents.values())
    warnings = [str(one) for one in review.problems]
    if dry_run:
        _print_dry_run(plan_push(store, documents, prune=prune), warnings, environment, as_json)
        return
    calendars = [found for found in documents if isinstance(found, Calendar)]
    pipelines = [found for found in documents if isinstance(found, PipelineConfig)]
    routing = next((found for found in documents if isinstance(found, AlertRules)), None)
    named = {found.id for found in pipelines}
    surplus = [name for name in store.pipelines() if name not in named] if prune else []
    if surplus:
        confirm(f"Remove {', '.join(surplus)} from {environment!r}, which no file names?", yes=yes)
    _write(store, calendars, pipelines)
    alerts = None if routing is None else _put_alerts(store, routing)
    removed = [name for name in surplus if store.remove_config(name)]
    names = {"calendars": [found.name for found in calendars], "pipelines": [found.id for found in pipelines]}
    if as_json:
        answer = {"environment": environment, **names, "alerts": alerts, "warnings": warnings}
        print_json({**answer, "removed": removed} if prune else answer)
        return
    out = console()
    _print_warnings(out, warnings)
    for name in names["pipelines"]:
        out.line(("green", "pushed"), f" {name}")
    for name in removed:
        out.line(("red", "removed"), f" {name}")
    written = f"{counted(len(pipelines), 'pipeline')} and {counted(len(calendars), 'calendar')}"
    out.line(f"{written} written to {environment}-interlock-control")
    if alerts is not None:
        out.line(f"routing of alerts {alerts} in {environment}-interlock-events")


def _write(store: Store, calendars: list[Calendar], pipelines: list[PipelineConfig]) -> None:
    """Write the rows one by one, calendars first. Raises Interrupted with the number of the written ones."""
    written = 0
    try:
        for calendar in calendars:
            store.put_calendar(calendar)
            written += 1
        for config in pipelines:
            store.put_config(config)
            written += 1
    except KeyboardInterrupt:
        total = counted(len(calendars) + len(pipelines), "document")
        raise Interrupted(f"{written} of {total} written; the same command writes the rest") from None


def _print_dry_run(plan: list[PlannedChange], warnings: list[str], environment: str, as_json: bool) -> None:
    if as_json:
        print_json({"environment": environment, "dry_run": True, "changes": wire_plan(plan), "warnings": warnings})
        return
    out = console()
    _print_warnings(out, warnings)
    print_plan(out, plan)
    out.line("nothing was written")


def _print_warnings(out: Output, warnings: list[str]) -> None:
    for warning in warnings:
        out.line(("yellow", "warning:"), " ", warning)


def _put_alerts(store: Store, routing: AlertRules) -> str:
    return "written" if store.put_alerts(routing, datetime.now(UTC)) else "unchanged"
