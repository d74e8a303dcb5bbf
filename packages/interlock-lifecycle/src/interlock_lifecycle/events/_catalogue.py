"""The catalogue of events: the emitters of each type, its severity, and the next step for a person.

It is the one source for the alert filter (Terraform and the local stack), the alert-dispatcher's texts and
docs/reference/events.md. `python docs/generate.py` writes the files that are made from it.
"""

from enum import StrEnum

from msgspec import Struct


class EventType(StrEnum):
    """Every detail type of the event bus (docs/reference/events.md §3)."""

    JOB_TRIGGERED = "JOB_TRIGGERED"
    RUN_HELD = "RUN_HELD"
    VALIDATION_PASSED = "VALIDATION_PASSED"
    VALIDATION_EXHAUSTED = "VALIDATION_EXHAUSTED"
    JOB_COMPLETED = "JOB_COMPLETED"
    JOB_FAILED = "JOB_FAILED"
    RETRY_EXHAUSTED = "RETRY_EXHAUSTED"
    JOB_POLL_EXHAUSTED = "JOB_POLL_EXHAUSTED"
    INFRA_FAILURE = "INFRA_FAILURE"
    SFN_TIMEOUT = "SFN_TIMEOUT"
    TRIGGER_RECOVERED = "TRIGGER_RECOVERED"
    CONFIG_INVALID = "CONFIG_INVALID"
    LATE_DATA_ARRIVAL = "LATE_DATA_ARRIVAL"
    SENSOR_REJECTED = "SENSOR_REJECTED"
    SENSOR_UNDATED = "SENSOR_UNDATED"
    PIPELINE_EXCLUDED = "PIPELINE_EXCLUDED"
    RERUN_ACCEPTED = "RERUN_ACCEPTED"
    RERUN_REJECTED = "RERUN_REJECTED"
    POST_RUN_BASELINE_CAPTURED = "POST_RUN_BASELINE_CAPTURED"
    BASELINE_CAPTURE_FAILED = "BASELINE_CAPTURE_FAILED"
    POST_RUN_DRIFT_INFLIGHT = "POST_RUN_DRIFT_INFLIGHT"
    POST_RUN_DRIFT = "POST_RUN_DRIFT"
    POST_RUN_PASSED = "POST_RUN_PASSED"
    POST_RUN_FAILED = "POST_RUN_FAILED"
    POST_RUN_SENSOR_MISSING = "POST_RUN_SENSOR_MISSING"
    SLA_WARNING = "SLA_WARNING"
    SLA_BREACH = "SLA_BREACH"
    RELATIVE_SLA_WARNING = "RELATIVE_SLA_WARNING"
    RELATIVE_SLA_BREACH = "RELATIVE_SLA_BREACH"
    SLA_MET = "SLA_MET"
    SCHEDULE_MISSED = "SCHEDULE_MISSED"
    IRREGULAR_SCHEDULE_MISSED = "IRREGULAR_SCHEDULE_MISSED"
    SENSOR_DEADLINE_EXPIRED = "SENSOR_DEADLINE_EXPIRED"
    WATCHDOG_DEGRADED = "WATCHDOG_DEGRADED"
    ROW_CORRUPTED = "ROW_CORRUPTED"
    INFRA_ALARM = "INFRA_ALARM"
    DRY_RUN_WOULD_TRIGGER = "DRY_RUN_WOULD_TRIGGER"
    DRY_RUN_SLA_PROJECTION = "DRY_RUN_SLA_PROJECTION"
    DRY_RUN_COMPLETED = "DRY_RUN_COMPLETED"
    DRY_RUN_LATE_DATA = "DRY_RUN_LATE_DATA"
    DRY_RUN_DRIFT = "DRY_RUN_DRIFT"
    DRY_RUN_WOULD_RERUN = "DRY_RUN_WOULD_RERUN"
    DRY_RUN_RERUN_REJECTED = "DRY_RUN_RERUN_REJECTED"
    DRY_RUN_WOULD_RETRY = "DRY_RUN_WOULD_RETRY"
    DRY_RUN_RETRY_EXHAUSTED = "DRY_RUN_RETRY_EXHAUSTED"


class Severity(StrEnum):
    """The severity of an event, the most severe first. PROGRESS is not an alert: it reaches no alert channel."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"
    GOOD = "good"
    PROGRESS = "progress"


class EventKind(Struct, frozen=True):
    """One type of event.

    emitters: the services that put it on the bus. `EventBridge` transforms a CloudWatch alarm into INFRA_ALARM.
    hint: the next step for a person; `{pipeline}` and `{date}` in it are those of the event. Empty for progress.
    subject: the part of a run whose state the event reports: run, deadline, duration or result. A later event about the
    same part replaces an earlier one, and a success of the run resolves all parts. Empty for an incident of its own.
    withheld: the step that Interlock did not take because of the event. Empty if it took all.
    """

    severity: Severity
    emitters: tuple[str, ...]
    hint: str = ""
    subject: str = ""
    withheld: str = ""

    @property
    def is_alert(self) -> bool:
        """Whether the event goes to the alert queue."""
        return self.severity is not Severity.PROGRESS

    @property
    def rank(self) -> int:
        """The place of the event by its severity: 0 is the most severe. Alerts that wait are posted in this order."""
        return list(Severity).index(self.severity)


_ROUTER, _ORCHESTRATOR, _SLA_MONITOR, _WATCHDOG = "stream-router", "orchestrator", "sla-monitor", "watchdog"
_EVENTBRIDGE = "EventBridge"
_CRITICAL, _WARNING, _NOTICE, _GOOD, _PROGRESS = Severity
_STATUS = "interlock status {pipeline}"
_RERUN = "interlock rerun {pipeline} {date}"
_DRY = "Dry run: nothing was started."
_RUN, _DEADLINE, _DURATION, _RESULT = "run", "deadline", "duration", "result"

EVENT_KINDS: dict[EventType, EventKind] = {
    # The progress of a run.
    EventType.JOB_TRIGGERED: EventKind(_PROGRESS, (_ROUTER, _WATCHDOG, _ORCHESTRATOR)),
    EventType.RUN_HELD: EventKind(_PROGRESS, (_ORCHESTRATOR,)),
    EventType.VALIDATION_PASSED: EventKind(_PROGRESS, (_ORCHESTRATOR,)),
    EventType.VALIDATION_EXHAUSTED: EventKind(
        _CRITICAL,
        (_ORCHESTRATOR,),
        f"The rules did not hold in time: correct the data or the rules, then {_RERUN}.",
        _RUN,
        "The job was not started.",
    ),
    EventType.JOB_COMPLETED: EventKind(_GOOD, (_ORCHESTRATOR,), "Nothing to do.", _RUN),
    EventType.JOB_FAILED: EventKind(
        _WARNING, (_ORCHESTRATOR,), f"Read the job's log. Remaining retries start on their own ({_STATUS}).", _RUN
    ),
    EventType.RETRY_EXHAUSTED: EventKind(
        _CRITICAL,
        (_ORCHESTRATOR,),
        f"No retry is left: fix the cause, then {_RERUN}.",
        _RUN,
        "No further attempt starts.",
    ),
    EventType.JOB_POLL_EXHAUSTED: EventKind(
        _CRITICAL, (_ORCHESTRATOR,), f"The job may still run: look at the job, and stop it before {_RERUN}.", _RUN
    ),
    EventType.INFRA_FAILURE: EventKind(
        _CRITICAL,
        (_ORCHESTRATOR, _ROUTER, _WATCHDOG, _SLA_MONITOR),
        f"A step of the run could not be done: look at the orchestrator's log, then {_RERUN}.",
        _RUN,
    ),
    EventType.SFN_TIMEOUT: EventKind(
        _CRITICAL,
        (_WATCHDOG,),
        f"The run exceeded its time limit: check whether the job still runs, then {_RERUN}.",
        _RUN,
    ),
    EventType.TRIGGER_RECOVERED: EventKind(
        _WARNING, (_WATCHDOG,), "The watchdog recovered the run. If this repeats, look at the stream-router's log."
    ),
    EventType.CONFIG_INVALID: EventKind(
        _CRITICAL,
        (_ROUTER, _WATCHDOG, _ORCHESTRATOR),
        "The pipeline is held: correct its file (interlock validate), then push it.",
        _RUN,
        "No job of this pipeline starts.",
    ),
    # Sensors and reruns.
    EventType.LATE_DATA_ARRIVAL: EventKind(
        _WARNING, (_ROUTER,), f"Data arrived after the run. Interlock requests a rerun ({_STATUS}).", _RESULT
    ),
    EventType.SENSOR_REJECTED: EventKind(
        _WARNING,
        (_ROUTER,),
        f"The row opened nothing: correct its date in the producer, then write the row again ({_STATUS}).",
        withheld="No run was opened.",
    ),
    EventType.SENSOR_UNDATED: EventKind(
        _WARNING,
        (_WATCHDOG,),
        "The trigger row names no date and no time: let the producer write one with each reading.",
    ),
    EventType.PIPELINE_EXCLUDED: EventKind(
        _NOTICE,
        (_ROUTER, _WATCHDOG, _ORCHESTRATOR),
        "The calendar excludes this day. Nothing to do unless the date should have run.",
    ),
    EventType.RERUN_ACCEPTED: EventKind(
        _NOTICE, (_ROUTER, _WATCHDOG), f"A rerun has begun. Nothing to do ({_STATUS}).", _RUN
    ),
    EventType.RERUN_REJECTED: EventKind(
        _WARNING,
        (_ROUTER, _WATCHDOG),
        "The message gives the reason. A rerun needs newer data, or a larger budget in the pipeline file.",
        withheld="The rerun was not started.",
    ),
    # After a run.
    EventType.POST_RUN_BASELINE_CAPTURED: EventKind(_PROGRESS, (_ORCHESTRATOR,)),
    EventType.BASELINE_CAPTURE_FAILED: EventKind(
        _WARNING, (_ORCHESTRATOR,), "Drift of this run cannot be detected: look at the orchestrator's log."
    ),
    EventType.POST_RUN_DRIFT_INFLIGHT: EventKind(
        _NOTICE, (_ROUTER,), "The data changed while the job ran. The check after the run decides."
    ),
    EventType.POST_RUN_DRIFT: EventKind(
        _WARNING, (_ROUTER,), f"The data changed after the run. Interlock requests a rerun ({_STATUS}).", _RESULT
    ),
    EventType.POST_RUN_PASSED: EventKind(_PROGRESS, (_ROUTER,)),
    EventType.POST_RUN_FAILED: EventKind(
        _WARNING, (_ROUTER,), f"The result fails its checks: look at it before consumers use it ({_STATUS}).", _RESULT
    ),
    EventType.POST_RUN_SENSOR_MISSING: EventKind(
        _WARNING, (_WATCHDOG,), "No sensor reported on the result: check whether its producer runs.", _RESULT
    ),
    # Service levels.
    EventType.SLA_WARNING: EventKind(
        _WARNING,
        (_SLA_MONITOR, _WATCHDOG),
        f"Check which rule or job the run waits for before the deadline passes ({_STATUS}).",
        _DEADLINE,
    ),
    EventType.SLA_BREACH: EventKind(
        _CRITICAL,
        (_SLA_MONITOR, _WATCHDOG, _ORCHESTRATOR),
        f"Inform the consumers, then find the cause of the delay ({_STATUS}).",
        _DEADLINE,
    ),
    EventType.RELATIVE_SLA_WARNING: EventKind(
        _WARNING,
        (_SLA_MONITOR, _WATCHDOG),
        f"The run takes long: check which rule or job it waits for ({_STATUS}).",
        _DURATION,
    ),
    EventType.RELATIVE_SLA_BREACH: EventKind(
        _CRITICAL,
        (_SLA_MONITOR, _WATCHDOG, _ORCHESTRATOR),
        f"The run took too long since its first sensor: inform the consumers, then find the cause ({_STATUS}).",
        _DURATION,
    ),
    EventType.SLA_MET: EventKind(_GOOD, (_ORCHESTRATOR, _WATCHDOG), "Nothing to do."),
    # Schedules and the system.
    EventType.SCHEDULE_MISSED: EventKind(
        _CRITICAL,
        (_WATCHDOG,),
        f"No sensor arrived for a scheduled run: find out why the data is absent ({_STATUS}).",
        _RUN,
    ),
    EventType.IRREGULAR_SCHEDULE_MISSED: EventKind(
        _CRITICAL, (_WATCHDOG,), f"No run began on a listed date: find out why the data is absent ({_STATUS}).", _RUN
    ),
    EventType.SENSOR_DEADLINE_EXPIRED: EventKind(
        _CRITICAL,
        (_WATCHDOG,),
        f"The trigger's window closed without its sensor: ask the owner of the data, then {_RERUN}.",
        _RUN,
        "No run is started by a later sensor.",
    ),
    EventType.WATCHDOG_DEGRADED: EventKind(
        _CRITICAL, (_WATCHDOG,), "Some safety checks did not run: look at the watchdog's log."
    ),
    EventType.ROW_CORRUPTED: EventKind(
        _WARNING,
        (_ROUTER, _WATCHDOG),
        "Another process wrote a row that cannot be read: find that process. The message states the consequence.",
    ),
    EventType.INFRA_ALARM: EventKind(
        _CRITICAL, (_EVENTBRIDGE,), "A CloudWatch alarm went off: look at the alarm and at the function that it names."
    ),
    # Dry runs.
    EventType.DRY_RUN_WOULD_TRIGGER: EventKind(
        _NOTICE, (_ROUTER,), f"{_DRY} A live pipeline would have started its job."
    ),
    EventType.DRY_RUN_SLA_PROJECTION: EventKind(
        _NOTICE, (_ROUTER,), f"{_DRY} Compare the projection with the end of the real pipeline."
    ),
    EventType.DRY_RUN_COMPLETED: EventKind(_NOTICE, (_ROUTER,), f"{_DRY} The observation of this period has ended."),
    EventType.DRY_RUN_LATE_DATA: EventKind(_NOTICE, (_ROUTER,), f"{_DRY} Data arrived after the observed start."),
    EventType.DRY_RUN_DRIFT: EventKind(
        _NOTICE, (_ROUTER,), f"{_DRY} A live pipeline would have been rerun for this drift."
    ),
    EventType.DRY_RUN_WOULD_RERUN: EventKind(_NOTICE, (_ROUTER,), f"{_DRY} A live pipeline would have been rerun."),
    EventType.DRY_RUN_RERUN_REJECTED: EventKind(
        _NOTICE, (_ROUTER, _WATCHDOG), f"{_DRY} A live pipeline would have rejected this rerun."
    ),
    EventType.DRY_RUN_WOULD_RETRY: EventKind(_NOTICE, (_ROUTER,), f"{_DRY} A live pipeline would have retried."),
    EventType.DRY_RUN_RETRY_EXHAUSTED: EventKind(
        _NOTICE, (_ROUTER,), f"{_DRY} A live pipeline would have failed for good."
    ),
}

PLAIN_PROGRESS = frozenset(event_type for event_type, kind in EVENT_KINDS.items() if not kind.is_alert)
"""The types that reach the events table but no alert channel. Every other type is an alert."""

CANARY_SOURCE = "interlock.canary"
"""The source of a canary on the bus. It is not the source of events, so no consumer of events gets a canary
(docs/reference/watchdog.md §10)."""

CANARY_TYPE = "CANARY"
"""The detail type of a canary. It is in no catalogue, because a canary is no event."""
