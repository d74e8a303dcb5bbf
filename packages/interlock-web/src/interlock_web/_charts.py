"""The geometry of the pictures: the timeline of a run, and how late or early the runs of a pipeline were."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle import JobEntry, Run, RunKey, Verdict
from interlock_lifecycle.reports import SlaReport
from interlock_lifecycle.slas import deadlines_of
from interlock_sla import Clock, Deadline, Exclusions
from interlock_web._times import show_moment, show_span

WIDTH = 760
_LEFT, _RIGHT = 8, 752
_LONGEST_CHART = timedelta(days=400)
_TICKS = 5
_UTC = ZoneInfo("UTC")
_SHORT_SECONDS = 600
_NARROWEST = 2.0


class Bar(Struct, frozen=True):
    """A span of a timeline. x, width: in the units of the picture. kind: its colour. text: its meaning."""

    label: str
    kind: str
    x: float
    width: float
    text: str


class Mark(Struct, frozen=True):
    """A moment of a timeline."""

    kind: str
    x: float
    text: str
    label: str = ""


class Timeline(Struct, frozen=True):
    """The picture of one run. Each bar has a line of its own."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Mark, ...]


class _Scale:
    def __init__(self, moments: Iterable[datetime]) -> None:
        known = sorted(moments)
        self.first, self.last = known[0], known[-1]
        self.span = max((self.last - self.first).total_seconds(), 1.0)

    def x(self, moment: datetime) -> float:
        share = (moment - self.first).total_seconds() / self.span
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def width(self, begin: datetime, end: datetime) -> float:
        return max(round(self.x(end) - self.x(begin), 1), _NARROWEST)


def draw_run(
    run: Run | None,
    arrived_at: datetime | None,
    sla: Sequence[SlaReport],
    entries: Sequence[JobEntry],
    zone: ZoneInfo,
    now: datetime,
) -> Timeline | None:
    """The timeline of a date from its first arrival through hold and job to its close. None for a date without any."""
    spans = list(_spans(run, arrived_at, entries, now))
    moments = [moment for _, _, begin, end in spans for moment in (begin, end)]
    lines = [(f"{one.clock} warning", "warning", one.warning_at) for one in sla if one.warning_at is not None]
    lines += [(f"{one.clock} deadline", "deadline", one.breach_at) for one in sla]
    moments += [at for _, _, at in lines] if moments else []
    if not moments or max(moments) - min(moments) > _LONGEST_CHART:
        return None
    scale = _Scale(moments)
    bars = (
        Bar(
            label, kind, scale.x(begin), max(round(scale.x(end) - scale.x(begin), 1), 2.0), _span_text(begin, end, zone)
        )
        for label, kind, begin, end in spans
    )
    marks = [Mark(kind, scale.x(at), f"{text} {show_moment(at, zone)}", text) for text, kind, at in lines]
    if scale.first < now < scale.last:
        marks.append(Mark("now", scale.x(now), f"now {show_moment(now, zone)}", "now"))
    step = timedelta(seconds=scale.span / (_TICKS - 1))
    at = [scale.first + step * place for place in range(_TICKS)]
    form = "%H:%M:%S" if scale.span < _SHORT_SECONDS else "%m-%d %H:%M"
    ticks = (Mark("tick", scale.x(one), show_moment(one, zone), f"{one.astimezone(zone):{form}}") for one in at)
    return Timeline(tuple(bars), tuple(marks), tuple(ticks))


def _spans(
    run: Run | None, arrived_at: datetime | None, entries: Sequence[JobEntry], now: datetime
) -> Iterable[tuple[str, str, datetime, datetime]]:
    if run is None:
        return
    if arrived_at is not None and arrived_at < run.committed_at:
        yield "first arrival to commit", "arrival", arrived_at, run.committed_at
    for entry in entries:
        if entry.duration and entry.attempt is not None and entry.attempt < run.attempt:
            begin = entry.at - timedelta(seconds=entry.duration)
            yield f"attempt {entry.attempt}: {entry.event}", "earlier", begin, entry.at
    intent, end = run.job_intent, run.closed_at or now
    passed = run.evaluated_at or (intent.committed_at if intent is not None else end)
    if passed > run.committed_at:
        yield f"hold of attempt {run.attempt}", "hold", run.committed_at, passed
    if intent is not None:
        begin = intent.started_at or intent.committed_at
        yield f"job of attempt {run.attempt}", str(run.status).lower(), begin, max(end, begin)


def _span_text(begin: datetime, end: datetime, zone: ZoneInfo) -> str:
    return f"{show_moment(begin, zone)} to {show_moment(end, zone)}, {show_span((end - begin).total_seconds())}"


class DayLine(Struct, frozen=True):
    """The dates of one pipeline on the time axis of a day."""

    pipeline: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


class DayPicture(Struct, frozen=True):
    """The dates of a day on one time axis, a line per pipeline."""

    lines: tuple[DayLine, ...]
    ticks: tuple[Mark, ...]
    now: float | None


class DatedRun(Struct, frozen=True):
    """A date for the time axis. deadlines: those of its config. begin, end: of a run that was not read as a whole."""

    key: RunKey
    run: Run | None
    arrived_at: datetime | None
    deadlines: tuple[Deadline, ...]
    begin: datetime | None
    end: datetime | None


def draw_day(lines: Mapping[str, Sequence[DatedRun]], now: datetime) -> DayPicture | None:
    """The time axis of a day in UTC, with each date from its first arrival to its close. None for a day without any.

    now: the time of the reading (UTC), at which open dates end.
    """
    spans = {name: [span for dated in dates for span in _spans_of(dated, now)] for name, dates in lines.items()}
    moments = [moment for found in spans.values() for _, _, begin, end in found for moment in (begin, end)]
    if not moments:
        return None
    limits = {
        name: [mark for dated in dates for deadline in dated.deadlines for mark in _limits_of(dated.key, deadline)]
        for name, dates in lines.items()
    }
    # A deadline that is far away would make the runs of the day invisible.
    furthest = max(moments) + max(max(moments) - min(moments), timedelta(days=1))
    near = {name: [mark for mark in found if min(moments) <= mark[2] <= furthest] for name, found in limits.items()}
    scale = _Scale([*moments, *(at for found in near.values() for _, _, at in found)])
    drawn = tuple(
        DayLine(
            name,
            tuple(
                Bar(label, kind, scale.x(begin), scale.width(begin, end), _span_text(begin, end, _UTC))
                for label, kind, begin, end in spans[name]
            ),
            tuple(Mark(kind, scale.x(at), f"{text} {show_moment(at, _UTC)}") for text, kind, at in near[name]),
        )
        for name in lines
    )
    step = timedelta(seconds=scale.span / (_TICKS - 1))
    at = [scale.first + step * place for place in range(_TICKS)]
    form = "%H:%M:%SZ" if scale.span < _SHORT_SECONDS else "%m-%d %H:%MZ"
    ticks = tuple(Mark("tick", scale.x(one), show_moment(one, _UTC), f"{one:{form}}") for one in at)
    return DayPicture(drawn, ticks, scale.x(now) if scale.first <= now <= scale.last else None)


def _spans_of(dated: DatedRun, now: datetime) -> list[tuple[str, str, datetime, datetime]]:
    """The spans of a date, named by it. A run that was not read as a whole is one span."""
    found = list(_spans(dated.run, dated.arrived_at, (), now))
    if not found and dated.begin is not None:
        found = [("run", "hold" if dated.end is None else "completed", dated.begin, dated.end or now)]
    return [(f"{dated.key.date}: {label}", kind, begin, max(begin, end)) for label, kind, begin, end in found]


def _limits_of(key: RunKey, deadline: Deadline) -> list[tuple[str, str, datetime]]:
    marks = [(f"{key.date}: {deadline.clock} deadline", "deadline", deadline.breach_at)]
    if deadline.warning_at is not None:
        marks.append((f"{key.date}: {deadline.clock} warning", "warning", deadline.warning_at))
    return marks


class Column(Struct, frozen=True):
    """A date of the lateness chart. It goes up if the run was late. height: in the units of the picture."""

    key: RunKey
    x: float
    y: float
    height: float
    is_late: bool
    text: str


class Lateness(Struct, frozen=True):
    """The distance of the closes from their deadlines, oldest date first. zero: the height of the deadline."""

    columns: tuple[Column, ...]
    width: float
    height: float
    zero: float
    top_text: str
    bottom_text: str
    step: float


_COLUMN_HEIGHT = 120.0


def draw_lateness(
    config: PipelineConfig | None,
    exclusions: Exclusions,
    runs: Sequence[Run],
    verdicts: Mapping[RunKey, Verdict],
    arrivals: Mapping[RunKey, datetime],
) -> Lateness | None:
    """How late or early each closed run was. None without a run that has a deadline."""
    found = []
    for run in reversed(runs):
        deadline = _deadline(config, exclusions, run.key, verdicts.get(run.key), arrivals.get(run.key))
        if run.closed_at is not None and deadline is not None:
            found.append((run, (run.closed_at - deadline).total_seconds()))
    if not found:
        return None
    latest, earliest = max(0.0, *(late for _, late in found)), min(0.0, *(late for _, late in found))
    span = max(latest - earliest, 1.0)
    zero, step = latest / span * _COLUMN_HEIGHT, (_RIGHT - _LEFT) / max(len(found), 14)
    columns = []
    for place, (run, late) in enumerate(found):
        height = max(abs(late) / span * _COLUMN_HEIGHT, 1.0)
        words = f"{show_span(late)} {'late' if late > 0 else 'early'}"
        x, y = _LEFT + place * step, zero - height if late > 0 else zero
        columns.append(
            Column(run.key, round(x, 1), round(y, 1), round(height, 1), late > 0, f"{run.key.date}: {words}")
        )
    texts = (f"{show_span(latest)} late" if latest else "", f"{show_span(earliest)} early" if earliest else "")
    return Lateness(tuple(columns), WIDTH, _COLUMN_HEIGHT, round(zero, 1), *texts, round(step * 0.8, 1))


def _deadline(
    config: PipelineConfig | None,
    exclusions: Exclusions,
    key: RunKey,
    verdict: Verdict | None,
    arrived_at: datetime | None,
) -> datetime | None:
    """The deadline by which the date was judged, otherwise the one of the present config (UTC)."""
    judged = verdict.clocks if verdict is not None else {}
    for clock in (Clock.ABSOLUTE, Clock.RELATIVE):
        if clock in judged:
            return judged[clock].deadline.astimezone(UTC)
    if config is None:
        return None
    return min((one.breach_at for one in deadlines_of(config, key.date, arrived_at, exclusions)), default=None)
