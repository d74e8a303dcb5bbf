"""interlock pause: no job of a pipeline starts until a time, or until it is resumed."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, console, print_json, show_moment
from interlock_cli._output._form import result_output
from interlock_cli._output._times import Times
from interlock_cli._signals._silence import caller
from interlock_lifecycle import Pause
from interlock_store import StoredConfig

_LONGEST_REASON = 500


@click.command()
@click.argument("pipeline")
@click.option(
    "--until",
    metavar="TIME",
    help="End: a date, a time, or a length of time (2h, 7d). Default: `interlock resume`.",
)
@click.option("--reason", default="", metavar="TEXT", help="Reason, which status and why show.")
@deployment_options
@result_output
def pause(
    pipeline: str, until: str | None, reason: str, environment: str, endpoint_url: str | None, as_json: bool
) -> None:
    """Pause PIPELINE: from now on none of its jobs starts.

    A run that waits for its sensors is held with this reason, and its evaluation window begins again after the pause. A
    job that was started is followed to its end. Data that comes opens its dates, which wait in the order of their
    arrival. Warnings and breaches of deadlines are emitted as before. `interlock push` does not end a pause.

    A pause of a paused pipeline replaces the earlier pause.

    \b
    Examples:
      interlock pause gold-orders --reason "source system is migrated"
      interlock pause gold-orders --until 2h
      interlock pause gold-orders --until 2026-03-04T06:00
    """
    where, now = deployment(environment, endpoint_url), datetime.now(UTC)
    store = where.store()
    stored = store.config(pipeline)
    if not stored.exists:
        raise unknown_pipeline(store, pipeline, environment)
    made = Pause(_read(until, reason, stored, now), caller(where), reason.strip())
    if not store.pause(pipeline, made):
        raise unknown_pipeline(store, pipeline, environment)
    if as_json:
        print_json(wire_pause(pipeline, made))
        return
    out, zone = console(), zone_of(stored)
    end = "until it is resumed" if made.until is None else f"until {show_moment(made.until, zone, now=now)}"
    out.line(("green", "paused"), f" {pipeline} {end}")
    if stored.config is not None and stored.config.dry_run:
        out.line(("yellow", "warning:"), f" {pipeline} is a dry run, which starts nothing anyway")
    out.line(as_called(f"end it with: interlock resume {pipeline}"))


def zone_of(stored: StoredConfig) -> ZoneInfo:
    """The zone of the pipeline, UTC for a config that cannot be read."""
    return stored.config.zone if stored.config is not None else ZoneInfo("UTC")


def wire_pause(pipeline: str, pause: Pause | None) -> dict[str, Any]:
    """The pause of a pipeline as JSON, with null for a pipeline that is not paused."""
    if pause is None:
        return {"pipeline": pipeline, "paused": False, "until": None, "by": None, "reason": None}
    until = None if pause.until is None else pause.until.isoformat()
    return {"pipeline": pipeline, "paused": True, "until": until, "by": pause.by, "reason": pause.reason}


def _read(until: str | None, reason: str, stored: StoredConfig, now: datetime) -> datetime | None:
    """The end of the pause (UTC). Raises one CliError for all invalid options."""
    times = Times(now, zone_of(stored), ahead=True)
    end = None if until is None else times.end(until)
    problems = []
    if until is not None and end is None:
        problems.append(f"--until is {until!r}, {times.allowed}")
    elif end is not None and end <= now:
        problems.append(f"--until is {until!r}, must be after now")
    if len(reason) > _LONGEST_REASON:
        problems.append(f"--reason has {len(reason)} characters, must have at most {_LONGEST_REASON}")
    if problems:
        raise CliError(*problems)
    return end
