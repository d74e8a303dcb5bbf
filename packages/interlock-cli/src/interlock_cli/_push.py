"""interlock push: writes pipelines, calendars and the routing of alerts to the tables, all or none."""

from collections.abc import Sized
from datetime import UTC, datetime

import click

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._files import reject, review_paths
from interlock_cli._output import console, print_json
from interlock_cli._target import target_options
from interlock_config import AlertRules, PipelineConfig
from interlock_sla import Calendar
from interlock_store import Store


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@deployment_options
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def push(paths: tuple[str, ...], environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """Validate files and write them to the tables.

    PATHS are files or folders (*.yaml, *.yml, *.json) with pipelines, calendars and at most one alerts.yaml.
    Pipelines and calendars go to the control table, and the routing of alerts goes to the events table.
    If any file has an error, nothing is written.

    \b
    Examples:
      interlock push pipelines/
      interlock push bronze.yaml calendars/us.yaml --environment prod
      interlock push pipelines/ -e prod --region eu-west-1 --account 123456789012
    """
    review = review_paths(paths)
    if review.failed:
        reject(review)
    store = deployment(environment, endpoint_url).store()
    documents = review.documents.values()
    calendars = [found for found in documents if isinstance(found, Calendar)]
    pipelines = [found for found in documents if isinstance(found, PipelineConfig)]
    routing = next((found for found in documents if isinstance(found, AlertRules)), None)
    for calendar in calendars:
        store.put_calendar(calendar)
    for config in pipelines:
        store.put_config(config)
    alerts = None if routing is None else _put_alerts(store, routing)
    names = {"calendars": [found.name for found in calendars], "pipelines": [found.id for found in pipelines]}
    if as_json:
        warnings = [str(one) for one in review.problems]
        print_json({"environment": environment, **names, "alerts": alerts, "warnings": warnings})
        return
    out = console()
    for problem in review.problems:
        out.line(("yellow", "warning:"), " ", str(problem))
    for name in names["pipelines"]:
        out.line(("green", "pushed"), f" {name}")
    written = " and ".join(_counted(found, name) for found, name in ((pipelines, "pipeline"), (calendars, "calendar")))
    out.line(f"{written} written to {environment}-interlock-control")
    if alerts is not None:
        out.line(f"routing of alerts {alerts} in {environment}-interlock-events")


def _put_alerts(store: Store, routing: AlertRules) -> str:
    return "written" if store.put_alerts(routing, datetime.now(UTC)) else "unchanged"


def _counted(found: Sized, name: str) -> str:
    return f"{len(found)} {name}{'s' * (len(found) != 1)}"
