"""Whether bronze's shadow said what bronze did, on the data on which bronze did it, and started nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from interlock_local.demo._evidence import Evidence, Told
from interlock_local.demo._finding import Finding, counted
from interlock_local.demo._script import BRONZE, SHADOW

_STREAM_GRAIN = timedelta(seconds=1)
"""The time of a stream record, which is the shadow's time, is told in whole seconds."""

_LANDING = "landing"
_OBSERVED = ("DRY_RUN_WOULD_TRIGGER", "DRY_RUN_SLA_PROJECTION", "DRY_RUN_COMPLETED")


def prove_shadow(evidence: Evidence) -> list[Finding]:
    """Once for every hour, on the facts of the live twin, with its breach and its drift; and no job."""
    return [
        _every_hour_once(evidence),
        _on_the_facts_of_the_live_run(evidence),
        _the_same_breach(evidence),
        _the_same_drift(evidence),
        _started_nothing(evidence),
    ]


def _every_hour_once(evidence: Evidence) -> Finding:
    dates = evidence.script.dates
    counts = [evidence.counts((SHADOW, date)) for date in dates]
    once = {kind: sum(found[kind] == 1 for found in counts) for kind in _OBSERVED}
    more = {kind: sum(found[kind] > 1 for found in counts) for kind in _OBSERVED}
    holds = set(once.values()) == {len(dates)}
    seen = counted(once.items()) + (f"; more than once: {counted(more.items())}" if any(more.values()) else "")
    return Finding("the shadow observed every hour, once", holds, seen)


def _on_the_facts_of_the_live_run(evidence: Evidence) -> Finding:
    """The shadow decided on the live twin's data, once that was whole, and told no later moment than its arrival.

    How much later the live run passed is shown and not judged: its execution has to start, a held run looks every
    5 s. Nor can the shadow's moment be too early: a router that lags reads, with a record, what has come since.
    """
    dates = evidence.script.dates
    moments = {date: (_would(evidence, date), _passed(evidence, date)) for date in dates}
    gaps = [(passed - would).total_seconds() for would, passed in moments.values() if would and passed]
    unlike = [date for date in dates if not _are_alike(evidence, date)]
    late = [date for date, (would, _) in moments.items() if would and not _is_by_arrival(evidence, date, would)]
    shown = f"the live run passed {median(gaps or [0]):.1f} s (at most {max(gaps, default=0):.1f} s) later"
    wrong = [f"{what}: {', '.join(found)}" for what, found in (("other data", unlike), ("too late", late)) if found]
    return Finding(
        "the shadow would have triggered on the data on which the live run did",
        len(gaps) == len(dates) and not wrong,
        "; ".join([f"{len(gaps)} compared; {shown}", *wrong]),
    )


def _are_alike(evidence: Evidence, date: str) -> bool:
    """Whether both baselines, taken when the rules held, hold the same landing sensor, and that says "whole".

    Bronze's rerun has replaced the amended hour's baseline; what both had before is compared with the drift.
    """
    shadow, live = (evidence.baselines.get((name, date), {}).get(_LANDING) for name in (SHADOW, BRONZE))
    is_whole = isinstance(shadow, Mapping) and shadow.get("missing_rows") == 0
    return is_whole and (date == evidence.script.amended or shadow == live)


def _is_by_arrival(evidence: Evidence, date: str, would: datetime) -> bool:
    came_at = evidence.whole.get(date)
    return came_at is not None and would <= came_at + _STREAM_GRAIN


def _would(evidence: Evidence, date: str) -> datetime | None:
    told = evidence.told((SHADOW, date), "DRY_RUN_WOULD_TRIGGER")
    return _moment(told[0], "triggeredAt") if told else None


def _passed(evidence: Evidence, date: str) -> datetime | None:
    """When the rules of the hour's first attempt held."""
    told = evidence.told((BRONZE, date), "VALIDATION_PASSED")
    return min((event.at for event in told), default=None)


def _moment(event: Told, name: str) -> datetime:
    return datetime.fromisoformat(str(event.detail[name]))


def _the_same_breach(evidence: Evidence) -> Finding:
    projected = {
        date: str(event.detail.get("status"))
        for date in evidence.script.dates
        for event in evidence.told((SHADOW, date), "DRY_RUN_SLA_PROJECTION")
    }
    missed = [date for date, status in projected.items() if status == "breach"]
    met = sum(status == "met" for status in projected.values())
    holds = missed == [evidence.script.late] and met == len(evidence.script.dates) - 1
    seen = f"breach: {', '.join(missed) or 'none'}; met: {met}"
    return Finding("the shadow projected the one breach, and no other", holds, seen)


def _the_same_drift(evidence: Evidence) -> Finding:
    amended = evidence.script.amended
    shadow = {date: evidence.told((SHADOW, date), "DRY_RUN_DRIFT") for date in evidence.script.dates}
    live = evidence.told((BRONZE, amended), "POST_RUN_DRIFT")
    found = [date for date, events in shadow.items() if events]
    same = [event.detail for event in shadow[amended]] == [event.detail for event in live]
    return Finding(
        f"the shadow saw the drift of {amended} as the live run did",
        found == [amended] and len(live) == 1 and same,
        "; ".join(event.message for event in shadow[amended]) or "no drift",
    )


def _started_nothing(evidence: Evidence) -> Finding:
    runs = sum(pipeline == SHADOW for pipeline, _ in evidence.runs)
    starts = sum(start["pipeline"] == SHADOW for start in evidence.starts)
    reruns = sum(len(reasons) for (pipeline, _), reasons in evidence.reruns.items() if pipeline == SHADOW)
    kinds = {event.type for (pipeline, _), events in evidence.events.items() if pipeline == SHADOW for event in events}
    live = sorted(kind for kind in kinds if not kind.startswith("DRY_RUN_"))
    holds = not (runs or starts or reruns or evidence.shadow_timers or live)
    seen = f"{runs} runs, {starts} starts, {reruns} reruns, {len(evidence.shadow_timers)} timers"
    return Finding("the shadow started nothing", holds, seen + (f"; events: {', '.join(live)}" if live else ""))
