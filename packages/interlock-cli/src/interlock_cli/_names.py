"""The names of the own commands. It loads no command."""

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
"""The first sentence of each command's help."""


FIRST_IS_PIPELINE = frozenset(
    {"events", "history", "logs", "onboard", "pause", "remove", "rerun", "resume", "status", "why"}
)
"""The own commands whose first argument is the id of a pipeline."""
