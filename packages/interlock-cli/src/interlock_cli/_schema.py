"""interlock schema: prints the JSON Schema of pipeline and calendar files, for editors and other checkers."""

import click

from interlock_cli._output import print_json
from interlock_config import calendar_schema, json_schema


@click.command()
@click.option("--calendar", is_flag=True, help="Print the schema of calendar files instead.")
def schema(calendar: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of pipeline files, for editors and other checkers.

    An editor with the YAML language server checks a file whose first line names the schema:
    "# yaml-language-server: $schema=pipeline.schema.json". The name is a path from the file's folder, or a URL.

    \b
    Examples:
      interlock schema > pipelines/pipeline.schema.json
      interlock schema --calendar > calendars/calendar.schema.json
    """
    print_json(calendar_schema() if calendar else json_schema())
