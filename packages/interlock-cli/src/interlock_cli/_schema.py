"""interlock schema: prints the JSON Schema of pipeline and calendar files, for editors and other checkers."""

import click

from interlock_cli._output import print_json
from interlock_config import calendar_schema, json_schema


@click.command()
@click.option("--calendar", is_flag=True, help="Print the schema of calendar files instead.")
def schema(calendar: bool) -> None:
    """Print the JSON Schema of pipeline files, for editors and others.

    The schema is of draft 2020-12. An editor with the YAML language server uses it if the first line of a file names
    the schema, by a path from the file's folder or by a URL.

    \b
    First line:
      # yaml-language-server: $schema=pipeline.schema.json

    \b
    Examples:
      interlock schema > pipelines/pipeline.schema.json
      interlock schema --calendar > calendars/calendar.schema.json
    """
    print_json(calendar_schema() if calendar else json_schema())
