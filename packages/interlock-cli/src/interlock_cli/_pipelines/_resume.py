"""interlock resume: ends the pause of a pipeline."""

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._console import console, print_json
from interlock_cli._output._form import result_output


@click.command()
@click.argument("pipeline")
@deployment_options
@result_output
def resume(pipeline: str, environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """End the pause of PIPELINE.

    The oldest ten of the waiting runs start at once, if slots are free (schedule.maxOpenDates). The watchdog starts the
    others within minutes, in the order of their arrival.

    \b
    Examples:
      interlock resume gold-orders
      interlock resume gold-orders --environment prod --json
    """
    store = deployment(environment, endpoint_url).store()
    before = store.config(pipeline)
    if not before.exists or not store.resume(pipeline):
        raise unknown_pipeline(store, pipeline, environment)
    was_paused = before.pause is not None
    if as_json:
        print_json({"pipeline": pipeline, "paused": False, "result": "resumed" if was_paused else "unchanged"})
    elif was_paused:
        console().line(("green", "resumed"), f" {pipeline}")
    else:
        console().line(("yellow", "unchanged"), f" {pipeline} was not paused")
