"""Builds rows in DynamoDB's JSON from readings, outcomes of jobs and rerun requests, or names all their problems."""

from __future__ import annotations

import re

from ._values import Unstorable, plain, shown, size, tagged, text_of, time_text

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime
    from typing import Any

    Row = dict[str, dict[str, Any]]

LARGEST_ROW = 400 * 1024
_JOB_TTL_DAYS = 30
_RESERVED_KEYS = ("first-sensor-arrival", "postrun-baseline")
_OWN_REASONS = ("job-fail-retry", "late-data", "data-drift", "repeated-hour")
# Patterns are texts, because their compilation at the import would take longer than the import.
_DATE = r"((?!9999)(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2})(?:T([01][0-9]|2[0-3]))?"
_DATE_FORMS = "a date, a datetime with a zone, or YYYY-MM-DD with or without THH, from 1900 to 9998"
_HOURS = {form: f"{hour:02}" for hour in range(24) for form in (hour, f"{hour:02}")}
_PIPELINE = r"[A-Za-z0-9_.-]{1,64}"
# A part of a key that Interlock reads as a date (docs/dates.md §1).
_NUMBER = r"(?:19|2[0-9])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_DATE_LIKE = (
    r"\s*(?:\w*=)?(?:[0-9]{4}[-/._][0-9]{1,2}[-/._][0-9]{1,2}(?![0-9])"
    rf"|{_NUMBER}(?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){{0,2}})?(?![0-9A-SU-Ya-su-y]))"
)


class InvalidRow(ValueError):
    """A row that Interlock or DynamoDB would reject. Nothing was written. `problems` has each problem as a text."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Reading:
    """One reading of a sensor, for `Sensors.put_many`.

    date: the period of the data: a date, a datetime with a zone for its hour in this zone, or YYYY-MM-DD[THH].
    hour: 0 to 23, for a date without an hour. fields: the fields of the row. updated_at: the time of the reading, if it
    is not the time of the write. per_period: write the row of the period, or else the row of the plain key.
    """

    __slots__ = ("date", "fields", "hour", "key", "per_period", "pipeline", "updated_at")

    def __init__(
        self, pipeline: str, key: str, /, *, date: Any, hour: Any = None, updated_at: datetime | None = None,
        per_period: bool = True, **fields: Any
    ) -> None:  # fmt: skip
        self.pipeline, self.key, self.date, self.hour = pipeline, key, date, hour
        self.updated_at, self.per_period, self.fields = updated_at, per_period, fields


def sensor_row(reading: Reading, now: datetime, ttl_days: float | None) -> Row:
    """The row of a reading. `now` (UTC) is its time if the reading names none. Raises InvalidRow."""
    problems: list[str] = []
    day, hour = _period(reading.date, reading.hour, problems)
    suffix = "#" + "T".join(filter(None, (day, hour))) if reading.per_period else ""
    _check_key(reading.key, suffix, problems)
    if "updatedAt" in reading.fields:
        problems.append("updatedAt: the row has this field from updated_at only")
    named = {"date": day, "hour": hour, "updatedAt": _time("updated_at", reading.updated_at or now, problems)}
    data = tagged({**reading.fields, **{name: text for name, text in named.items() if text}}, "", problems)
    row = {**_keys(reading.pipeline, f"SENSOR#{reading.key}{suffix}", problems), "data": data}
    return checked({**row, **_ttl(now, ttl_days)}, problems)


def job_row(pipeline: str, date: Any, hour: Any, schedule: str, event: str, at: datetime, **more: Any) -> Row:
    """The row of a job's outcome at the millisecond of `at`. `more`: its other attributes. Raises InvalidRow."""
    problems: list[str] = []
    _check_word("event", event, ("success", "fail", "timeout"), problems)
    _check_word("category", more["category"], (None, "TRANSIENT", "PERMANENT", "TIMEOUT"), problems)
    _check_texts({"run_id": more["runId"], "error": more["error"]}, problems)
    row = {name: tagged(value, name, problems) for name, value in more.items() if value is not None}
    if row.get("duration", {"N": "0"}).get("N", "-").startswith("-"):
        problems.append(f"duration: {shown(more['duration'])} is not a number of seconds from 0")
    stamp = 0 if _time("at", at, problems) is None else int(at.timestamp() * 1000)
    head = _keys(pipeline, f"JOB#{_run(date, hour, schedule, problems)}#{stamp}", problems)
    return checked({**head, "event": {"S": event}, **row, **(_ttl(at, _JOB_TTL_DAYS) if stamp else {})}, problems)


def rerun_row(pipeline: str, date: Any, hour: Any, schedule: str, requested_at: datetime | str, **more: Any) -> Row:
    """The row of a rerun request. `requested_at` is its identity. `more`: its other attributes. Raises InvalidRow."""
    problems: list[str] = []
    if more["reason"] in _OWN_REASONS:
        problems.append(f"reason: {more['reason']!r} is a reason of Interlock itself")
    texts = {"reason": more["reason"], "requested_by": more["requestedBy"], "note": more["note"]}
    _check_texts({**texts, "requested_at": requested_at if isinstance(requested_at, str) else None}, problems)
    _check_word("abandon_previous", more["abandonPrevious"], (True, False), problems)
    identity = requested_at if isinstance(requested_at, str) else _time("requested_at", requested_at, problems)
    given = {name: value for name, value in more.items() if value not in (None, False)}
    row = {name: tagged(value, name, problems) for name, value in {"requestedAt": identity, **given}.items()}
    head = _keys(pipeline, f"RERUN_REQUEST#{_run(date, hour, schedule, problems)}", problems)
    return checked({**head, **row}, problems)


def _period(date: Any, hour: Any, problems: list[str]) -> tuple[str, str | None]:
    """The day and the hour that `date` and `hour` name, in the forms of a row."""
    import datetime

    value, number = plain(date), plain(hour)
    text = value if isinstance(value, str) else ""
    if isinstance(value, datetime.datetime):
        if value == value and value.utcoffset() is not None:  # NaT of pandas differs from itself
            text = f"{value.date()}T{value.hour:02}"
    elif isinstance(value, datetime.date):
        text = f"{value}"
    match = re.fullmatch(_DATE, text)
    day, own = match.groups() if match else ("", None)
    try:
        datetime.date(*map(int, day.split("-")))
    except ValueError:
        problems.append(f"date: {shown(date)} is not {_DATE_FORMS}")
    given = _HOURS.get(number) if type(number) in (int, str) else None
    if number is not None and given is None:
        problems.append(f"hour: {shown(hour)} is not a whole number from 0 to 23, or two digits")
    elif own and given and own != given:
        problems.append(f"hour: {shown(hour)} contradicts the date {shown(date)}")
    return day, own or given


def _check_key(key: Any, suffix: str, problems: list[str]) -> None:
    try:
        name, *parts = text_of(key).split("#")
    except (AttributeError, Unstorable):
        name, parts = "", []
    if not name.strip():
        problems.append(f"key: {shown(key)} is not a text that begins with a name")
    if name in _RESERVED_KEYS:
        problems.append(f"key: {key!r} is reserved for Interlock itself")
    if any(re.match(_DATE_LIKE, part) for part in parts):
        problems.append(f"key: {shown(key)} has a date, and only date= names the date")
    if name and len(f"SENSOR#{key}{suffix}".encode()) > 1024:
        problems.append(f"key: {shown(key)} is longer than {1017 - len(suffix)} bytes")


def _keys(pipeline: Any, sk: str, problems: list[str]) -> Row:
    if not isinstance(pipeline, str) or not re.fullmatch(_PIPELINE, pipeline):
        problems.append(f"pipeline: {shown(pipeline)} is not 1 to 64 letters, digits, '-', '_' or '.'")
    return {"PK": {"S": f"PIPELINE#{pipeline}"}, "SK": {"S": sk}}


def _run(date: Any, hour: Any, schedule: str, problems: list[str]) -> str:
    _check_word("schedule", schedule, ("stream", "cron"), problems)
    return f"{schedule}#{'T'.join(filter(None, _period(date, hour, problems)))}"


def _check_word(name: str, value: Any, allowed: Container[Any], problems: list[str]) -> None:
    if not isinstance(value, (str, bool, type(None))) or value not in allowed:
        problems.append(f"{name}: {shown(value)} is not one of {allowed}")


def _check_texts(values: dict[str, Any], problems: list[str]) -> None:
    for name, value in values.items():
        if value is not None and (not isinstance(value, str) or not value):
            problems.append(f"{name}: {shown(value)} is not a text with at least one character")


def _time(name: str, value: Any, problems: list[str]) -> str | None:
    try:
        return time_text(value, days=False)
    except Unstorable as error:
        problems.append(f"{name}: {shown(value)} {error}")
        return None


def _ttl(now: datetime, days: float | None) -> Row:
    return {} if days is None else {"ttl": {"N": str(int(now.timestamp() + days * 86400))}}


def checked(row: Row, problems: list[str]) -> Row:
    """The row. Raises InvalidRow if there are problems, or if the row is too large."""
    if not problems and (total := sum(len(name) + size(value) for name, value in row.items())) > LARGEST_ROW:
        problems.append(f"the row has {total} bytes, and DynamoDB allows {LARGEST_ROW}")
    if problems:
        raise InvalidRow(problems)
    return row
