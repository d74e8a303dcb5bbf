"""interlock init: writes a commented pipeline file, and the schema that editors read."""

import json
import shlex
from pathlib import Path

import click

from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, console, print_json
from interlock_cli._output._form import result_output
from interlock_config import json_schema, review

_SCHEMA = "pipeline.schema.json"
_TEXT = """\
# yaml-language-server: $schema=pipeline.schema.json
# Check this file with `interlock validate`, and write it to the tables with `interlock push`.

pipeline:
  id: {id}
  owner: data-platform
  description: A sentence about the data.

schedule:
  # The zone whose clock decides which day it is.
  timezone: UTC
  # The sensor that opens the run of its date. Without it, write cron: "0 6 * * *".
  trigger: {{key: landing, check: equals, field: complete, value: true}}
  # How long a run may be held by its rules.
  evaluation: {{window: 1h, interval: 5m}}
  # Days on which nothing starts.
  # exclude: {{weekends: true, dates: ["2026-12-25"]}}

# Deadlines are observed. They never stop a job.
sla:
  # On the day after the date of the run, in the zone of the schedule.
  deadline: "08:00"
  # Hence a warning at 07:40.
  expectedDuration: 20m

# The job starts only if all rules hold at one instant.
validation:
  trigger: ALL
  rules:
    - {{key: landing, check: gte, field: count, value: 1}}
    - {{key: landing, check: age_lt, field: updatedAt, value: 2h}}

job:
  # Other types: airflow, databricks, emr, emr-serverless, glue, http, lambda, step-function.
  type: command
  config: {{command: echo load}}
  # Retries of failures that may pass.
  maxRetries: 1
"""


@click.command()
@click.argument("pipeline")
@click.option(
    "--folder", default=".", show_default=True, type=click.Path(file_okay=False, path_type=Path), help="Its folder."
)
@result_output
def init(pipeline: str, folder: Path, as_json: bool) -> None:
    """Write a pipeline file with comments, and the schema for editors next to it.

    The file is PIPELINE.yaml. An existing file is never replaced. An existing schema stays too: `interlock schema`
    writes the schema of this version.

    \b
    Examples:
      interlock init bronze-orders --folder pipelines
      interlock init bronze-orders && interlock validate bronze-orders.yaml
    """
    text, path, schema = _TEXT.format(id=json.dumps(pipeline)), folder / f"{pipeline}.yaml", folder / _SCHEMA
    problems = [problem for problem in review({str(path): text.encode()}).problems if problem.severity == "error"]
    if problems:
        # Only the id in the file is not this module's own. The file does not exist.
        raise CliError(*(f"PIPELINE is {pipeline!r}, {problem.message}" for problem in problems))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [path]
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        if not schema.exists():
            schema.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
            written.append(schema)
    except FileExistsError as error:
        raise CliError(f"{error.filename} exists already, and is not replaced") from None
    except OSError as error:
        raise CliError(f"{error.filename or path} cannot be written: {error.strerror}") from None
    if as_json:
        print_json({"pipeline": pipeline, "written": [str(one) for one in written]})
        return
    out = console()
    for one in written:
        out.line(("green", "written"), f" {one}")
    named = shlex.quote(str(path))
    out.line(as_called(f"next: interlock validate {named}, then interlock push {named}"))
