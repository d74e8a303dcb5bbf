"""Reads the index of days: the state of all pipelines' dates of one day, the most urgent ones first."""

from collections.abc import Iterable, Mapping
from datetime import date as calendar_day
from datetime import datetime
from typing import Any

from msgspec import Struct

from interlock_lifecycle import ClockVerdict, RunKey, RunStatus
from interlock_sla import Clock, Outcome, SlaError, parse_execution_date
from interlock_store._rows import (
    DAYS,
    MalformedRow,
    Rank,
    key_of_row,
    parse_time,
    pipeline_of,
    pipeline_pk,
    read_verdict,
    read_wait,
    run_sk,
)
from interlock_store._tables import TableNames, Tables
from interlock_store._trigger_rows import read_status
from interlock_store._write import Item

ROWS_OF_A_DAY = 2500
"""The rows of a day that one query reads. They have up to 400 bytes each, and an answer has room for 1 MB."""

_MOST_NOTES = 100
"""The rows that one batch of DynamoDB reads."""


class DateState(Struct, frozen=True):
    """A date in the index of days. Times are UTC.

    status: that of its run, None without one. has_job: the run's job is promised or started. missed_at: the time at
    which the watchdog reported it as missed. problem: the reason why its trigger row is unreadable.
    """

    key: RunKey
    status: RunStatus | None = None
    has_job: bool = False
    attempt: int = 0
    reason: str = ""
    committed_at: datetime | None = None
    closed_at: datetime | None = None
    verdict: Mapping[Clock, ClockVerdict] = {}
    missed_at: datetime | None = None
    problem: str = ""

    @property
    def is_breached(self) -> bool:
        """Whether a clock of the date was judged as a breach."""
        return any(judged.outcome is Outcome.BREACH for judged in self.verdict.values())


class DayPage(Struct, frozen=True):
    """The dates of a day. problems: rows that name no date. is_whole: the day has no more rows than were read."""

    day: calendar_day
    dates: Mapping[RunKey, DateState]
    problems: tuple[str, ...] = ()
    is_whole: bool = True


class Days:
    """Reads the index of days (docs/reference/rows.md §2.15). The index is eventually consistent."""

    def __init__(self, tables: Tables, names: TableNames) -> None:
        self._tables = tables
        self._control = names.control

    def page(self, day: calendar_day, limit: int = ROWS_OF_A_DAY) -> DayPage:
        """The first `limit` rows of a day: failed runs, breaches, missed dates, held runs, jobs that run, completed
        runs. Up to ROWS_OF_A_DAY rows come in one request.
        """
        rows = list(self._tables.query(self._control, f"DAY#{day}", index=DAYS, limit=limit))
        return _page(day, rows, is_whole=len(rows) < limit)

    def notes(self, dates: Iterable[DateState]) -> dict[RunKey, str]:
        """Why a run is held or has failed, in one request, for the first 100 of these dates that have a reason."""
        wanted = {
            (pipeline_pk(one.key.pipeline_id), run_sk(_row_with_reason(one), one.key)): one.key
            for one in dates
            if _row_with_reason(one)
        }
        keys = list(wanted)[:_MOST_NOTES]
        rows = self._tables.get_many(self._control, keys) if keys else {}
        texts = {wanted[place]: _reason_of(row) for place, row in rows.items()}
        return {key: text for key, text in texts.items() if text}


def _row_with_reason(date: DateState) -> str:
    """The kind of row that has the reason of a date's state. It is empty for a date without one."""
    if date.status is RunStatus.FAILED_FINAL:
        return "TRIGGER"
    return "WAIT" if date.status is RunStatus.RUNNING and not date.has_job else ""


def _reason_of(row: Item) -> str:
    if row["SK"].startswith("TRIGGER#"):
        return str(row.get("closeReason", ""))
    wait = read_wait(row)
    return "; ".join(wait.held) if wait.is_whole else "its WAIT# row is unreadable"


def _page(day: calendar_day, rows: Iterable[Item], *, is_whole: bool) -> DayPage:
    dates: dict[RunKey, dict[str, Any]] = {}
    problems: list[str] = []
    for row in rows:
        try:
            key, found = _read(row)
        except MalformedRow as error:
            problems.append(str(error))
            continue
        dates.setdefault(key, {}).update(found)
    return DayPage(day, {key: DateState(key, **found) for key, found in dates.items()}, tuple(problems), is_whole)


def _read(row: Item) -> tuple[RunKey, dict[str, Any]]:
    """The date of a row, and its part of the date's state. Raises MalformedRow for a row that names no date."""
    pk, sk = str(row["PK"]), str(row["SK"])
    kind = sk.partition("#")[0]
    if kind == "TRIGGER":
        key = key_of_row(pk, sk)
        return key, _state_of_run(row)
    if kind == "VERDICT":
        key = key_of_row(pk, sk)
        return key, {"verdict": read_verdict(row, key).clocks}
    return _read_missed(row, pk, sk)


def _read_missed(row: Item, pk: str, sk: str) -> tuple[RunKey, dict[str, Any]]:
    parts = sk.split("#")
    if parts[:2] != ["MARKER", "missed"] or len(parts) < _PARTS_OF_MISSED:
        raise MalformedRow(pk, sk, "the row has no place in the index of days")
    try:
        date = parse_execution_date(parts[-1])
    except SlaError as error:
        raise MalformedRow(pk, sk, str(error)) from None
    return RunKey(pipeline_of(pk), parts[2], date), {"missed_at": parse_time(row.get("markedAt"), pk, sk)}


_PARTS_OF_MISSED = 4


def _state_of_run(row: Item) -> dict[str, Any]:
    try:
        return {
            "status": read_status(row),
            "has_job": str(row.get(f"{DAYS}SK", ""))[:1] == Rank.RUNNING,
            "attempt": _count(row),
            "reason": str(row.get("reason", "")),
            "committed_at": _moment(row, "committedAt"),
            "closed_at": _moment(row, "closedAt"),
        }
    except MalformedRow as error:
        return {"problem": str(error)}


def _count(row: Item) -> int:
    try:
        return int(row.get("attempt", 0))
    except (TypeError, ValueError, ArithmeticError):
        raise MalformedRow(row["PK"], row["SK"], f"attempt {row['attempt']!r} is not a number") from None


def _moment(row: Item, name: str) -> datetime | None:
    return parse_time(row[name], row["PK"], row["SK"]) if name in row else None
