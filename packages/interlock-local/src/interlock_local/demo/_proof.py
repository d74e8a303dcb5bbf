"""Checks each expectation of the demo against tables, files and Slack messages."""

import re
from collections import Counter
from datetime import datetime

from interlock_lifecycle import RerunReason
from interlock_local.demo._evidence import Evidence, One
from interlock_local.demo._finding import Finding, counted
from interlock_local.demo._proof_dry_run import prove_dry_run
from interlock_local.demo._proof_reruns import prove_reruns
from interlock_local.demo._proof_roster import prove_roster
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, ROSTER
from interlock_sla import Clock, Outcome


def prove(evidence: Evidence) -> list[Finding]:
    """The results of all expectations of the demo."""
    return [
        _all_completed(evidence),
        _one_start_per_attempt(evidence),
        _each_completion_is_one_event(evidence),
        _short_hour_was_held(evidence),
        _short_hour_ran_after_the_rest(evidence),
        _flaky_hour_was_retried(evidence),
        _late_hour_breached_once(evidence),
        _others_met_their_sla(evidence),
        _gold_waited_for_its_hours(evidence),
        _gold_counts_every_departure(evidence),
        *prove_reruns(evidence),
        *prove_dry_run(evidence),
        *prove_roster(evidence),
        _alerts_reached_slack(evidence),
        _heads_state_the_end(evidence),
    ]


def _all_completed(evidence: Evidence) -> Finding:
    expected = evidence.script.runs
    done = sum(evidence.is_completed(one) for one in expected)
    return Finding("every run completed, with its last attempt", done == len(expected), f"{done} of {len(expected)}")


def _one_start_per_attempt(evidence: Evidence) -> Finding:
    script = evidence.script
    started = Counter((start["pipeline"], start["date"], int(start["attempt"])) for start in evidence.starts)
    wanted = {(*one, attempt) for one in script.runs for attempt in range(script.attempts(one))}
    holds = set(started) == wanted and set(started.values()) == {1}
    seen = f"{started.total()} starts of {len(started)} attempts (expected {len(wanted)})"
    return Finding("each attempt started its job exactly once, and no other job started", holds, seen)


def _each_completion_is_one_event(evidence: Evidence) -> Finding:
    """Each run completes once, except the runs that new data repeats."""
    amended = evidence.script.amended
    expected = evidence.script.runs
    right = sum(len(evidence.of_type(one, "JOB_COMPLETED")) == (2 if one[1] == amended else 1) for one in expected)
    return Finding("each completion is one event", right == len(expected), f"{right} of {len(expected)} runs")


def _short_hour_was_held(evidence: Evidence) -> Finding:
    short = evidence.script.short
    named = sorted(reason for reason in evidence.holds.get((BRONZE, short), ()) if "missing_rows" in reason)
    return Finding(f"{short} was held, with its reason", bool(named), "; ".join(named[:1]) or "no hold seen")


def _short_hour_ran_after_the_rest(evidence: Evidence) -> Finding:
    short = evidence.script.short
    run, rest = evidence.runs.get((BRONZE, short)), evidence.rests.get(short)
    intent = run.job_intent if run else None
    holds = intent is not None and rest is not None and intent.committed_at > rest
    seen = f"started {(intent.committed_at - rest).total_seconds():.1f} s later" if intent and rest else "not seen"
    return Finding(f"{short} started only after the rest had arrived", holds, seen)


def _flaky_hour_was_retried(evidence: Evidence) -> Finding:
    one = (BRONZE, evidence.script.flaky)
    failures, reruns = len(evidence.of_type(one, "JOB_FAILED")), list(evidence.reruns[one])
    holds = failures == 1 and evidence.is_completed(one) and reruns == [RerunReason.JOB_FAIL_RETRY]
    seen = f"{failures} failure, then {', '.join(reruns) or 'no rerun'}"
    return Finding(f"{one[1]} failed once and its retry succeeded", holds, seen)


def _late_hour_breached_once(evidence: Evidence) -> Finding:
    one = (BRONZE, evidence.script.late)
    verdict = evidence.verdicts[one].clocks.get(Clock.RELATIVE)
    counts = evidence.counts(one)
    found = {name: counts[name] for name in ("RELATIVE_SLA_WARNING", "RELATIVE_SLA_BREACH", "SLA_MET")}
    breached = verdict is not None and verdict.outcome is Outcome.BREACH
    return Finding(
        f"{one[1]} came too late: one warning, one breach, never met",
        breached and list(found.values()) == [1, 1, 0],
        counted(found.items()),
    )


def _others_met_their_sla(evidence: Evidence) -> Finding:
    late = (BRONZE, evidence.script.late)
    with_sla = [one for one in evidence.script.runs if one[0] in (BRONZE, GOLD) and one != late]
    met = sum(_counts_of_sla(evidence, one) == (1, 0) for one in with_sla)
    slow = sum(_counts_of_sla(evidence, one) == (0, 1) and _outlasted_its_sla(evidence, one) for one in with_sla)
    excused = f"; {slow} breached, since this machine ran them too late" if slow else ""
    seen = f"{met} of {len(with_sla)}{excused}"
    return Finding("every other deadline was met in time, reported once", met + slow == len(with_sla), seen)


def _counts_of_sla(evidence: Evidence, one: One) -> tuple[int, int]:
    """The numbers of met and breached clocks of a run."""
    counts = evidence.counts(one)
    return counts["SLA_MET"], counts["RELATIVE_SLA_BREACH"]


def _outlasted_its_sla(evidence: Evidence, one: One) -> bool:
    """Whether the run of a date completed only after the deadline of its breach, as on a very slow machine."""
    (breach,) = evidence.of_type(one, "RELATIVE_SLA_BREACH")
    done = min((event.at for event in evidence.of_type(one, "JOB_COMPLETED")), default=None)
    return done is not None and datetime.fromisoformat(str(breach.detail["breachAt"])) < done


def _gold_waited_for_its_hours(evidence: Evidence) -> Finding:
    days = list(evidence.script.hours)
    held = [day for day in days if any("missing_hours" in why for why in evidence.holds.get((GOLD, day), ()))]
    return Finding("gold was held until its hours were complete", held == days, f"held: {', '.join(held) or 'none'}")


def _gold_counts_every_departure(evidence: Evidence) -> Finding:
    seen = ", ".join(f"{day}: {count} of {evidence.wanted[day]}" for day, count in evidence.departures.items())
    return Finding("gold counts every departure, also the amended ones", evidence.departures == evidence.wanted, seen)


def _alerts_reached_slack(evidence: Evidence) -> Finding:
    script = evidence.script
    alerts = [
        ("RELATIVE_SLA_BREACH", BRONZE, script.late),
        ("JOB_FAILED", BRONZE, script.flaky),
        ("POST_RUN_DRIFT", BRONZE, script.amended),
        ("RETRY_EXHAUSTED", BRONZE, script.broken),
        ("RERUN_REJECTED", BRONZE, script.unchanged),
        ("DRY_RUN_DRIFT", DRY_RUN, script.amended),
        ("SLA_BREACH", ROSTER, str(evidence.roster.key.date)),
        ("SCHEDULE_MISSED", ROSTER, str(evidence.roster.key.date)),
    ]
    sent = [sum(_is_about(text, *one) for text in evidence.slack) for one in alerts]
    missed = [f"{name} {count} times" for (name, _, _), count in zip(alerts, sent, strict=True) if count != 1]
    seen = f"{len(evidence.slack)} messages, {sent.count(1)} of {len(alerts)} once"
    return Finding("each of these alerts reached Slack once", not missed, "; ".join([seen, *missed]))


def _heads_state_the_end(evidence: Evidence) -> Finding:
    """A thread begins with a problem. Its first message is updated, and states the success of its run in the end."""
    ended = [text for one, text in evidence.heads.items() if evidence.is_completed(one)]
    right = sum("*resolved*" in text or "JOB_COMPLETED" in text for text in ended)
    seen = f"{right} of {len(ended)} threads"
    return Finding("the head of each Slack thread states that its run succeeded", right == len(ended) > 0, seen)


def _is_about(text: str, kind: str, pipeline: str, date: str) -> bool:
    """Whether a message is about an event. SLA_BREACH differs from RELATIVE_SLA_BREACH, and a day from its hours."""
    return all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) for word in (kind, pipeline, date))
