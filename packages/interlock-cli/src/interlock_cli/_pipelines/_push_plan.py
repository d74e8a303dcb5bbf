"""The changes that a push would make, compared with the tables."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import UNSET, Struct

from interlock_cli._output._console import Output, Part
from interlock_cli._pipelines._differences import Difference, differences
from interlock_config import (
    AlertRules,
    ConfigError,
    PipelineConfig,
    decode_alerts,
    decode_calendar,
    decode_json,
    encode_alerts,
    encode_calendar,
    encode_json,
)
from interlock_sla import Calendar
from interlock_store import Store

_COLOURS = {"added": "green", "changed": "yellow", "removed": "red", "unchanged": "dim"}
_LONGEST_VALUE = 60


class PlannedChange(Struct, frozen=True):
    """A document of a push. kind: pipeline, calendar or alerts. action: added, changed, removed or unchanged."""

    kind: str
    name: str
    action: str
    differences: tuple[Difference, ...] = ()


def plan_push(
    store: Store, documents: Iterable[PipelineConfig | Calendar | AlertRules], *, prune: bool
) -> list[PlannedChange]:
    """The change of each document, then with `prune` the pipelines of the deployment that no file names."""
    found = [_planned(store, one) for one in documents]
    if prune:
        named = {one.name for one in found if one.kind == "pipeline"}
        found += [PlannedChange("pipeline", name, "removed") for name in store.pipelines() if name not in named]
    return found


def _planned(store: Store, document: PipelineConfig | Calendar | AlertRules) -> PlannedChange:
    if isinstance(document, PipelineConfig):
        stored = store.stored_text(f"PIPELINE#{document.id}")
        return _compared("pipeline", document.id, stored, encode_json(document), _pipeline_again)
    if isinstance(document, Calendar):
        stored = store.stored_text(f"CALENDAR#{document.name}")
        return _compared("calendar", document.name, stored, encode_calendar(document), _calendar_again)
    return _compared("alerts", "alerts.yaml", store.alerts_text(), encode_alerts(document), _alerts_again)


def _pipeline_again(stored: str) -> str:
    return encode_json(decode_json(stored, "stored config"))


def _calendar_again(stored: str) -> str:
    return encode_calendar(decode_calendar(stored, "stored calendar"))


def _alerts_again(stored: str) -> str:
    return encode_alerts(decode_alerts(stored))


def _compared(kind: str, name: str, stored: str | None, text: str, again: Callable[[str], str]) -> PlannedChange:
    """The change of a document. again: the stored text as `push` would write it now. An unreadable one is a text."""
    if stored is None:
        return PlannedChange(kind, name, "added")
    try:
        before = json.loads(again(stored))
    except ConfigError:
        before = stored
    found = tuple(differences(before, json.loads(text)))
    return PlannedChange(kind, name, "changed" if found else "unchanged", found)


def print_plan(out: Output, plan: Iterable[PlannedChange]) -> None:
    """Print each document that changes with its differences, and the number of those that do not."""
    counts = dict.fromkeys(_COLOURS, 0)
    for one in plan:
        counts[one.action] += 1
        if one.action == "unchanged":
            continue
        out.line((_COLOURS[one.action], one.action), f" {one.kind} {one.name}")
        for parts in _lines(one.differences):
            out.line("  ", *parts)
    out.line(", ".join(f"{number} {action}" for action, number in counts.items()))


def _lines(found: Iterable[Difference]) -> Iterator[list[Part]]:
    for one in found:
        if one.before is UNSET:
            yield [("green", f"+ {one.path}: "), _short(one.after)]
        elif one.after is UNSET:
            yield [("red", f"- {one.path}: "), _short(one.before)]
        else:
            yield [("yellow", f"~ {one.path}: "), f"{_short(one.before)} -> {_short(one.after)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def wire_plan(plan: Iterable[PlannedChange]) -> list[dict[str, Any]]:
    """The plan as JSON. An absent value has no key."""
    return [
        {
            "kind": one.kind,
            "name": one.name,
            "action": one.action,
            "differences": [_wire(each) for each in one.differences],
        }
        for one in plan
    ]


def _wire(one: Difference) -> dict[str, Any]:
    values = {"before": one.before, "after": one.after}
    return {"path": one.path, **{name: value for name, value in values.items() if value is not UNSET}}
