"""The own commands of `interlock`: where each is, and its summary. A command is imported when it is used."""

import os
from importlib import import_module
from keyword import iskeyword

import click

OWN = {
    "alerts": "Show where each alert is.",
    "completion": "Print the script with which SHELL completes commands, options and pipelines.",
    "cron": "Explain a cron expression: in words, its next fires, and the clock changes.",
    "dlq": "Show the dead letters of a deployment, and send them to their functions again.",
    "events": "Print events, oldest first, times in UTC.",
    "history": "Print the events of a pipeline in a period, oldest first.",
    "import": "Draft pipeline files from the schedules of other programs.",
    "init": "Write a pipeline file with comments, and the schema for editors next to it.",
    "logs": "Show the end of the output of the job of PIPELINE for DATE, and its pages.",
    "migrate": "Add missing attributes to the rows of an older deployment.",
    "onboard": "Compare the dry run of PIPELINE with its old job, and list the open points.",
    "pause": "Pause PIPELINE: from now on none of its jobs starts.",
    "push": "Validate files and write them to the tables.",
    "remove": "Remove PIPELINE: delete its config, so that nothing of it starts any more.",
    "rerun": "Request a rerun of PIPELINE for DATE, or a backfill of all dates of a range.",
    "resume": "End the pause of PIPELINE.",
    "schema": "Print the JSON Schema of pipeline files, for editors and others.",
    "sensor": "Write and read sensor rows.",
    "silence": "Keep alerts from being posted for a time.",
    "status": "Show the state, the reason and the deadlines of each date.",
    "try": "Try a changed pipeline file on history, before it is pushed.",
    "validate": "Report all errors and warnings of pipeline and calendar files.",
    "why": "Explain the state of PIPELINE for DATE, with or without a run.",
}
"""The first sentence of each command's help. A command is the object of its name in the module `_<name>`.

The object of a name that is a keyword of Python, such as `import`, has a `_` at its end.
"""


FIRST_IS_PIPELINE = frozenset(
    {"events", "history", "logs", "onboard", "pause", "remove", "rerun", "resume", "status", "why"}
)
"""The own commands whose first argument is the id of a pipeline."""


def own_command(name: str) -> click.Command | None:
    """The command. None for an unknown name."""
    if name not in OWN:
        return None
    found = getattr(import_module(f"interlock_cli._{name}"), f"{name}_" if iskeyword(name) else name)
    assert isinstance(found, click.Command)
    if "_INTERLOCK_COMPLETE" in os.environ and name != "init":
        from interlock_cli._pipeline_names import offer_pipelines

        offer_pipelines(found)
    return found
