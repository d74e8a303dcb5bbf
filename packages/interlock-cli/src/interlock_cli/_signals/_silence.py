"""interlock silence: keeps alerts of pipelines from being posted for a time, with the reason and the person."""

import getpass
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, Part, console, error_console, print_json
from interlock_cli._output._form import Form, print_rows, result_output, row_output
from interlock_cli._output._near import near_names
from interlock_cli._output._times import Times
from interlock_cli._signals._events import INFRASTRUCTURE
from interlock_config import alert_types, glob_matches
from interlock_store import Silence, Store, UnreadableSilence, format_time

_GLOB = re.compile(r"[A-Za-z0-9_.*?-]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST = timedelta(days=90)
_COLOURS = {"in force": "yellow"}
_COLUMNS = (
    "id",
    "pipeline",
    "events",
    "all",
    "since",
    "until",
    "reason",
    "by",
    "endedAt",
    "endedBy",
    "inForce",
    "unreadable",
)


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
      interlock silence gold-orders --until 2026-03-04T06:00:00Z \\
        --reason "late file" --event SLA_BREACH
      interlock silence list
      interlock silence end 1f3a9c27
    """


@silence.command()
@click.argument("pipeline")
@click.option("--until", default="", metavar="TIME", help="End: a length of time (30m, 2h, 7d), a date or a time.")
@click.option("--reason", default="", metavar="TEXT", help="Reason, for the record.")
@click.option("--event", "events", multiple=True, metavar="TYPE", help="Only events of this type. May be repeated.")
@click.option("--all", "every", is_flag=True, help="Silence the events of overdue data too.")
@deployment_options
@result_output
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
    """Silence the alerts of PIPELINE, an id or a pattern with * and ?. --until and --reason are required.

    Without --event and --all, every event type is silenced except those of overdue data: SLA_BREACH,
    RELATIVE_SLA_BREACH, SCHEDULE_MISSED, IRREGULAR_SCHEDULE_MISSED, SENSOR_DEADLINE_EXPIRED and VALIDATION_EXHAUSTED.
    A pattern with a wildcard never silences the alerts of INFRASTRUCTURE.

    A silence lasts at most 90 days, and until the end of a date. A date or a time without a zone is in the zone of the
    pipeline, and for a pattern in UTC.

    \b
    Examples:
      interlock silence add 'bronze-*' --until 2h --reason "source is migrated"
      interlock silence add gold-orders --until 2026-03-08 \\
        --reason "holidays of the supplier"
    """
    now, where = datetime.now(UTC), deployment(environment, endpoint_url)
    problems = _option_problems(pipeline, reason, events, every)
    try:
        store = where.store()
    except CliError as error:
        # The problems of the options come too, and the end is read as for a pattern.
        problems += [_end(until, Times(now, ahead=True))[1], *error.lines]
        raise CliError(*filter(None, problems)) from None
    known = list(store.pipelines())
    stored = store.config(pipeline) if pipeline in known else None
    zone = stored.config.zone if stored is not None and stored.config is not None else ZoneInfo("UTC")
    end, problem = _end(until, Times(now, zone, ahead=True))
    problems += [problem] if problem else []
    is_known = pipeline == INFRASTRUCTURE or any(glob_matches(pipeline, name) for name in known)
    if not is_known and _ID.fullmatch(pipeline):
        problems.append(unknown_pipeline(store, pipeline, environment).message)
    if problems or end is None:
        raise CliError(*problems)
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
    if not is_known:
        error_console().line(("yellow", "warning:"), f" {pipeline} matches no pipeline of {environment}")
    if as_json:
        print_json(_wire(made, now))
        return
    out = console()
    out.line(("green", "silenced"), f" {_meaning(made)} of {pipeline} until {_show_end(end, zone)} ({made.id})")
    out.line(as_called(f"end it early with: interlock silence end {made.id}"))


@silence.command(name="list")
@click.option("--ended", is_flag=True, help="Also list silences that have ended, which are kept for 400 days.")
@deployment_options
@row_output()
def list_silences(ended: bool, environment: str, endpoint_url: str | None, form: Form) -> None:
    """List the silences in the order of their ends. A row that cannot be read silences nothing, and is listed too.

    \b
    Examples:
      interlock silence list
      interlock silence list --ended -o json
    """
    now = datetime.now(UTC)
    found = deployment(environment, endpoint_url).store().silence_rows(None if ended else now)
    listed = [one for one in found if ended or one.ended_at is None]
    if form is not Form.TABLE:
        print_rows(form, _COLUMNS, (_wire(one, now) for one in listed))
        return
    out = console()
    if not listed:
        out.line("no silence is in force" if not ended else "there are no silences")
    for one in listed:
        for line in _lines(one, now):
            out.line(*line)


def _lines(one: Silence | UnreadableSilence, now: datetime) -> Iterator[list[Part]]:
    """The lines of a silence, each of which fits into 80 columns if its names do."""
    if isinstance(one, UnreadableSilence):
        state = "ended" if one.ended_at else "no effect"
        yield [("bold", one.id), "  ", ("red", "unreadable"), f", {state}"]
        yield [f"  its row is SILENCES, {one.place}"]
        return
    yield [("bold", one.id), f"  {one.pipeline}: ", _meaning(one)]
    yield [f"  until {one.until:%Y-%m-%d %H:%M}Z, ", (_COLOURS.get(_word(one, now), "dim"), _state(one, now))]
    yield [f"  by {one.by}"]
    yield [f"  {one.reason}"]


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
    if isinstance(found, UnreadableSilence):
        console().line(("green", "ended"), f" the unreadable silence {found.id}")
    else:
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


def _find(store: Store, identifier: str, now: datetime) -> Silence | UnreadableSilence:
    for one in store.silence_rows(now):
        if one.id == identifier:
            return one
    hint = as_called("list them with: interlock silence list")
    raise CliError(f"no silence {identifier!r} is in force; {hint}")


def _end(text: str, times: Times) -> tuple[datetime | None, str]:
    """The end of a silence, or None and its problem."""
    if not text:
        return None, f"--until is missing: it {times.allowed}"
    moment = times.end(text)
    if moment is None:
        return None, f"--until {text}: {times.allowed}"
    if not times.now < moment <= times.now + _LONGEST:
        return None, f"--until {text}: must be after now and at most {_LONGEST.days} days ahead"
    return moment, ""


def _option_problems(pipeline: str, reason: str, events: tuple[str, ...], every: bool) -> list[str]:
    """Every problem of the options that shows without a deployment."""
    problems = []
    if not _GLOB.fullmatch(pipeline):
        problems.append(f"PIPELINE {pipeline!r}: must be 1 to 64 letters, digits, '-', '_', '.', '*' or '?'")
    if not reason.strip():
        problems.append("--reason: must not be empty")
    for one in events:
        if one not in alert_types():
            near = near_names(one, alert_types())
            hint = f"did you mean {' or '.join(near)}?" if near else "docs/reference/events.md lists all"
            problems.append(f"--event {one}: is not an event type that is an alert; {hint}")
    if events and every:
        problems.append("--event and --all exclude each other")
    return problems


def _meaning(found: Silence) -> str:
    if found.events:
        return ", ".join(found.events)
    return "all alerts" if found.every else "all but overdue data"


def _show_end(end: datetime, zone: ZoneInfo) -> str:
    """The end in UTC, and in the zone of the pipeline if it differs."""
    local = end.astimezone(zone)
    here = "" if local.utcoffset() == timedelta() else f", {local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
    return f"{end:%Y-%m-%d %H:%M:%S}Z{here}"


def _word(found: Silence, now: datetime) -> str:
    if found.ended_at is not None:
        return "ended"
    return "in force" if found.is_in_force(now) else "over"


def _state(found: Silence, now: datetime) -> str:
    if found.ended_at is None:
        return _word(found, now)
    by = f" by {found.ended_by}" if found.ended_by else ""
    return f"ended {found.ended_at:%Y-%m-%d %H:%M}Z{by}"


def _wire(found: Silence | UnreadableSilence, now: datetime) -> dict[str, Any]:
    if isinstance(found, UnreadableSilence):
        nothing = dict.fromkeys(_COLUMNS)
        return {**nothing, "id": found.id, "inForce": False, "unreadable": f"the row SILENCES, {found.place}"}
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
        "unreadable": None,
    }
