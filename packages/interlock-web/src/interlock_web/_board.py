"""The overview: pipelines by dates, the most urgent pipelines first. It is a pure function of the rows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date as calendar_day
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from interlock_lifecycle import RunKey, RunStatus, digest
from interlock_lifecycle.dates import Expectation
from interlock_lifecycle.reports import dates_not_begun
from interlock_store import DateState, DayPage, StoredConfig

ROWS_OF_A_PART = 50
"""The pipelines of the first view, and of each part that is loaded as it is scrolled to."""


class CellState(StrEnum):
    """The states of a cell, the most urgent one first."""

    FAILED = "failed"
    UNREADABLE = "unreadable"
    BREACHED = "breached"
    MISSED = "missed"
    HELD = "held"
    WAITING = "waiting"
    RUNNING = "running"
    LATE = "late"
    COMPLETED = "completed"
    EXCLUDED = "excluded"
    UNREAD = "not read"
    NOTHING = "nothing"


SIGNS = {
    CellState.FAILED: "✕",
    CellState.UNREADABLE: "?",
    CellState.BREACHED: "!",
    CellState.MISSED: "∅",
    CellState.HELD: "‖",
    CellState.WAITING: "…",
    CellState.RUNNING: "▸",
    CellState.LATE: "✓!",
    CellState.COMPLETED: "✓",
    CellState.EXCLUDED: "–",
    CellState.UNREAD: "↓",
    CellState.NOTHING: "",
}
"""The sign of each state. No state is shown by its colour alone."""

MEANINGS = {
    CellState.FAILED: "the run failed for good",
    CellState.UNREADABLE: "a row of the date cannot be read",
    CellState.BREACHED: "a deadline is breached and the date is not completed",
    CellState.MISSED: "the date was expected and never began",
    CellState.HELD: "the run is held by its rules, or about to start",
    CellState.WAITING: "the date is expected and waits for its data",
    CellState.RUNNING: "the job runs",
    CellState.LATE: "completed after a deadline",
    CellState.COMPLETED: "completed",
    CellState.EXCLUDED: "an excluded day: nothing starts",
    CellState.UNREAD: "the day has more rows, which are read as the page is scrolled",
    CellState.NOTHING: "no run",
}
_ORDER = {state: place for place, state in enumerate(CellState)}
_LEAST_URGENT = _ORDER[CellState.LATE]


class Cell(Struct, frozen=True):
    """A day of a pipeline. dates: its dates, the most urgent one first. reason: why an excluded day is excluded."""

    day: calendar_day
    state: CellState = CellState.NOTHING
    dates: tuple[DateState, ...] = ()
    reason: str = ""

    @property
    def key(self) -> RunKey | None:
        """Its most urgent date. None without a date."""
        return self.dates[0].key if self.dates else None

    @property
    def count(self) -> int:
        """The number of its dates, several for hourly runs."""
        return len(self.dates)

    @property
    def text(self) -> str:
        """The state in words. Several dates are counted by their states."""
        if not self.dates:
            return f"excluded: {self.reason}" if self.reason else MEANINGS[self.state]
        if len(self.dates) == 1:
            return _text(self.state, self.dates[0])
        counts = Counter(state_of(date) for date in self.dates)
        return ", ".join(f"{count} {state}" for state, count in counts.items())


class Row(Struct, frozen=True):
    """A pipeline. note: the reason of its most urgent date, its pause, or the problem of its config."""

    pipeline: str
    owner: str
    cells: tuple[Cell, ...]
    note: str = ""
    is_paused: bool = False

    @property
    def urgent(self) -> Cell | None:
        """The most urgent cell, of several the newest one. None for a row without a run."""
        found = [cell for cell in self.cells if cell.key is not None]
        return min(found, key=_urgency, default=None)

    @property
    def place(self) -> tuple[int, int, str]:
        """The place of the row: the most urgent state, then the newest day, then the name."""
        cell = self.urgent
        if cell is None or _ORDER[cell.state] >= _LEAST_URGENT:
            return _LEAST_URGENT, 0, self.pipeline
        return *_urgency(cell), self.pipeline


class Choice(Struct, frozen=True):
    """The pipelines that a person wants to see. pipeline: a glob, or a part of the name. Empty values choose all."""

    owner: str = ""
    state: str = ""
    pipeline: str = ""

    def wants(self, row: Row) -> bool:
        """Whether a row is chosen."""
        name, pattern = row.pipeline.casefold(), self.pipeline.casefold()
        return (
            (not self.owner or row.owner == self.owner)
            and (not self.state or any(cell.state == self.state for cell in row.cells))
            and (not pattern or pattern in name or fnmatchcase(name, pattern))
        )


class Board(Struct, frozen=True):
    """The chosen pipelines in their order. found: their number. counts: the number of cells of each state in them."""

    days: tuple[calendar_day, ...]
    rows: tuple[Row, ...]
    owners: tuple[str, ...]
    counts: Mapping[CellState, int]
    problems: tuple[str, ...]
    unread: tuple[calendar_day, ...]
    read_at: datetime

    @property
    def mark(self) -> str:
        """A text that differs if the states of the rows differ."""
        states = (f"{row.pipeline}\x1f{row.note}\x1f{'|'.join(cell.state for cell in row.cells)}" for row in self.rows)
        return digest(*sorted(states))

    @property
    def found(self) -> int:
        """The number of chosen pipelines."""
        return len(self.rows)


def state_of(date: DateState) -> CellState:
    """The state of one date in the index of days."""
    if date.problem:
        return CellState.UNREADABLE
    if date.status is RunStatus.FAILED_FINAL:
        return CellState.FAILED
    if date.status is RunStatus.COMPLETED:
        return CellState.LATE if date.is_breached else CellState.COMPLETED
    if date.is_breached:
        return CellState.BREACHED
    if date.status is RunStatus.RUNNING:
        return CellState.RUNNING if date.has_job else CellState.HELD
    return CellState.MISSED


def make_board(
    pages: Sequence[DayPage], pipelines: Mapping[str, StoredConfig], choice: Choice, read_at: datetime
) -> Board:
    """The overview of the pages, newest day first. read_at: the time of the reading (UTC).

    Excluded days and dates that wait for their data are added by `completed`, for the rows that are shown.
    """
    dates: dict[str, dict[calendar_day, list[DateState]]] = defaultdict(lambda: defaultdict(list))
    for page in pages:
        for key, state in page.dates.items():
            dates[key.pipeline_id][page.day].append(state)
    every = [_row(name, dates.get(name, {}), pages, pipelines.get(name), read_at) for name in {*pipelines, *dates}]
    chosen = sorted((row for row in every if choice.wants(row)), key=lambda row: row.place)
    counts = Counter(cell.state for row in chosen for cell in row.cells)
    return Board(
        tuple(page.day for page in pages),
        tuple(chosen),
        tuple(sorted({row.owner for row in every if row.owner})),
        counts,
        tuple(problem for page in pages for problem in page.problems),
        tuple(page.day for page in pages if not page.is_whole),
        read_at,
    )


def _row(
    name: str,
    dates: Mapping[calendar_day, list[DateState]],
    pages: Sequence[DayPage],
    stored: StoredConfig | None,
    now: datetime,
) -> Row:
    cells = tuple(_cell(page, dates.get(page.day, ())) for page in pages)
    config = stored.config if stored is not None else None
    owner = (config.pipeline.owner or "") if config is not None else ""
    pause = stored.pause if stored is not None and stored.pause is not None and stored.pause.holds(now) else None
    problem = "the pipeline has no config" if stored is None else stored.problem
    return Row(name, owner, cells, problem or (str(pause) if pause is not None else ""), pause is not None)


def _cell(page: DayPage, dates: Sequence[DateState]) -> Cell:
    if not dates:
        return Cell(page.day) if page.is_whole else Cell(page.day, CellState.UNREAD)
    if len(dates) > 1:
        dates = sorted(dates, key=lambda date: (_ORDER[state_of(date)], str(date.key.date)))
    return Cell(page.day, state_of(dates[0]), tuple(dates))


def _text(state: CellState, date: DateState) -> str:
    parts = [str(state), date.problem]
    if date.attempt:
        parts.append(f"attempt {date.attempt}")
    if date.closed_at is not None:
        parts.append(f"closed {date.closed_at:%m-%d %H:%MZ}")
    elif date.committed_at is not None:
        parts.append(f"since {date.committed_at:%m-%d %H:%MZ}")
    return ", ".join(part for part in parts if part)


def _urgency(cell: Cell) -> tuple[int, int]:
    return _ORDER[cell.state], -cell.day.toordinal()


def completed(rows: Iterable[Row], pipelines: Mapping[str, StoredConfig], now: datetime) -> list[Row]:
    """The rows with their excluded days, and with the dates that are expected and have not begun."""
    return [_completed(row, pipelines.get(row.pipeline), now) for row in rows]


def _completed(row: Row, stored: StoredConfig | None, now: datetime) -> Row:
    config = stored.config if stored is not None else None
    if stored is None or config is None:
        return row
    exclusions = stored.exclusions
    begun = {cell.key.date for cell in row.cells if cell.key is not None}
    expected: set[calendar_day] = set()
    if stored.created_at is not None:
        facts = Expectation(config, exclusions, stored.created_at, stored.in_force)
        expected = {date.day for date in dates_not_begun(facts, begun, now, newest=24 * len(row.cells))}
    cells = []
    for cell in row.cells:
        if cell.state is not CellState.NOTHING:
            cells.append(cell)
        elif (reason := exclusions.reason(cell.day)) is not None:
            cells.append(Cell(cell.day, CellState.EXCLUDED, reason=reason))
        elif cell.day in expected:
            cells.append(Cell(cell.day, CellState.WAITING))
        else:
            cells.append(cell)
    return replace(row, cells=tuple(cells))


def with_notes(
    rows: Sequence[Row], pages: Iterable[DayPage], read: Callable[[Iterable[DateState]], Mapping[RunKey, str]]
) -> list[Row]:
    """The rows with the reason of their most urgent date. read: returns the reasons of dates, in one request."""
    known = {key: state for page in pages for key, state in page.dates.items()}
    urgent = {row.pipeline: row.urgent for row in rows if not row.note}
    keys = [cell.key for cell in urgent.values() if cell is not None and cell.key is not None]
    found = read([known[key] for key in keys if key in known])
    noted = []
    for row in rows:
        cell = urgent.get(row.pipeline)
        note = found.get(cell.key, "") if cell is not None and cell.key is not None else ""
        noted.append(replace(row, note=f"{note} ({cell.key.date})") if note and cell and cell.key else row)
    return noted
