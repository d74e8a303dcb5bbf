"""interlock push: writes pipeline and calendar files to the control table, all or none."""

from collections.abc import Sized

import click

from interlock_cli._deployment import deployment, deployment_options
from interlock_cli._files import reject, review_paths
from interlock_cli._output import console, print_json
from interlock_config import PipelineConfig


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@deployment_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def push(paths: tuple[str, ...], environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """Validate pipeline files and write them to the control table.

    PATHS are files or folders (*.yaml, *.yml, *.json). If any file has an error, nothing is written.

    \b
    Examples:
      interlock push pipelines/
      interlock push bronze.yaml calendars/us.yaml --environment prod
    """
    review = review_paths(paths)
    if review.failed:
        reject(review)
    store = deployment(environment, endpoint_url).store()
    calendars = [found for found in review.documents.values() if not isinstance(found, PipelineConfig)]
    pipelines = [found for found in review.documents.values() if isinstance(found, PipelineConfig)]
    for calendar in calendars:
        store.put_calendar(calendar)
    for config in pipelines:
        store.put_config(config)
    names = {"calendars": [found.name for found in calendars], "pipelines": [found.id for found in pipelines]}
    if as_json:
        print_json({"environment": environment, **names, "warnings": [str(one) for one in review.problems]})
        return
    out = console()
    for problem in review.problems:
        out.line(("yellow", "warning:"), " ", str(problem))
    for name in names["pipelines"]:
        out.line(("green", "pushed"), f" {name}")
    written = " and ".join(_counted(found, name) for found, name in ((pipelines, "pipeline"), (calendars, "calendar")))
    out.line(f"{written} written to {environment}-interlock-control")


def _counted(found: Sized, name: str) -> str:
    return f"{len(found)} {name}{'s' * (len(found) != 1)}"
