"""What each kind of alert means for a person: how bad it is, and what to do."""

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How bad it is, as the mark that opens the message."""

    CRITICAL = "🔴"
    WARNING = "🟠"
    NOTICE = "🔵"
    GOOD = "🟢"


class Advice(Struct, frozen=True):
    """The severity of a type of alert, and the hint; `{pipeline}` and `{date}` in it stand for the alert's."""

    severity: Severity
    hint: str


_CRITICAL, _WARNING, _NOTICE, _GOOD = Severity

_LOOK = "interlock status {pipeline}"
_RERUN = "interlock rerun {pipeline} {date}"
_DRY = "Dry run: nothing was started."

_ADVICE: dict[str, Advice] = {
    # Runs that ended without success.
    "JOB_FAILED": Advice(_WARNING, f"Read the job's log; the retries that are left start by themselves ({_LOOK})."),
    "RETRY_EXHAUSTED": Advice(_CRITICAL, f"No retry is left: mend the cause, then {_RERUN}."),
    "VALIDATION_EXHAUSTED": Advice(
        _CRITICAL, f"The rules did not hold in time: mend the data or the rules, then {_RERUN}."
    ),
    "JOB_POLL_EXHAUSTED": Advice(
        _CRITICAL, f"The job may still run: look at the job itself, and stop it before {_RERUN}."
    ),
    "INFRA_FAILURE": Advice(_CRITICAL, f"Interlock could not go on: look at the orchestrator's log, then {_RERUN}."),
    "SFN_TIMEOUT": Advice(
        _CRITICAL, f"The run took longer than it may: see whether the job still runs, then {_RERUN}."
    ),
    "SENSOR_DEADLINE_EXPIRED": Advice(
        _CRITICAL, f"The trigger's window closed without its sensor: ask the data's owner, then {_RERUN}."
    ),
    "CONFIG_INVALID": Advice(_CRITICAL, "The pipeline is held: mend its file (interlock validate), then push it."),
    # Runs that never began.
    "SCHEDULE_MISSED": Advice(
        _CRITICAL, f"No sensor came for a scheduled run: see why the data is not there ({_LOOK})."
    ),
    "IRREGULAR_SCHEDULE_MISSED": Advice(
        _CRITICAL, f"No run began on a listed date: see why the data is not there ({_LOOK})."
    ),
    "PIPELINE_EXCLUDED": Advice(_NOTICE, "Excluded by its calendar; nothing to do unless that date should have run."),
    # Service levels.
    "SLA_WARNING": Advice(_WARNING, f"Check what the run waits for before the deadline passes ({_LOOK})."),
    "SLA_BREACH": Advice(_CRITICAL, f"Tell the consumers, then find what held the run ({_LOOK})."),
    "RELATIVE_SLA_WARNING": Advice(_WARNING, f"The run is taking long: check what it waits for ({_LOOK})."),
    "RELATIVE_SLA_BREACH": Advice(
        _CRITICAL, f"The run took too long since its first sensor: tell the consumers, then find out why ({_LOOK})."
    ),
    "SLA_MET": Advice(_GOOD, "Nothing to do."),
    # Good ends and mends.
    "JOB_COMPLETED": Advice(_GOOD, "Nothing to do."),
    "TRIGGER_RECOVERED": Advice(_WARNING, "The watchdog set it right; if it happens often, look at the stream-router."),
    # Data that changed.
    "LATE_DATA_ARRIVAL": Advice(_WARNING, f"Data came after the run; a rerun is asked for by itself ({_LOOK})."),
    "POST_RUN_DRIFT": Advice(_WARNING, f"The data changed after the run; a rerun is asked for by itself ({_LOOK})."),
    "POST_RUN_DRIFT_INFLIGHT": Advice(_NOTICE, "The data changed while the job ran; the check after the run decides."),
    "POST_RUN_FAILED": Advice(
        _WARNING, f"The result does not pass its checks: look at it before anybody uses it ({_LOOK})."
    ),
    "POST_RUN_SENSOR_MISSING": Advice(_WARNING, "Nobody reported on the result: see whether its checker runs."),
    "BASELINE_CAPTURE_FAILED": Advice(_WARNING, "Drift of this run cannot be seen: look at the orchestrator's log."),
    # Reruns.
    "RERUN_ACCEPTED": Advice(_NOTICE, f"A rerun has begun; nothing to do ({_LOOK})."),
    "RERUN_REJECTED": Advice(
        _WARNING, "The reason says why; a rerun needs newer data, or a larger budget in the file."
    ),
    # Interlock itself.
    "WATCHDOG_DEGRADED": Advice(_CRITICAL, "Some safety checks did not run: look at the watchdog's log."),
    "INFRA_ALARM": Advice(_CRITICAL, "A CloudWatch alarm went off: look at the alarm and the function that it names."),
    # Shadow mode.
    "DRY_RUN_WOULD_TRIGGER": Advice(_NOTICE, f"{_DRY} A live pipeline would have started its job."),
    "DRY_RUN_LATE_DATA": Advice(_NOTICE, f"{_DRY} Data came after the observed start."),
    "DRY_RUN_SLA_PROJECTION": Advice(_NOTICE, f"{_DRY} Compare the projection with the real pipeline's end."),
    "DRY_RUN_DRIFT": Advice(_NOTICE, f"{_DRY} A live pipeline would have been rerun for this drift."),
    "DRY_RUN_COMPLETED": Advice(_NOTICE, f"{_DRY} The observation of this period has ended."),
    "DRY_RUN_WOULD_RERUN": Advice(_NOTICE, f"{_DRY} A live pipeline would have been rerun."),
    "DRY_RUN_RERUN_REJECTED": Advice(_NOTICE, f"{_DRY} A live pipeline would have refused this rerun."),
    "DRY_RUN_WOULD_RETRY": Advice(_NOTICE, f"{_DRY} A live pipeline would have retried."),
    "DRY_RUN_RETRY_EXHAUSTED": Advice(_NOTICE, f"{_DRY} A live pipeline would have given up."),
}
_UNKNOWN = Advice(_WARNING, f"This kind of alert is new here: read the event (interlock events {{pipeline}}; {_LOOK}).")

KNOWN_TYPES = frozenset(_ADVICE)
"""The types of alert that have advice of their own."""


def advice_for(alert_type: str) -> Advice:
    """The advice for a type; a type that nobody foresaw is a warning."""
    return _ADVICE.get(alert_type, _UNKNOWN)
