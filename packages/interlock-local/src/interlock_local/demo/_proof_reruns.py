"""Checks that runs were repeated only after new data, after failures, and on a justified request."""

from interlock_lifecycle import RerunReason
from interlock_local.demo._evidence import Evidence
from interlock_local.demo._finding import Finding, counted
from interlock_local.demo._operators import FIXED
from interlock_local.demo._script import BROKEN_ATTEMPTS, BRONZE, SILVER


def prove_reruns(evidence: Evidence) -> list[Finding]:
    """The results for the amended file, the hour that failed for good, and the rerun that was not needed."""
    return [
        _amended_file_was_drift(evidence),
        _bronze_s_rerun_was_late_data(evidence),
        _broken_hour_failed_for_good(evidence),
        _fixed_hour_was_rerun(evidence),
        _unchanged_hour_was_not_rerun(evidence),
    ]


def _amended_file_was_drift(evidence: Evidence) -> Finding:
    one = (BRONZE, evidence.script.amended)
    drifts, reruns = evidence.of_type(one, "POST_RUN_DRIFT"), list(evidence.reruns[one])
    completions, amended_at = evidence.of_type(one, "JOB_COMPLETED"), evidence.rests.get(one[1])
    holds = (
        len(drifts) == 1
        and reruns == [RerunReason.DATA_DRIFT]
        and evidence.is_completed(one)
        and amended_at is not None
        and len(completions) == 2
        and completions[0].at < amended_at < completions[1].at
    )
    seen = "; ".join([*(event.message for event in drifts), f"reruns: {', '.join(reruns) or 'none'}"])
    return Finding(f"{one[1]} was amended after its run: drift, and bronze ran again", holds, seen)


def _bronze_s_rerun_was_late_data(evidence: Evidence) -> Finding:
    one = (SILVER, evidence.script.amended)
    late, reruns = evidence.of_type(one, "LATE_DATA_ARRIVAL"), list(evidence.reruns[one])
    holds = len(late) == 1 and reruns == [RerunReason.LATE_DATA] and evidence.is_completed(one)
    seen = f"{len(late)} LATE_DATA_ARRIVAL; reruns: {', '.join(reruns) or 'none'}"
    return Finding(f"{one[1]}: bronze's new rows were late data, and silver ran again", holds, seen)


def _broken_hour_failed_for_good(evidence: Evidence) -> Finding:
    one = (BRONZE, evidence.script.broken)
    counts = evidence.counts(one)
    found = {name: counts[name] for name in ("JOB_FAILED", "RETRY_EXHAUSTED")}
    retries = list(evidence.reruns[one]).count(RerunReason.JOB_FAIL_RETRY)
    holds = list(found.values()) == [BROKEN_ATTEMPTS, 1] and retries == BROKEN_ATTEMPTS - 1
    seen = f"{counted(found.items())}, {retries} retries"
    return Finding(f"{one[1]} failed for good when its retries were used up", holds, seen)


def _fixed_hour_was_rerun(evidence: Evidence) -> Finding:
    one = (BRONZE, evidence.script.broken)
    accepted, reruns = evidence.of_type(one, "RERUN_ACCEPTED"), list(evidence.reruns[one])
    run = evidence.runs.get(one)
    holds = len(accepted) == 1 and reruns[-1:] == [FIXED] and evidence.is_completed(one)
    seen = f"{accepted[0].message}; {run.status.lower()}" if accepted and run else "no rerun accepted"
    return Finding(f"{one[1]} was rerun on request, after its source was fixed", holds, seen)


def _unchanged_hour_was_not_rerun(evidence: Evidence) -> Finding:
    one = (BRONZE, evidence.script.unchanged)
    rejected = evidence.of_type(one, "RERUN_REJECTED")
    holds = (
        len(rejected) == 1
        and "no sensor was updated since" in rejected[0].message
        and not evidence.reruns[one]
        and evidence.is_completed(one)
    )
    seen = "; ".join(event.message for event in rejected) or "no rejection"
    return Finding(f"{one[1]} was not rerun, since its data was unchanged", holds, seen)
