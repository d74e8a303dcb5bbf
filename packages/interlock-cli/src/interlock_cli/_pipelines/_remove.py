"""interlock remove: deletes the config of a pipeline. Its other rows stay as its history."""

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._output._confirm import confirm
from interlock_cli._output._console import CliError, console, print_json
from interlock_cli._output._form import result_output

_MOST_COUNTED = 1000


@click.command()
@click.argument("pipeline")
@click.option("--yes", is_flag=True, help="Do not ask.")
@deployment_options
@result_output
def remove(pipeline: str, yes: bool, environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """Remove PIPELINE: delete its config, so that nothing of it starts any more.

    A job that was started is followed to its end. A run that waits ends as failed, with CONFIG_INVALID. The rows of its
    runs, sensors, events and verdicts stay. `interlock push` adds the pipeline again.

    \b
    Examples:
      interlock remove bronze-orders
      interlock remove bronze-orders --environment prod --yes
    """
    store = deployment(environment, endpoint_url).store()
    if not store.config(pipeline).exists:
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    under_way = len(store.open_dates(pipeline, _MOST_COUNTED)) + len(store.waiting_runs(pipeline, _MOST_COUNTED))
    confirm(f"Remove {pipeline} from {environment!r} with {_runs(under_way)} under way?", yes=yes)
    if not store.remove_config(pipeline):
        raise CliError(f"there is no pipeline {pipeline!r} in {environment!r}")
    if as_json:
        print_json({"environment": environment, "pipeline": pipeline, "result": "removed", "runs_under_way": under_way})
        return
    console().line(("green", "removed"), f" {pipeline} with {_runs(under_way)} under way")


def _runs(number: int) -> str:
    return f"{number} run{'s' * (number != 1)}"
