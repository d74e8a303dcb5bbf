"""interlock schema: prints the JSON Schema of pipelines, calendars and alerts.yaml, for editors and other checkers."""

import click

from interlock_cli._output._console import print_json
from interlock_config import alerts_schema, calendar_schema, json_schema


@click.command()
@click.option("--calendar", is_flag=True, help="Print the schema of calendar files instead.")
@click.option("--alerts", is_flag=True, help="Print the schema of alerts.yaml instead.")
def schema(calendar: bool, alerts: bool) -> None:
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
      interlock schema --alerts > alerts.schema.json
    """
    if calendar and alerts:
        raise click.UsageError("--calendar and --alerts exclude each other.")
    if alerts:
        print_json(alerts_schema())
    else:
        print_json(calendar_schema() if calendar else json_schema())
