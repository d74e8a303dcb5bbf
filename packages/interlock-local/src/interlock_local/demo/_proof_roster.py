"""Checks the reports about the roster that never arrives: one warning, one breach on India's clock, one miss."""

from datetime import datetime

from interlock_local.demo._evidence import Evidence
from interlock_local.demo._finding import Finding, counted
from interlock_local.demo._script import ROSTER
from interlock_sla import Clock, Outcome

_OF_THE_SLA = ("SLA_WARNING", "SLA_BREACH", "SLA_MET", "RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH")


def prove_roster(evidence: Evidence) -> list[Finding]:
    """The deadline in another zone, and the missed schedule."""
    return [_breached_once(evidence), _missed_once(evidence)]


def _breached_once(evidence: Evidence) -> Finding:
    roster = evidence.roster
    one = (ROSTER, str(roster.key.date))
    counts = evidence.counts(one)
    found = {name: counts[name] for name in _OF_THE_SLA}
    warnings, breaches = evidence.of_type(one, "SLA_WARNING"), evidence.of_type(one, "SLA_BREACH")
    verdict = evidence.verdicts[one].clocks.get(Clock.ABSOLUTE)
    holds = (
        list(found.values()) == [1, 1, 0, 0, 0]
        and roster.warned_from <= warnings[0].at < roster.due_at <= breaches[0].at
        and all(datetime.fromisoformat(str(event.detail["breachAt"])) == roster.due_at for event in breaches)
        and verdict is not None
        and verdict.outcome is Outcome.BREACH
        and not any(pipeline == ROSTER for pipeline, _ in evidence.runs)
    )
    late = f", reported {(breaches[0].at - roster.due_at).total_seconds():.0f} s after it" if breaches else ""
    seen = counted((name, count) for name, count in found.items() if count) or "no event"
    return Finding(f"{ROSTER} never arrived: one warning, one breach at {roster.clock}", holds, seen + late)


def _missed_once(evidence: Evidence) -> Finding:
    roster = evidence.roster
    one = (ROSTER, str(roster.key.date))
    missed = evidence.of_type(one, "SCHEDULE_MISSED")
    holds = (
        len(missed) == 1
        and missed[0].at >= roster.due_at
        and datetime.fromisoformat(str(missed[0].detail["expectedAt"])) == roster.due_at
    )
    seen = "; ".join(event.message for event in missed) or "not reported"
    return Finding(f"the schedule of {ROSTER} was missed, reported once", holds, seen)
