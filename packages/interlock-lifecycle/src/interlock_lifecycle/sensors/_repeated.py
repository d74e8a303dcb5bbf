"""The rest of an hour that clocks show twice: its row makes the date run again, and is not late data."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from interlock_lifecycle._decision import NoteRest, RequestRerun, StandingRequest
from interlock_lifecycle._run import JobEntry, RestOfHour, Run, Sensor
from interlock_lifecycle._words import JobEvent, RerunReason
from interlock_lifecycle.sensors._accounted import fingerprint, request_time_of_rest, rest_was_seen
from interlock_sla import ExecutionDate

_ONE_HOUR = timedelta(hours=1)


def first_part_began(run: Run) -> datetime:
    """The time at which a run read the first part of its hour: its commit, or its evaluation if that was earlier."""
    return run.committed_at if run.evaluated_at is None else min(run.committed_at, run.evaluated_at)


def note_rest(sensor: Sensor, run: Run, zone: ZoneInfo) -> NoteRest | None:
    """Note a record that brings the rest of the hour while the run is under way. None for any other record.

    The close with success decides whether the date runs again, since the evaluation may see the record before that.
    """
    rest = RestOfHour(sensor.key, fingerprint(sensor.fields), sensor.written_at)
    if not brings_repeated_hour(run.key.date, zone, first_part_began(run), sensor.written_at):
        return None
    is_known = run.rest is not None and (run.rest == rest or run.rest.at > rest.at)
    return None if is_known else NoteRest(run, rest)


def ask_for_rest(run: Run, request: StandingRequest | None, *, has_asked: bool) -> RequestRerun | None:
    """The rerun that a successful close requests: the rest of the hour came, and the evaluation had not seen it.

    request: the date's rerun request as its row is now. If it waits, the rest is only logged. If it is then rejected,
    a request for the rest takes its place. has_asked: whether the record has requested its rerun already.
    """
    rest = run.rest
    if rest is None or has_asked:
        return None
    if run.evaluated_at is not None and rest_was_seen(rest, run.evaluated_at, run.seen):
        return None
    entry, asked_at = None, request_time_of_rest(rest)
    if request is not None and request.waits:
        entry = JobEntry(
            run.key,
            rest.at,
            JobEvent.LATE_DATA_ARRIVAL,
            error=RerunReason.REPEATED_HOUR,
            run_token=run.run_token,
            requested_at=asked_at,
        )
    return RequestRerun(run.key, RerunReason.REPEATED_HOUR, asked_at, entry, (), request)


def brings_repeated_hour(date: ExecutionDate, zone: ZoneInfo, begun_at: datetime, written_at: datetime) -> bool:
    """Whether a row of `written_at` covers the whole hour, and a run of `begun_at` covered its first part (UTC).

    The hour in which clocks go back is one date and lasts longer than 60 minutes. A producer that writes the hour's
    row after each 60 minutes writes it twice. A row that comes before the end of the hour is late data as usual.
    """
    if date.hour is None:
        return False
    begin = datetime.combine(date.day, time(date.hour))
    starts_at, ends_at = (wall.replace(tzinfo=zone).astimezone(UTC) for wall in (begin, begin + _ONE_HOUR))
    return ends_at - starts_at > _ONE_HOUR and begun_at < ends_at <= written_at
