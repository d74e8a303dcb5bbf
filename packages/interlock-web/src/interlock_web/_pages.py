"""Renders the pages and parts of pages as HTML. Each text is escaped, and no script or style is inline."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date as calendar_day
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from msgspec.structs import replace

from interlock_config import shown_config
from interlock_lifecycle import Run, RunKey, digest
from interlock_lifecycle.dates import Expectation, Window, expected_dates
from interlock_lifecycle.reports import ACCEPTED, EXCLUDED, NOT_EXPECTED, DateFacts, Explanation, explain_date
from interlock_sla import ExecutionDate, ExecutionDateError
from interlock_store import StoredConfig
from interlock_web import _charts, _commands
from interlock_web._board import ROWS_OF_A_PART, Board, Choice, Row
from interlock_web._dates import UNREADABLE, words_of
from interlock_web._links import Links
from interlock_web._observed import Observed, draw_observed
from interlock_web._provider import provider_pages
from interlock_web._reader import PipelineFacts, RunFacts
from interlock_web._shown import finish, problem_of
from interlock_web._states import CHOOSABLE, MEANINGS, SIGNS, states_of
from interlock_web._times import show_moment, show_span

_UTC = ZoneInfo("UTC")
_NEXT_DATES = 10
_AHEAD = timedelta(days=40)


class View(Struct, frozen=True):
    """The overview that a person wants to see."""

    choice: Choice = Choice()
    until: calendar_day | None = None
    days: int = 14
    offset: int = 0

    def query(self, **changes: object) -> dict[str, object]:
        """The query of an address, with changes. Defaults are left out."""
        words: dict[str, object] = {
            "owner": self.choice.owner,
            "state": self.choice.state,
            "pipeline": self.choice.pipeline,
            "until": self.until or "",
            "days": self.days if self.days != View().days else "",
            "offset": self.offset or "",
        }
        return {name: value for name, value in (words | changes).items() if value not in ("", 0, None)}


class Change(Struct, frozen=True):
    """A row for an open page. after: the pipeline before it, empty for the first. is_moved: only its place changed."""

    row: Row
    place: int
    after: str
    is_moved: bool


class Pages:
    """The templates for one deployment."""

    def __init__(self, shell: _commands.Shell, links: Links, region: str | None = None) -> None:
        """shell: that of the reader. region: as in `make_app`."""
        self._shell = shell
        self._region = region
        self._links = links
        self._templates = Environment(
            loader=PackageLoader("interlock_web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=finish,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            links=links,
            environment=shell.environment,
            shell=shell,
            signs=SIGNS,
            meanings=MEANINGS,
            show_moment=show_moment,
            show_span=show_span,
            states_of=states_of,
            utc=_UTC,
            key_of=lambda name, day: RunKey(name, "stream", ExecutionDate(day)),
        )
        self._templates.filters["anchor"] = anchor_of

    def overview(self, board: Board, rows: Sequence[Row], view: View, mark: str = "") -> str:
        """The whole overview. rows: the rows of its part. mark: that of the board, for the changes since then."""
        return self._render(
            "overview.html", board=board, rows=rows, view=view, mark=mark, states=CHOOSABLE, **_part(board, view)
        )

    def day(self, board: Board, rows: Sequence[Row], picture: _charts.DayPicture | None, view: View) -> str:
        """A day on a time axis. rows: the rows of its part."""
        return self._render(
            "day.html",
            board=board,
            rows=rows,
            picture=picture,
            view=view,
            states=CHOOSABLE,
            **_part(board, view),
            by_name={row.pipeline: row for row in rows},
            absent=[cell.key for row in rows for cell in row.cells if cell.key is not None and not cell.dates],
        )

    def rows(self, board: Board, rows: Sequence[Row], view: View) -> str:
        """The next rows, and the row that loads those after them."""
        return self._render("_rows.html", board=board, rows=rows, view=view, **_part(board, view))

    def changes(self, board: Board, changes: Sequence[Change], gone: Sequence[str], view: View) -> str:
        """The rows that have changed, and the summary, for a page that is open. gone: pipelines without a row now."""
        return self._render("_changes.html", board=board, changes=changes, gone=gone, view=view, states=CHOOSABLE)

    def run(self, found: RunFacts) -> str:
        """The page of a date."""
        facts = found.facts
        explanation = _explanation(found, facts) if facts is not None else None
        zone = _zone(found.stored)
        run = facts.run if facts is not None else None
        return self._render(
            "run.html",
            key=found.key,
            found=found,
            run=run,
            facts=facts,
            explanation=explanation,
            zone=zone,
            problem=found.problem or ("" if found.stored.exists else problem_of(found.stored)),
            words=(UNREADABLE,) if explanation is None else words_of(str(explanation.state), explanation.sla),
            shows_rules=explanation is not None and _shows_rules(explanation),
            timeline=_timeline(found, explanation, zone),
            observed=_observed(found, explanation, zone),
            provider=provider_pages(run, self._region),
            commands=self._commands_of(found, run, explanation),
            neighbours=_neighbours(found.key),
            events=[event_line(row) for row in found.events],
        )

    def pipeline(self, found: PipelineFacts) -> str:
        """The page of a pipeline."""
        stored = found.stored
        config, pause = stored.config, stored.pause
        is_paused = pause is not None and pause.holds(found.now)
        verdicts = [(clock, judged) for verdict in found.verdicts.values() for clock, judged in verdict.clocks.items()]
        return self._render(
            "pipeline.html",
            found=found,
            problem=problem_of(stored),
            config=config,
            config_text="" if config is None else json.dumps(shown_config(config), indent=2, ensure_ascii=False),
            pause=str(pause) if is_paused else "",
            zone=_zone(stored),
            next_dates=_next_dates(stored, found.now),
            judged=len({*(run.key for run in found.runs), *found.verdicts}),
            verdict_counts={
                "met": sum(str(judged.outcome) == "met" for _, judged in verdicts),
                "breach": sum(str(judged.outcome) == "breach" for _, judged in verdicts),
            },
            lateness=_charts.draw_lateness(config, stored.exclusions, found.runs, found.verdicts, found.arrivals),
            commands=_commands.of_pipeline(found.pipeline, self._shell, is_paused=is_paused) if stored.exists else (),
            events=[event_line(row) for row in found.events],
        )

    def _commands_of(
        self, found: RunFacts, run: Run | None, explanation: Explanation | None
    ) -> Sequence[_commands.CommandLine]:
        if not found.stored.exists:
            return ()
        rerun = explanation.rerun if explanation is not None else ""
        pause = found.stored.pause
        is_paused = pause is not None and pause.holds(found.now)
        return _commands.of_run(found.key, run, rerun, self._shell, is_paused=is_paused)

    def message(self, title: str, *texts: str) -> str:
        """A page with a message, such as an error."""
        return self._render("message.html", title=title, texts=texts)

    def _render(self, name: str, **values: Any) -> str:
        return self._templates.get_template(name).render(**values)


def anchor_of(pipeline: str) -> str:
    """The name of a pipeline's row in a page. A name of any signs becomes one word."""
    return f"row-{digest(pipeline)}"


class EventLine(Struct, frozen=True):
    """An event for people. at: None for a row without a readable time (UTC)."""

    at: datetime | None
    type: str
    date: str
    text: str


def event_line(row: Mapping[str, Any]) -> EventLine:
    """The event of a row of the events table. A value of another type is shown as text."""
    digits, kind = str(row["SK"]).partition("#")[0], row.get("eventType", "?")
    try:
        at: datetime | None = datetime.fromtimestamp(int(digits) / 1000, _UTC)
    except (ValueError, OverflowError, OSError):
        at = None
    return EventLine(at, str(kind), str(row.get("date") or ""), str(row.get("message") or ""))


def _part(board: Board, view: View) -> dict[str, Any]:
    after = view.offset + ROWS_OF_A_PART
    return {"next_offset": after if after < board.found else None}


def _zone(stored: StoredConfig) -> ZoneInfo:
    return stored.config.zone if stored.config is not None else _UTC


def _explanation(found: RunFacts, facts: DateFacts) -> Explanation:
    """The explanation of a date.

    A removed pipeline is said once. The commands of the page name the environment, so those in the text are left out.
    """
    explanation = explain_date(facts, found.now)
    changes = tuple(change.partition(": interlock ")[0] for change in explanation.changes)
    explanation = replace(explanation, changes=changes)
    if found.stored.exists:
        return explanation
    reason = explanation.reason.removesuffix(found.stored.problem).removesuffix("; ")
    return replace(explanation, reason=reason)


def _shows_rules(explanation: Explanation) -> bool:
    """Whether a run of the date reads its rules, or would do so."""
    if explanation.state == NOT_EXPECTED:
        return explanation.rerun == ACCEPTED
    return explanation.state != EXCLUDED


def _timeline(found: RunFacts, explanation: Explanation | None, zone: ZoneInfo) -> _charts.Timeline | None:
    facts = found.facts
    if facts is None or explanation is None:
        return None
    return _charts.draw_run(facts.run, facts.sla.arrived_at, explanation.sla, facts.entries, zone, found.now)


def _observed(found: RunFacts, explanation: Explanation | None, zone: ZoneInfo) -> list[Observed]:
    run = found.facts.run if found.facts is not None else None
    now = found.now if run is not None and run.is_running and run.job_intent is None else None
    return draw_observed(found.events, explanation.rules if explanation is not None else (), zone, now)


def _neighbours(key: RunKey) -> list[RunKey]:
    """The days or hours before and after a date, as calendars and clocks name them."""
    day, hour = key.date.day, key.date.hour
    shown = datetime.combine(day, time(hour or 0))
    step = timedelta(days=1) if hour is None else timedelta(hours=1)
    found = []
    for at in (shown - step, shown + step):
        # The first and the last date have one neighbour.
        with suppress(ExecutionDateError):
            found.append(replace(key, date=ExecutionDate(at.date(), None if hour is None else at.hour)))
    return found


def _next_dates(stored: StoredConfig, now: datetime) -> list[str]:
    """The next expected dates. A pipeline that begins with its data has none."""
    config = stored.config
    if config is None or (config.cron is None and config.schedule.include is None):
        return []
    facts = Expectation(config, stored.exclusions, stored.created_at or now, stored.in_force)
    today = now.astimezone(config.zone).date()
    dates = expected_dates(facts, Window(now, now + _AHEAD), hourly=False)
    return [str(date) for date in islice((date for date in dates if date.day >= today), _NEXT_DATES)]
