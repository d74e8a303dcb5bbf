"""Completes the rows of older deployments, live and in any number of passes, and reports the rest."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Literal

from msgspec import Struct

from interlock_config import ConfigError, PipelineConfig, decode_calendar, decode_json, encode_calendar, notices
from interlock_lifecycle import RunKey, RunStatus
from interlock_lifecycle.reports import moved_deadlines
from interlock_lifecycle.runs import lease_end
from interlock_sla import Calendar
from interlock_store._outlook import date_holds, newest_date
from interlock_store._rows import (
    CONFIG,
    DAYS,
    RUNNING,
    MalformedRow,
    day_of_run,
    day_of_verdict,
    epoch,
    format_time,
    key_of_row,
    parse_time,
    pipeline_of,
    read_verdict,
)
from interlock_store._scan import Position, RowScan, ScanPage
from interlock_store._store import Store
from interlock_store._tables import TransactionRejected
from interlock_store._trigger_rows import expiry_of, read_status
from interlock_store._write import Expect, Item, Update

_TRIES = 5
_CALENDAR = "CALENDAR#"
_RUN_TTL = timedelta(days=30)


class MigrationAction(StrEnum):
    """The kinds of changes to a row."""

    INDEX_CONFIG = "index-config"
    ADOPT_RUN = "adopt-run"
    INDEX_DAY = "index-day"
    WRITE_CALENDAR = "write-calendar"


class MigrationChange(Struct, frozen=True):
    """A row that was changed, or would be without `apply`. `says`: the description of the change."""

    action: MigrationAction
    pk: str
    sk: str
    says: str


class MigrationProblem(Struct, frozen=True):
    """A row that a person must look at. It does not stop the migration."""

    pk: str
    sk: str
    problem: str


class MigrationNotice(Struct, frozen=True):
    """A change of behaviour that an existing user will notice in a pipeline. Nothing is written for it.

    kind: "held" for a rule or trigger that the dates of its rows stop, "moved" for a deadline that excluded days move,
    "meaning" for a value of its config. path: the place in the config. rows: the keys of these sensor rows. has_cron:
    the pipeline has a cron.
    """

    kind: Literal["held", "moved", "meaning"]
    pk: str
    path: str
    rows: tuple[str, ...]
    says: str
    has_cron: bool


class MigrationPage(Struct, frozen=True):
    """The results of one page of the table.

    position: the position from which to go on after this page. None means the beginning or the end. requests_left: the
    number of rerun requests without an answer. They stay as they are: such a row is answered once it comes on the
    stream, and a repeated request writes it again.
    """

    position: Position | None
    looked_at: int = 0
    changes: tuple[MigrationChange, ...] = ()
    problems: tuple[MigrationProblem, ...] = ()
    requests_left: int = 0
    notices: tuple[MigrationNotice, ...] = ()


class _Step(Struct, frozen=True):
    """One write and the change that it makes."""

    write: Update
    change: MigrationChange


class _Findings:
    """The changes, problems and notices of a page, while the migration works on it."""

    def __init__(self) -> None:
        self.changes: list[MigrationChange] = []
        self.problems: list[MigrationProblem] = []
        self.notices: list[MigrationNotice] = []

    def page(self, position: Position | None, looked_at: int = 0, requests_left: int = 0) -> MigrationPage:
        found = tuple(self.changes), tuple(self.problems), requests_left, tuple(self.notices)
        return MigrationPage(position, looked_at, *found)


class Migration:
    """Completes the rows of older deployments (docs/reference/rows.md §6).

    CONFIG rows get their index entry and `createdAt`. RUNNING trigger rows without a token get a token, their index
    entry and a lease: their old `ttl`, otherwise now + `execution_timeout` + 30 minutes. They get no `startedAt`: their
    execution belongs to another state machine, so the watchdog does not ask about it, and the lease ends the run.
    Trigger rows, and verdicts with a breach, get their place in the index of days. Complete rows stay as they are, so a
    second pass changes nothing. Each write is conditional on the values that were read, since the system may be live.

    Without `apply`, nothing is written. `now` is aware. Errors of the tables are raised. Pages that were returned
    before an error need no second pass.
    """

    def __init__(
        self, store: Store, scan: RowScan, *, now: datetime, execution_timeout: timedelta, apply: bool = False
    ) -> None:
        self._store = store
        self._tables = store._tables
        self._control = store.names.control
        self._scan = scan
        self._now = now
        self._execution_timeout = execution_timeout
        self._apply = apply
        self._given: dict[str, Calendar] = {}
        self._calendar_rows: dict[str, Item | None] = {}

    def run(self, calendars: Iterable[Calendar] = (), *, after: Position | None = None) -> Iterator[MigrationPage]:
        """Write the calendars, then complete the rows after `after`. Each step returns one MigrationPage."""
        yield self._write_calendars(list(calendars), after)
        for page in self._scan.pages(self._control, after):
            yield self._work_through(page)

    def _write_calendars(self, calendars: Sequence[Calendar], after: Position | None) -> MigrationPage:
        findings = _Findings()
        for calendar in calendars:
            self._given[calendar.name] = calendar
            row: Item = {"PK": f"{_CALENDAR}{calendar.name}", "SK": CONFIG}
            stored = self._tables.get(self._control, row["PK"], CONFIG) or row
            self._carry_out(stored, partial(self._calendar_step, calendar), findings, absent=row)
        return findings.page(after)

    def _work_through(self, page: ScanPage) -> MigrationPage:
        findings = _Findings()
        requests = 0
        for row in page.rows:
            if row["SK"].startswith("RERUN_REQUEST#"):
                requests += "handledAt" not in row
            elif row["PK"].startswith(_CALENDAR):
                self._check_calendar(row, findings)
            elif row["SK"] == CONFIG:
                self._carry_out(row, self._config_step, findings)
                self._check_config(row, findings)
            elif row["SK"].startswith("VERDICT#"):
                self._carry_out(row, self._verdict_step, findings)
            else:
                self._carry_out(row, self._run_step, findings)
        return findings.page(page.position, page.looked_at, requests)

    def _carry_out(
        self, row: Item, decide: Callable[[Item], _Step | None], findings: _Findings, *, absent: Item | None = None
    ) -> None:
        """Decide and write. While others change the row, decide again on its new form, or on `absent` if it is gone."""
        pk, sk = row["PK"], row["SK"]
        found: Item | None = row
        try:
            for _ in range(_TRIES):
                step = decide(found) if found is not None else None
                if step is None:
                    return
                if self._is_done(step):
                    findings.changes.append(step.change)
                    return
                found = self._tables.get(self._control, pk, sk) or absent
        except MalformedRow as malformed:
            findings.problems.append(MigrationProblem(pk, sk, malformed.problem))
            return
        findings.problems.append(
            MigrationProblem(pk, sk, f"the row changed {_TRIES} times in the meantime. Run the migration again")
        )

    def _is_done(self, step: _Step) -> bool:
        if self._apply:
            try:
                self._tables.transact([step.write])
            except TransactionRejected:
                return False
        return True

    # --- calendars -----------------------------------------------------------------------------------------------

    def _calendar_step(self, calendar: Calendar, row: Item) -> _Step | None:
        text = row.get("config")
        if _is_calendar(text, calendar):
            return None
        says = "written" if text is None else "replaced: the file differs"
        changes = {"config": encode_calendar(calendar)}
        return self._step(row, MigrationAction.WRITE_CALENDAR, changes, ("config",), says, exists=None)

    def _check_calendar(self, row: Item, findings: _Findings) -> None:
        name = row["PK"].removeprefix(_CALENDAR)
        if name in self._given:
            return
        try:
            decode_calendar(str(row.get("config", "")), f"calendar {name}")
        except ConfigError as error:
            findings.problems.append(MigrationProblem(row["PK"], row["SK"], str(error)))

    # --- configs -------------------------------------------------------------------------------------------------

    def _config_step(self, row: Item) -> _Step | None:
        """The index entry and createdAt, for unreadable configs too, so that `interlock status` shows them."""
        pipeline_id = pipeline_of(row["PK"])
        changes: Item = {"GSI1PK": CONFIG, "GSI1SK": pipeline_id}
        changes = {name: value for name, value in changes.items() if row.get(name) != value}
        says = ["indexed"] if changes else []
        if "createdAt" in row:
            parse_time(row["createdAt"], row["PK"], row["SK"])
        else:
            changes["createdAt"] = format_time(self._now)
            says.append("first seen now")
        if not changes:
            return None
        read = ("GSI1PK", "GSI1SK", "createdAt")
        return self._step(row, MigrationAction.INDEX_CONFIG, changes, read, ", ".join(says))

    def _check_config(self, row: Item, findings: _Findings) -> None:
        """Report the problem that prevents the use of a config, or the changes that its user will notice."""
        pk, (_, _, pipeline_id) = row["PK"], row["PK"].partition("#")
        if not pk.startswith("PIPELINE#") or not pipeline_id:
            return
        try:
            config = decode_json(str(row.get("config", "")), f"config of {pipeline_id}")
        except ConfigError as error:
            findings.problems.append(MigrationProblem(pk, row["SK"], str(error)))
            return
        problem = self._problem_of(config, pipeline_id)
        if problem:
            findings.problems.append(MigrationProblem(pk, row["SK"], problem))
        else:
            findings.notices += self._notices_of(config, pk)

    def _problem_of(self, config: PipelineConfig, pipeline_id: str) -> str:
        if config.id != pipeline_id:
            return f"the config has the id {config.id!r}, and its row has {pipeline_id!r}"
        missing = [name for name in config.calendar_names if not self._has_calendar(name)]
        return f"the config names calendars without a row: {', '.join(sorted(missing))}" if missing else ""

    def _notices_of(self, config: PipelineConfig, pk: str) -> Iterator[MigrationNotice]:
        try:
            exclusions = config.exclusions({name: self._calendar(name) for name in config.calendar_names})
        except ConfigError:
            return  # the calendar's row is a problem of its own
        has_cron, newest = config.cron is not None, newest_date(self._store, config)
        for hold in date_holds(self._store, config, newest, exclusions, self._now):
            yield MigrationNotice("held", pk, hold.path, hold.rows, f"{hold.path}: {hold.says}", has_cron)
        for moved in moved_deadlines(config, exclusions, self._now):
            yield MigrationNotice("moved", pk, moved.path, (), f"{moved.path}: {moved.says}", has_cron)
        for notice in notices(config, newest):
            yield MigrationNotice("meaning", pk, notice.path, (), str(notice), has_cron)

    def _has_calendar(self, name: str) -> bool:
        return name in self._given or self._calendar_row(name) is not None

    def _calendar(self, name: str) -> Calendar:
        if name in self._given:
            return self._given[name]
        return decode_calendar(str((self._calendar_row(name) or {}).get("config", "")), f"calendar {name}")

    def _calendar_row(self, name: str) -> Item | None:
        if name not in self._calendar_rows:
            self._calendar_rows[name] = self._tables.get(self._control, f"{_CALENDAR}{name}", CONFIG)
        return self._calendar_rows[name]

    # --- runs ----------------------------------------------------------------------------------------------------

    def _run_step(self, row: Item) -> _Step | None:
        """A new token, a lease and the index entries, for a RUNNING row of another state machine.

        Any other row without a place in the index of days gets one.
        """
        if row.get("runToken") and f"{DAYS}PK" in row:
            return None
        key, status = key_of_row(row["PK"], row["SK"]), read_status(row)
        if status is not RunStatus.RUNNING or row.get("runToken"):
            return self._day_step(row, key, status)
        lease = expiry_of(row.get("ttl")) or lease_end(self._now, self._execution_timeout)
        token = _token(row, lease)
        changes: Item = {
            "runToken": token,
            "startedToken": token,
            "leaseUntil": format_time(lease),
            "ttl": epoch(lease + _RUN_TTL),
            "GSI1PK": RUNNING,
            "GSI1SK": format_time(lease),
            # The other state machine evaluates the rules and starts the job, so the run counts as one with a job.
            **day_of_run(key, status, has_job=True),
        }
        if "attempt" not in row:
            changes["attempt"] = 0
        read = ("status", "ttl", "attempt", "runToken", "startedToken", "leaseUntil", "GSI1PK", "GSI1SK", f"{DAYS}PK")
        says = f"its lease ends at {lease:%Y-%m-%dT%H:%M:%SZ}"
        return self._step(row, MigrationAction.ADOPT_RUN, changes, read, says)

    def _day_step(self, row: Item, key: RunKey, status: RunStatus) -> _Step | None:
        """The place of a trigger row in the index of days."""
        if f"{DAYS}PK" in row:
            return None
        # The scan leaves the jobs in the table, and few runs are under way.
        whole = self._tables.get(self._control, row["PK"], row["SK"]) if status is RunStatus.RUNNING else None
        day = day_of_run(key, status, has_job="jobIntent" in (whole or {}))
        read = ("status", "runToken", f"{DAYS}PK")
        return self._step(row, MigrationAction.INDEX_DAY, day, read, f"found under {day[f'{DAYS}PK']}")

    def _verdict_step(self, row: Item) -> _Step | None:
        """The place of a breach in the index of days."""
        if f"{DAYS}PK" in row:
            return None
        key = key_of_row(row["PK"], row["SK"])
        day = day_of_verdict(key, read_verdict(row, key).clocks)
        if not day:
            return None
        return self._step(row, MigrationAction.INDEX_DAY, day, (f"{DAYS}PK",), f"found under {day[f'{DAYS}PK']}")

    def _step(
        self,
        row: Item,
        action: MigrationAction,
        changes: Item,
        read: Iterable[str],
        says: str,
        *,
        exists: bool | None = True,
    ) -> _Step:
        """A write on condition that the row is as it was read."""
        expect = Expect(
            exists=exists,
            equals={name: row[name] for name in read if name in row},
            absent=tuple(name for name in read if name not in row),
        )
        write = Update(self._control, row["PK"], row["SK"], set=changes, expect=expect)
        return _Step(write, MigrationChange(action, row["PK"], row["SK"], says))


def _is_calendar(text: object, calendar: Calendar) -> bool:
    if text is None:
        return False
    try:
        return decode_calendar(str(text), calendar.name) == calendar
    except ConfigError:
        return False


def _token(row: Item, lease: datetime) -> str:
    identity = f"{row['PK']}\x1f{row['SK']}\x1f{format_time(lease)}"
    return f"migrated-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
