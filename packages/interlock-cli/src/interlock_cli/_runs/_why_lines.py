"""Prints the explanation of a date in at most 20 lines of a terminal."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from interlock_cli._output._called import as_called
from interlock_cli._output._console import Output, Part, show_age, show_moment, show_span
from interlock_cli._output._foreign import shown
from interlock_lifecycle.reports import (
    ACCEPTED,
    DORMANT,
    EXCLUDED,
    NOT_EXPECTED,
    Explanation,
    Progress,
    RuleReading,
    SlaReport,
)
from interlock_sla import Clock

MOST_LINES = 20
_LABEL = 10
_MOST_RULE_LINES = 8
_STYLES = {
    Progress.HELD: "yellow",
    Progress.NOT_BEGUN: "yellow",
    Progress.RUNNING: "blue",
    Progress.COMPLETED: "green",
    Progress.FAILED: "red",
    EXCLUDED: "cyan",
    DORMANT: "yellow",
    NOT_EXPECTED: "cyan",
}
_BEFORE_ITS_JOB = (Progress.HELD, Progress.COMMITTED, Progress.EVALUATING, Progress.NOT_BEGUN, DORMANT)


class _Section(Struct):
    """A label with lines. If the whole is too long, the sections with the highest `rank` lose lines first."""

    label: str
    lines: list[str]
    rank: int
    style: str = ""


def print_explanation(out: Output, explanation: Explanation, zones: str = "") -> None:
    """Print the explanation. It is readable at 80 columns. `--json` has the parts that do not fit.

    zones: the database of time zones with which the command computes, which may not be that of the functions.
    """
    zone = ZoneInfo(explanation.zone)
    moment = show_moment(explanation.at.replace(microsecond=0), zone)
    state: Part = (_STYLES.get(explanation.state, "cyan"), explanation.state)
    verb = "is" if explanation.read_at is None else "would be"
    begin = f"{explanation.pipeline} {explanation.date} "
    # This state is a verb of its own.
    out.line(begin if explanation.state == DORMANT else f"{begin}{verb} ", state, f" at {moment}")
    for section in _fitted(list(_sections(explanation, zone, out.width - _LABEL, zones))):
        for place, line in enumerate(section.lines):
            label = f"{section.label if place == 0 else '':<{_LABEL}}"
            out.line(("dim", label), (section.style, line) if section.style else line)


def _fitted(sections: list[_Section]) -> list[_Section]:
    """The sections without empty ones, cut to the lines of a terminal below the title."""
    found = [section for section in sections if section.lines]
    while sum(len(section.lines) for section in found) > MOST_LINES - 1:
        longest = max((one for one in found if len(one.lines) > 1), key=lambda one: one.rank)
        longest.lines.pop()
        longest.lines[-1] = f"{longest.lines[-1].removesuffix(' …')} …"
    return found


def _sections(explanation: Explanation, zone: ZoneInfo, width: int, zones: str) -> Iterator[_Section]:
    def section(label: str, rank: int, *texts: str, style: str = "") -> _Section:
        lines = [line for text in texts if text for line in _wrapped(text, width)]
        return _Section(label, lines, rank, style)

    yield section("because", 2, _reason(explanation))
    if explanation.paused != explanation.reason:
        yield section("paused", 2, explanation.paused)
    yield section("assumed", 3, *explanation.assumed)
    yield section("schedule", 5, _schedule(explanation, zone))
    yield section("zones", 8, zones, style="dim")
    yield section("trigger", 6, *_trigger(explanation, zone))
    yield section("rules", 4, *_rules(explanation, zone))
    yield section("attempts", 5, _attempts(explanation))
    yield section("waits", 3, _waits(explanation, zone))
    yield section("deadline", 3, *(_deadline(clock, explanation, zone) for clock in explanation.sla))
    yield section("log", 7, *(_log(explanation, zone)))
    yield section("rerun", 5, f"a manual request now is {explanation.rerun}" if explanation.rerun else "")
    yield section("next", 1, explanation.decision, style="bold")
    yield section("to change", 2, as_called("; ".join(explanation.changes)))


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines. It is escaped first, so that no line is longer than its place."""
    return textwrap.wrap(shown(text), max(width, 20), break_on_hyphens=False, subsequent_indent="  ")


def _reason(explanation: Explanation) -> str:
    """The reason. The rules of a held run have lines of their own."""
    failing = sum(not rule.passed for rule in explanation.rules)
    if explanation.state == Progress.HELD and failing and explanation.reason != explanation.paused:
        number = len(explanation.rules)
        return f"{failing} of {number} rules do{'es' * (failing == 1)} not hold ({explanation.enough} must hold)"
    return explanation.reason


def _schedule(explanation: Explanation, zone: ZoneInfo) -> str:
    kind = f"cron {explanation.cron}" if explanation.cron else "by its data"
    begins = explanation.begins_at
    word = "fires" if explanation.cron else "begins"
    parts = [f"{kind} in {explanation.zone}"]
    if begins is not None and explanation.state != NOT_EXPECTED:
        parts.append(f"{word} {_moment(begins, explanation, zone)}")
    if explanation.next_open_day is not None:
        parts.append(f"the next open day is {explanation.next_open_day:%A} {explanation.next_open_day}")
    elif explanation.excluded_by is not None:
        parts.append("no day of the next year is open")
    return ", ".join(parts)


def _trigger(explanation: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """The trigger, for a date that has not begun. It is left out if the reason has its sentence already."""
    trigger = explanation.trigger
    if trigger is None:
        return
    if explanation.state not in (Progress.NOT_BEGUN, DORMANT):
        yield f"{trigger.key} {trigger.demand}"
        return
    if trigger.sentence not in explanation.reason:
        yield trigger.sentence
    yield _row(trigger, explanation.at, zone)


def _rules(explanation: Explanation, zone: ZoneInfo) -> Iterator[str]:
    may_run = explanation.state == NOT_EXPECTED and explanation.rerun == ACCEPTED
    at = explanation.rules_at
    if at is not None:
        yield f"as they were {_moment(at, explanation, zone)}"
    elif explanation.state not in _BEFORE_ITS_JOB and not may_run:
        return
    at = at or explanation.at
    lines: list[str] = []
    failing = [rule for rule in explanation.rules if not rule.passed]
    for place, rule in enumerate(failing):
        if len(lines) >= _MOST_RULE_LINES and place < len(failing) - 1:
            lines.append(f"and {len(failing) - place} more that do not hold (--json lists all)")
            break
        lines.append(f"not: {rule.sentence}")
        if rule.row is not None:
            lines.append(f"  {_row(rule, at, zone)}")
    held = [rule for rule in explanation.rules if rule.passed]
    yield from lines
    if held:
        yield f"ok: {'; '.join(_held_in_short(rule) for rule in held)}"


def _held_in_short(rule: RuleReading) -> str:
    words = f"{rule.key} {rule.demand}"
    if rule.field == "updatedAt" and rule.age_seconds is not None:
        return f"{words} ({show_age(abs(rule.age_seconds))} old)"
    return f"{words} ({rule.observed})" if rule.observed is not None and rule.field is not None else words


def _row(rule: RuleReading, now: datetime, zone: ZoneInfo) -> str:
    if rule.row is None:
        return ""
    parts = [f"row {rule.row}", f"of {rule.row_date}" if rule.row_date else "without a date"]
    if rule.updated_at is not None and rule.age_seconds is not None:
        age, word = abs(rule.age_seconds), "old" if rule.age_seconds >= 0 else "ahead"
        at = show_moment(rule.updated_at.replace(microsecond=0), zone, utc_too=False, now=now)
        parts.append(f"written {at} ({show_age(age)} {word})")
    return ", ".join(parts) + (", kept by the date" if rule.is_kept else "")


def _attempts(explanation: Explanation) -> str:
    used = (f"{one.name} {one.used} of {one.allowed}" for one in explanation.budgets)
    return f"attempt {explanation.attempt}; {', '.join(used)}" if explanation.budgets else ""


def _waits(explanation: Explanation, zone: ZoneInfo) -> str:
    parts = []
    if explanation.held_since is not None:
        parts.append(f"held since {_short(explanation.held_since, explanation, zone)}")
    if explanation.next_look is not None:
        parts.append(f"looks again by {_short(explanation.next_look, explanation, zone)}")
    if explanation.changes_at is not None:
        parts.append(f"an age rule changes by itself {_short(explanation.changes_at, explanation, zone)}")
    if explanation.until is not None:
        seconds = (explanation.until - explanation.at).total_seconds()
        left = f"{show_span(seconds)} left" if seconds > 0 else f"{show_span(-seconds)} over"
        parts.append(f"until {_moment(explanation.until, explanation, zone)}: {left}")
    return ", ".join(parts)


def _deadline(clock: SlaReport, explanation: Explanation, zone: ZoneInfo) -> str:
    name = "" if clock.clock is Clock.ABSOLUTE else "relative: "
    text = f"{name}by {_moment(clock.breach_at, explanation, zone)}: {_standing(clock, explanation, zone)}"
    if clock.moved_from is not None:
        text += f", moved over excluded days from {_short(clock.moved_from, explanation, zone)}"
    if clock.warning_at is not None and clock.verdict == "open" and clock.breach_at > explanation.at:
        text += f", warning {_moment(clock.warning_at, explanation, zone)}"
    return text


def _standing(clock: SlaReport, explanation: Explanation, zone: ZoneInfo) -> str:
    read_at = explanation.read_at
    if clock.judged_at is not None:
        if clock.verdict == "met":
            return f"met {_short(clock.judged_at, explanation, zone)}"
        if read_at is not None and clock.judged_at > read_at:
            return "would be breached. A later success does not change it"
        return f"breached, judged {_short(clock.judged_at, explanation, zone)}. A later success does not change it"
    if not clock.counts:
        return "not judged, since the pipeline had no such deadline then"
    if explanation.state == Progress.COMPLETED:
        return "not judged"
    if explanation.state == NOT_EXPECTED:
        return "not judged, since the date is not expected"
    seconds = (clock.breach_at - explanation.at).total_seconds()
    if seconds > 0:
        return f"{show_span(seconds)} left"
    if explanation.state == Progress.FAILED:
        return "not judged, since the run failed before it"
    return (
        "breached, unless the job succeeds before"
        if read_at is not None
        else f"{show_span(-seconds)} over, not judged yet"
    )


def _log(explanation: Explanation, zone: ZoneInfo) -> Iterator[str]:
    for entry in reversed(explanation.log):
        yield f"{_short(entry.at, explanation, zone)} {entry.event}{f': {entry.text}' if entry.text else ''}"


def _short(moment: datetime, explanation: Explanation, zone: ZoneInfo) -> str:
    return _moment(moment, explanation, zone, utc_too=False)


def _moment(moment: datetime, explanation: Explanation, zone: ZoneInfo, *, utc_too: bool = True) -> str:
    return show_moment(moment.replace(microsecond=0), zone, utc_too=utc_too, now=explanation.at)
