"""Prints a trial for a person: the dates that change or are not known, then the summary and its assumptions."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from interlock_cli._output._console import Output, Part
from interlock_cli._output._counted import counted
from interlock_cli._output._foreign import shown
from interlock_lifecycle.trials import ASSUMPTIONS, WORDS, Change, Expected, Occurrence, Trial, TriedDate

_LABEL = 10
_STYLES = {Change.SAME: "green", Change.CHANGED: "yellow", Change.NOT_KNOWN: "cyan"}


def print_trial(out: Output, source: str, trial: Trial, tried: Sequence[TriedDate], summary: Mapping[str, Any]) -> None:
    """Print the trial. It is readable at 80 columns. Dates that stay the same are only counted."""
    zone = trial.after.zone
    out.line(f"{trial.after.id}: {source}")
    out.line(f"{_moment(trial.since, zone)} to {_moment(trial.until, zone)}, times in {zone}")
    for one in tried:
        if one.change is not Change.SAME:
            _print_date(out, one, zone)
    counts = [f"{summary[str(change)]} {change}" for change in Change]
    out.line(f"{counted(len(tried), 'date')}: ", ", ".join(counts))
    for word, numbers in summary["events"].items():
        if numbers["happened"] != numbers["would"] or numbers["possible"]:
            more = f", {numbers['possible']} more possible" if numbers["possible"] else ""
            _print_lines(out, word, [f"{numbers['happened']} as it was, {numbers['would']} with the file{more}"])
    for place, text in enumerate(ASSUMPTIONS):
        _print_lines(out, "" if place else "given", _wrapped(text, out.width - _LABEL), style="dim")


def _print_date(out: Output, tried: TriedDate, zone: ZoneInfo) -> None:
    width = out.width - _LABEL
    out.line(("bold", str(tried.date)), "  ", (_STYLES[tried.change], str(tried.change)))
    _print_lines(out, "happened", _wrapped(_joined(_was(one, zone) for one in tried.happened), width))
    _print_lines(out, "would", _wrapped(_joined(_would(one, zone) for one in tried.would), width))
    reason = _reason(tried)
    if reason:
        _print_lines(out, "because", _wrapped(reason, width))
    for text in tried.unknown:
        _print_lines(out, "not known", _wrapped(text, width), style="cyan")


def _reason(tried: TriedDate) -> str:
    """The first sentence of the changed file that the record does not have, such as the rules that hold the run."""
    was = {one.message for one in tried.happened}
    kinds = {"held", "failed", "missed", "excluded", "rerun rejected"}
    news = (one.message for one in tried.would if one.is_certain and WORDS[one.type] in kinds)
    return next((text for text in news if text and text not in was), "")


def _was(one: Occurrence, zone: ZoneInfo) -> str:
    return f"{WORDS[one.type]} {_moment(one.at, zone)}"


def _would(one: Expected, zone: ZoneInfo) -> str:
    word, first = WORDS[one.type], _moment(one.earliest, zone)
    if not one.is_certain:
        return f"perhaps {word} from {first}"
    last = _moment(one.latest, zone) if one.latest is not None else first
    return f"{word} {first}" if first == last else f"{word} {first} to {last}"


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "nothing"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%m-%d %H:%M}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(shown(text, len(text)), max(width, 20), break_on_hyphens=False) or [""]


def _print_lines(out: Output, label: str, lines: Iterable[str], style: str = "") -> None:
    for place, line in enumerate(lines):
        text: Part = (style, line) if style else line
        out.line(("dim", f"{label if place == 0 else '':<{_LABEL}}"), text)
