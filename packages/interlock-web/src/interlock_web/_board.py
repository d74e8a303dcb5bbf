"""The overview: pipelines by dates, the most urgent pipelines first. It is a pure function of the rows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from datetime import date as calendar_day
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from interlock_lifecycle import RunKey, digest
from interlock_sla import Exclusions, ExecutionDate, Outcome
from interlock_store import NO_CONFIG, DateState, DayPage, StoredConfig
from interlock_web._elsewhere import Elsewhere, Unfinished
from interlock_web._shown import problem_of
from interlock_web._states import MEANINGS, CellState, states_of, urgency

ROWS_OF_A_PART = 50
"""The pipelines of the first view, and of each part that is loaded as it is scrolled to."""


_LEAST_URGENT = urgency(CellState.LATE)
_SEVERAL = 2


class Cell(Struct, frozen=True):
    """A day of a pipeline.

    states: all states of its dates, the most urgent one first. dates: those with rows, the most urgent one first.
    absent: the expected dates without a row. reason: why an excluded day is excluded.
    """

    day: calendar_day
    states: tuple[CellState, ...] = (CellState.NOTHING,)
    dates: tuple[DateState, ...] = ()
    absent: tuple[RunKey, ...] = ()
    reason: str = ""
    is_whole: bool = True

    @property
    def state(self) -> CellState:
        """The most urgent state, with which the cell is drawn."""
        return self.states[0]

    @property
    def key(self) -> RunKey | None:
        """Its most urgent date. None without a date."""
        if self.absent and self.state is CellState.NOT_BEGUN:
            return self.absent[0]
        return self.dates[0].key if self.dates else None

    @property
    def count(self) -> int:
        """The number of its dates, several for hourly runs."""
        return len(self.dates) + len(self.absent)

    @property
    def counted(self) -> Sequence[CellState]:
        """All states of each of its dates, to be counted. A day without dates has one."""
        if self.count < _SEVERAL:
            return self.states
        found = [state for date in self.dates for state in states_of(date, is_whole=self.is_whole)]
        return found + [CellState.NOT_BEGUN] * len(self.absent)

    @property
    def text(self) -> str:
        """The states in words. Several dates are counted by their states."""
        if self.count >= _SEVERAL:
            counts = Counter(self.counted)
            return ", ".join(f"{counts[state]} {state}" for state in self.states)
        if self.dates:
            return _text(self.states, self.dates[0])
        if self.state is CellState.EXCLUDED:
            return f"excluded: {self.reason}"
        return MEANINGS[self.state]


class Row(Struct, frozen=True):
    """A pipeline. note: its pause, or the problem of its config. reason: that of its most urgent date."""

    pipeline: str
    owner: str
    cells: tuple[Cell, ...]
    note: str = ""
    reason: str = ""
    is_paused: bool = False
    is_dry_run: bool = False

    @property
    def urgent(self) -> DateState | None:
        """The most urgent date with a row, of several that of the newest day. None for a pipeline without any."""
        found = [cell for cell in self.cells if cell.dates]
        return min(found, key=_urgency).dates[0] if found else None

    @property
    def is_held(self) -> bool:
        """Whether its most urgent date is held."""
        date = self.urgent
        return date is not None and CellState.HELD in states_of(date)

    @property
    def place(self) -> tuple[int, int, str]:
        """The place of the row: the most urgent state, then the newest day, then the name.

        A date without a row moves no pipeline up: data may come at any time of its day.
        """
        state, day = min((_urgency(cell) for cell in self.cells if cell.dates), default=(_LEAST_URGENT, 0))
        return (state, day, self.pipeline) if state < _LEAST_URGENT else (_LEAST_URGENT, 0, self.pipeline)


class Choice(Struct, frozen=True):
    """The pipelines that a person wants to see. pipeline: a glob, or a part of the name. Empty values choose all."""

    owner: str = ""
    state: str = ""
    pipeline: str = ""

    def wants(self, row: Row) -> bool:
        """Whether a row is chosen."""
        return self._names(row.pipeline, row.owner) and (
            not self.state or any(self.state in cell.states for cell in row.cells)
        )

    def wants_date(self, date: DateState, owner: str) -> bool:
        """Whether a date of an owner's pipeline is chosen."""
        return self._names(date.key.pipeline_id, owner) and (not self.state or self.state in states_of(date))

    def _names(self, pipeline: str, owner: str) -> bool:
        name, pattern = pipeline.casefold(), self.pipeline.casefold()
        return (not self.owner or owner == self.owner) and (
            not pattern or pattern in name or fnmatchcase(name, pattern)
        )


class Board(Struct, frozen=True):
    """The chosen pipelines in their order. counts: the number of their dates in each state.

    elsewhere: the chosen runs of other days. has_owner: a pipeline has the chosen owner, or may have it.
    """

    days: tuple[calendar_day, ...]
    rows: tuple[Row, ...]
    owners: tuple[str, ...]
    counts: Mapping[CellState, int]
    problems: tuple[str, ...]
    unread: tuple[calendar_day, ...]
    read_at: datetime
    elsewhere: Elsewhere = Elsewhere()
    has_owner: bool = True

    @property
    def mark(self) -> str:
        """A text that differs if the days, the rows or their states, or the runs of other days differ."""
        days = (str(day) for day in self.days)
        others = (f"{date.key}\x1f{date.has_job}" for date in self.elsewhere.dates)
        rows = (f"{row.pipeline}\x1f{row.note}\x1f{_states(row)}" for row in self.rows)
        return digest(*days, str(self.elsewhere.count), str(self.elsewhere.is_whole), *others, *rows)

    @property
    def found(self) -> int:
        """The number of chosen pipelines."""
        return len(self.rows)

    @property
    def paused(self) -> int:
        """The number of chosen pipelines that are paused."""
        return sum(row.is_paused for row in self.rows)

    def sharing(self, earlier: "Board") -> "Board":
        """The same board with the rows of an earlier one, as far as they are equal. It then needs little memory."""
        known = {row.pipeline: row for row in earlier.rows}
        return replace(self, rows=tuple(one if (one := known.get(row.pipeline)) == row else row for row in self.rows))

    @property
    def places(self) -> dict[str, int]:
        """The place of each pipeline. The most urgent one has 0."""
        return {row.pipeline: place for place, row in enumerate(self.rows)}


def _states(row: Row) -> str:
    return "|".join(f"{cell.count},{sum(one.attempt for one in cell.dates)},{cell.states}" for cell in row.cells)


def make_board(
    pages: Sequence[DayPage],
    pipelines: Mapping[str, StoredConfig],
    expected: Mapping[str, Sequence[ExecutionDate]],
    choice: Choice,
    read_at: datetime,
    unfinished: Unfinished,
) -> Board:
    """The overview of the pages, newest day first.

    expected: the dates of each pipeline that should have begun. read_at: the time of the reading (UTC). unfinished: the
    runs of all days.
    """
    dates: dict[str, dict[calendar_day, list[DateState]]] = defaultdict(lambda: defaultdict(list))
    for page in pages:
        for key, state in page.dates.items():
            dates[key.pipeline_id][page.day].append(state)
    names = {*pipelines, *dates}
    every = [
        _row(name, dates.get(name, {}), pages, pipelines.get(name), expected.get(name, ()), read_at) for name in names
    ]
    chosen = sorted((row for row in every if choice.wants(row)), key=lambda row: row.place)
    counts = Counter(state for row in chosen for cell in row.cells for state in cell.counted)
    days, owners = tuple(page.day for page in pages), {row.pipeline: row.owner for row in every}

    def is_elsewhere(date: DateState) -> bool:
        return date.key.date.day not in days and choice.wants_date(date, owners.get(date.key.pipeline_id, ""))

    # A config that cannot be read may have any owner.
    may_have_owner = any(stored.problem for stored in pipelines.values())
    return Board(
        days,
        tuple(chosen),
        tuple(sorted({owner for owner in owners.values() if owner})),
        counts,
        tuple(problem for page in pages for problem in page.problems),
        tuple(page.day for page in pages if not page.is_whole),
        read_at,
        unfinished.chosen(is_elsewhere),
        not choice.owner or may_have_owner or choice.owner in owners.values(),
    )


def _row(
    name: str,
    dates: Mapping[calendar_day, list[DateState]],
    pages: Sequence[DayPage],
    stored: StoredConfig | None,
    expected: Sequence[ExecutionDate],
    now: datetime,
) -> Row:
    stored = stored or StoredConfig(None, NO_CONFIG)
    config, pause, exclusions = stored.config, stored.pause, stored.exclusions
    absent: dict[calendar_day, list[RunKey]] = defaultdict(list)
    if config is not None:
        for date in expected:
            absent[date.day].append(RunKey(name, config.schedule_id, date))
    cells = tuple(_cell(page, dates.get(page.day, ()), absent.get(page.day, ()), exclusions) for page in pages)
    owner = (config.pipeline.owner or "") if config is not None else ""
    is_paused = pause is not None and pause.holds(now)
    note = problem_of(stored) or (str(pause) if is_paused else "")
    is_dry_run = config is not None and config.dry_run
    return Row(name, owner, cells, note, is_paused=is_paused, is_dry_run=is_dry_run)


def _cell(page: DayPage, dates: Sequence[DateState], expected: Sequence[RunKey], exclusions: Exclusions) -> Cell:
    if not page.is_whole:
        return _dated(page, dates, ()) if dates else Cell(page.day, (CellState.UNREAD,), is_whole=False)
    begun = {date.key.date for date in dates}
    # A day of which an hour has begun is no absent date.
    absent = tuple(key for key in expected if key.date not in begun and (key.date.hour is not None or not begun))
    if dates or absent:
        return _dated(page, dates, absent)
    reason = exclusions.reason(page.day)
    return Cell(page.day) if reason is None else Cell(page.day, (CellState.EXCLUDED,), reason=reason)


def _dated(page: DayPage, dates: Sequence[DateState], absent: tuple[RunKey, ...]) -> Cell:
    if len(dates) == 1 and not absent:
        return Cell(page.day, states_of(dates[0], is_whole=page.is_whole), tuple(dates), is_whole=page.is_whole)
    states = {date.key: states_of(date, is_whole=page.is_whole) for date in dates}
    if len(dates) >= _SEVERAL:
        dates = sorted(dates, key=lambda date: (urgency(states[date.key][0]), str(date.key.date)))
    found = {state for each in states.values() for state in each} | ({CellState.NOT_BEGUN} if absent else set())
    return Cell(page.day, tuple(sorted(found, key=urgency)), tuple(dates), absent, is_whole=page.is_whole)


def _text(states: Sequence[CellState], date: DateState) -> str:
    parts = [*states, date.problem]
    if date.attempt:
        parts.append(f"attempt {date.attempt}")
    if date.closed_at is not None:
        parts.append(f"closed {date.closed_at:%m-%d %H:%MZ}")
    elif date.committed_at is not None:
        parts.append(f"since {date.committed_at:%m-%d %H:%MZ}")
    if date.is_breached:
        missed = min(one.deadline for one in date.verdict.values() if one.outcome is Outcome.BREACH)
        parts.append(f"deadline {missed.astimezone(UTC):%m-%d %H:%MZ}")
    return ", ".join(part for part in parts if part)


def _urgency(cell: Cell) -> tuple[int, int]:
    """The place of a cell with rows: its most urgent one, then its day."""
    state = states_of(cell.dates[0], is_whole=cell.is_whole)[0]
    return urgency(state), -cell.day.toordinal()


def with_reasons(rows: Sequence[Row], read: Callable[[Iterable[DateState]], Mapping[RunKey, str]]) -> list[Row]:
    """The rows with the reason of their most urgent date. read: returns the reasons of dates, in one request."""
    urgent = {row.pipeline: date for row in rows if (date := row.urgent) is not None}
    found = read(urgent.values())
    return [_reasoned(row, urgent.get(row.pipeline), found) for row in rows]


def _reasoned(row: Row, date: DateState | None, found: Mapping[RunKey, str]) -> Row:
    reason = found.get(date.key, "") if date is not None else ""
    return replace(row, reason=f"{reason} ({date.key.date})") if date is not None and reason else row
