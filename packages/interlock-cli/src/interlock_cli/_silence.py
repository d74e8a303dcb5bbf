"""interlock silence: keeps alerts of pipelines from being posted for a time, with the reason and the person."""

import getpass
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._deployment import Deployment, deployment, deployment_options
from interlock_cli._output import CliError, console, print_json, table
from interlock_config import alert_types, glob_matches
from interlock_sla import DurationError, parse_duration
from interlock_store import Silence, Store, format_time

_GLOB = re.compile(r"[A-Za-z0-9_.*?-]{1,64}")
_LONGEST = timedelta(days=90)


class _WithShortForm(click.Group):
    """Reads `interlock silence PIPELINE …` as `interlock silence add PIPELINE …`."""

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the words. Words that begin with no command are those of `add`."""
        if words and words[0] not in self.commands:
            return super().resolve_command(context, ["add", *words])
        return super().resolve_command(context, words)


@click.group(cls=_WithShortForm, context_settings={"ignore_unknown_options": True})
def silence() -> None:
    """Keep alerts from being posted for a time. The events table still has every event.

    `interlock silence PIPELINE …` is short for `interlock silence add PIPELINE …`.

    \b
    Examples:
      interlock silence 'bronze-*' --until 2h --reason "source system is migrated"
      interlock silence gold-orders --until 2026-03-04T06:00:00Z --reason "late file" --event SLA_BREACH
      interlock silence list
      interlock silence end 1f3a9c27
    """


@silence.command()
@click.argument("pipeline")
@click.option("--until", required=True, metavar="TIME|DURATION", help="End: a time with its zone, or 30m, 2h, 24h.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason, for the record.")
@click.option("--event", "events", multiple=True, metavar="TYPE", help="Only events of this type. May be repeated.")
@click.option("--all", "every", is_flag=True, help="Silence the events of overdue data too.")
@deployment_options
@click.option("--json", "as_json", is_flag=True, help="Print the silence as JSON.")
def add(
    pipeline: str,
    until: str,
    reason: str,
    events: tuple[str, ...],
    every: bool,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Silence the alerts of PIPELINE, an id or a pattern with * and ?.

    Without --event and --all, every event type is silenced except those of overdue data: SLA_BREACH,
    RELATIVE_SLA_BREACH, SCHEDULE_MISSED, IRREGULAR_SCHEDULE_MISSED, SENSOR_DEADLINE_EXPIRED and VALIDATION_EXHAUSTED.
    A pattern with a wildcard never silences the alerts of INFRASTRUCTURE. A silence lasts at most 90 days.

    \b
    Examples:
      interlock silence add 'bronze-*' --until 2h --reason "source system is migrated"
    """
    now = datetime.now(UTC)
    end = _read_until(until, now)
    _check(pipeline, reason, events, every)
    where = deployment(environment, endpoint_url)
    store = where.store()
    made = Silence(
        id=secrets.token_hex(4),
        pipeline=pipeline,
        since=now,
        until=end,
        reason=reason.strip(),
        by=caller(where),
        events=tuple(dict.fromkeys(events)),
        every=every,
    )
    store.put_silence(made)
    if as_json:
        print_json(_wire(made, now))
        return
    out = console()
    if pipeline != "INFRASTRUCTURE" and not any(glob_matches(pipeline, known) for known in store.pipelines()):
        out.line(("yellow", "warning:"), f" {pipeline} matches no pipeline of {environment}")
    out.line(("green", "silenced"), f" {_meaning(made)} of {pipeline} until {end:%Y-%m-%d %H:%M:%S}Z ({made.id})")
    out.line(f"end it early with: interlock silence end {made.id}")


@silence.command(name="list")
@click.option("--ended", is_flag=True, help="Also list silences that have ended, which are kept for 400 days.")
@deployment_options
@click.option("--json", "as_json", is_flag=True, help="Print the silences as JSON.")
def list_silences(ended: bool, environment: str, endpoint_url: str | None, as_json: bool) -> None:
    """List the silences in the order of their ends.

    \b
    Examples:
      interlock silence list
      interlock silence list --ended --json
    """
    now = datetime.now(UTC)
    found = list(deployment(environment, endpoint_url).store().silences(None if ended else now))
    shown = [one for one in found if ended or one.ended_at is None]
    if as_json:
        print_json([_wire(one, now) for one in shown])
        return
    if not shown:
        console().line("no silence is in force" if not ended else "there are no silences")
        return
    rows = table("id", "pipeline", "events", "until", "state", "by", "reason", whole=("id", "until"))
    for one in shown:
        state = _state(one, now) + (f" by {one.ended_by}" if one.ended_by else "")
        rows.add_row(one.id, one.pipeline, _meaning(one), f"{one.until:%Y-%m-%d %H:%M}Z", state, one.by, one.reason)
    console().table(rows)


@silence.command()
@click.argument("identifier", metavar="ID")
@deployment_options
def end(identifier: str, environment: str, endpoint_url: str | None) -> None:
    """End a silence now. Its row stays as a record.

    \b
    Examples:
      interlock silence end 1f3a9c27
    """
    where = deployment(environment, endpoint_url)
    store, now = where.store(), datetime.now(UTC)
    found = _find(store, identifier, now)
    if not store.end_silence(found, now, caller(where)):
        raise CliError(f"the silence {identifier!r} was ended before")
    console().line(("green", "ended"), f" the silence of {found.pipeline}; alerts are posted again within seconds")


def caller(where: Deployment) -> str:
    """The identity of the caller in AWS, else the name of the local user."""
    try:
        client = where.patient_client("sts", read_timeout=5, max_retries=1)
        return str(client.get_caller_identity()["Arn"])
    except (ClientError, BotoCoreError):
        return _local_user()


def _local_user() -> str:
    try:
        return f"{getpass.getuser()} (local user)"
    except (OSError, KeyError):
        return "unknown"


def _find(store: Store, identifier: str, now: datetime) -> Silence:
    for one in store.silences(now):
        if one.id == identifier:
            return one
    raise CliError(f"no silence {identifier!r} is in force; list them with: interlock silence list")


def _read_until(text: str, now: datetime) -> datetime:
    try:
        moment = now + parse_duration(text)
    except DurationError:
        moment = _read_time(text)
    except OverflowError:
        moment = now + _LONGEST * 2
    if not now < moment <= now + _LONGEST:
        raise CliError(f"--until {text}: must be after now and at most {_LONGEST.days} days ahead")
    return moment


def _read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(
            f"--until {text}: must be a duration such as 2h, or a time such as 2026-03-04T06:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise CliError(f"--until {text}: must name its zone, such as {text}Z or {text}+01:00")
    return moment.astimezone(UTC)


def _check(pipeline: str, reason: str, events: tuple[str, ...], every: bool) -> None:
    """Raise CliError with every problem of the options."""
    problems = []
    if not _GLOB.fullmatch(pipeline):
        problems.append(f"PIPELINE {pipeline!r}: must be 1 to 64 letters, digits, '-', '_', '.', '*' or '?'")
    if not reason.strip():
        problems.append("--reason: must not be empty")
    problems += [f"--event {one}: is not an event type that is an alert" for one in events if one not in alert_types()]
    if events and every:
        problems.append("--event and --all exclude each other")
    if problems:
        raise CliError(*problems)


def _meaning(found: Silence) -> str:
    if found.events:
        return ", ".join(found.events)
    return "all alerts" if found.every else "all but overdue data"


def _state(found: Silence, now: datetime) -> str:
    if found.ended_at is not None:
        return f"ended {found.ended_at:%Y-%m-%d %H:%M}Z"
    return "in force" if found.is_in_force(now) else "over"


def _wire(found: Silence, now: datetime) -> dict[str, Any]:
    return {
        "id": found.id,
        "pipeline": found.pipeline,
        "events": list(found.events),
        "all": found.every,
        "since": format_time(found.since),
        "until": format_time(found.until),
        "reason": found.reason,
        "by": found.by,
        "endedAt": None if found.ended_at is None else format_time(found.ended_at),
        "endedBy": found.ended_by or None,
        "inForce": found.is_in_force(now),
    }
