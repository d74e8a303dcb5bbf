"""The five modes of the SLA monitor: schedule, cancel, fire-alert, calculate, reconcile."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar, assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_controller.effects import Timers
from interlock_controller.slas._alerts import SlaAlerts
from interlock_lifecycle import RunKey
from interlock_lifecycle.events import EventType
from interlock_lifecycle.slas import (
    GivenSla,
    Timer,
    calculate_deadlines,
    clocks_in_trouble,
    report_unscheduled,
    timers_of,
)
from interlock_sla import (
    Clock,
    Deadline,
    Exclusions,
    SlaError,
    parse_deadline,
    parse_duration,
    parse_execution_date,
    zone,
)
from interlock_store import Store
from interlock_telemetry import get_logger

_log = get_logger(__name__)

T = TypeVar("T")

_WARNINGS = frozenset({EventType.SLA_WARNING, EventType.RELATIVE_SLA_WARNING})
_BREACHES = frozenset({EventType.SLA_BREACH, EventType.RELATIVE_SLA_BREACH})


class Mode(StrEnum):
    """The modes of the SLA monitor."""

    SCHEDULE = "schedule"
    CANCEL = "cancel"
    FIRE_ALERT = "fire-alert"
    CALCULATE = "calculate"
    RECONCILE = "reconcile"


class Request(Struct, frozen=True, rename="camel"):
    """One invocation (docs/reference/sla.md §4.1). Times without a zone are UTC."""

    mode: Mode
    pipeline_id: str
    schedule_id: str
    date: str
    alert_type: EventType | None = None
    warning_at: datetime | None = None
    breach_at: datetime | None = None
    deadline: str | None = None
    expected_duration: str | None = None
    max_duration: str | None = None
    timezone: str | None = None
    sensor_arrival_at: datetime | None = None

    @property
    def given(self) -> GivenSla:
        """The SLA terms of the invocation. Raises WrongTerm for the first invalid one."""
        return GivenSla(
            deadline=_read("deadline", self.deadline, parse_deadline),
            expected_duration=_read("expectedDuration", self.expected_duration, parse_duration),
            max_duration=_read("maxDuration", self.max_duration, parse_duration),
            zone=_read("timezone", self.timezone, zone),
            arrived_at=_utc(self.sensor_arrival_at),
        )

    @property
    def key(self) -> RunKey:
        """The run of the request."""
        return RunKey(self.pipeline_id, self.schedule_id, parse_execution_date(self.date))


class WrongTerm(ValueError):
    """An SLA term of an invocation is invalid. `name` is its key, or None if the terms together are invalid."""

    def __init__(self, name: str | None, error: SlaError) -> None:
        super().__init__(f"{name}: {error}" if name else str(error))
        self.name = name


def _read(name: str, text: str | None, parse: Callable[[str], T]) -> T | None:
    try:
        return None if text is None else parse(text)
    except SlaError as error:
        raise WrongTerm(name, error) from None


def _utc(moment: datetime | None) -> datetime | None:
    """The moment in UTC. A time without a zone is in UTC, not in the host's zone."""
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class TimersNotMade(Exception):
    """Some timers of a date could not be made. The others were made. `failures` maps timer names to errors.

    The state machine tries again after this error.
    """

    def __init__(self, key: RunKey, failures: Mapping[str, str]) -> None:
        why = "; ".join(f"{name}: {error}" for name, error in failures.items())
        super().__init__(f"{key}: {len(failures)} timers could not be made: {why}")
        self.failures = dict(failures)


class _Live(Struct, frozen=True):
    """A live pipeline's config and excluded days, and when the date's first sensor arrived."""

    config: PipelineConfig
    exclusions: Exclusions
    arrived_at: datetime | None


class SlaMonitor:
    """Creates, deletes and fires the SLA timers of one date."""

    def __init__(self, store: Store, timers: Timers, alerts: SlaAlerts, now: Callable[[], datetime]) -> None:
        self._store = store
        self._timers = timers
        self._alerts = alerts
        self._now = now

    def answer(self, event: Any) -> dict[str, Any]:
        """Answer an invocation with {warningAt?, breachAt?, alertType?, firedAt?} (docs/reference/sla.md §4).

        Raises ValidationError (msgspec), WrongTerm, TimersNotMade, TimerEarly and Contended.
        """
        request = msgspec.convert(event, Request)
        match request.mode:
            case Mode.SCHEDULE:
                return self._schedule(request.key)
            case Mode.CANCEL:
                return self._cancel(request.key)
            case Mode.FIRE_ALERT:
                return self._fire(request)
            case Mode.CALCULATE:
                return self._calculate(request)
            case Mode.RECONCILE:
                return self._reconcile(request.key)
            case _:
                assert_never(request.mode)

    def _timers_of(self, key: RunKey) -> tuple[Timer, ...]:
        live = self._live(key)
        return () if live is None else timers_of(live.config, key, live.arrived_at, live.exclusions)

    def _live(self, key: RunKey) -> "_Live | None":
        """The facts for a date's clocks, or None unless the pipeline runs live."""
        stored = self._store.config(key.pipeline_id)
        if stored.config is None or stored.config.dry_run:
            return None
        return _Live(stored.config, stored.exclusions, self._store.arrived_at(key))

    def _schedule(self, key: RunKey) -> dict[str, Any]:
        """Make every timer. A failed timer delays no other. Failures are logged, reported as an event and raised."""
        now = self._now()
        live = self._live(key)
        if live is None:
            return {}
        trouble = clocks_in_trouble(live.config, key.date, live.arrived_at, live.exclusions)
        self._report_trouble(live, key, trouble, now)
        timers = timers_of(live.config, key, live.arrived_at, live.exclusions)
        failures: dict[str, str] = {}
        errors: list[Exception] = []
        for timer in timers:
            try:
                self._make(key, timer, now)
            except Exception as error:  # noqa: BLE001 (reported below, and raised)
                _log.error("timer_failed", run=str(key), timer=timer.name, error=f"{type(error).__name__}: {error}")
                failures[timer.name] = f"{type(error).__name__}: {error}"
                errors.append(error)
        if failures:
            self._report_unscheduled(live, key, failures, now)
            raise TimersNotMade(key, failures) from errors[0]
        return _moments(timer.deadline for timer in timers)

    def _report_unscheduled(self, live: "_Live", key: RunKey, failures: Mapping[str, str], now: datetime) -> None:
        self._store.commit(report_unscheduled(live.config, key, failures, now, self._store.run_token(key)))

    def _report_trouble(self, live: "_Live", key: RunKey, trouble: Mapping[Clock, str], now: datetime) -> None:
        """Report the clocks without a deadline, such as after an arrival in the year 9999. Another try cannot help."""
        if trouble:
            _log.error("deadline_left_out", run=str(key), problems={str(one): why for one, why in trouble.items()})
            self._report_unscheduled(live, key, {f"{one} clock": why for one, why in trouble.items()}, now)

    def _make(self, key: RunKey, timer: Timer, now: datetime) -> None:
        if timer.at > now:
            self._timers.create(key, timer)
            _log.info("timer_created", run=str(key), timer=timer.name, at=timer.at.isoformat())
        else:
            self._emit_due(key, timer, now)

    def _emit_due(self, key: RunKey, timer: Timer, now: datetime) -> None:
        """Emit the alert of a timer in the past: the breach of a clock that is past its breach, else its warning."""
        if timer.alert in _BREACHES and now >= timer.deadline.breach_at:
            self._alerts.fire(key, timer.alert, timer.deadline.breach_at)
        elif timer.alert in _WARNINGS and timer.at <= now < timer.deadline.breach_at:
            assert timer.deadline.warning_at is not None
            self._alerts.fire(key, timer.alert, timer.deadline.warning_at)

    def _cancel(self, key: RunKey) -> dict[str, Any]:
        """Delete every timer. A failed deletion delays no other. A timer that stays emits no alert when it fires."""
        timers = self._timers_of(key)
        errors = [error for timer in timers if (error := self._delete(timer)) is not None]
        if errors:
            raise errors[0]
        return _moments(timer.deadline for timer in timers)

    def _delete(self, timer: Timer) -> Exception | None:
        try:
            self._timers.delete(timer)
        except Exception as error:  # noqa: BLE001 (raised when the others are deleted)
            return error
        return None

    def _fire(self, request: Request) -> dict[str, Any]:
        alert = request.alert_type
        moment = _utc(request.warning_at if alert in _WARNINGS else request.breach_at)
        if alert not in _WARNINGS | _BREACHES or moment is None:
            raise ValueError("fire-alert needs an SLA warning or breach as alertType, and its warningAt or breachAt")
        fired_at = self._alerts.fire(request.key, alert, moment)
        answer: dict[str, Any] = {"alertType": str(alert)}
        return answer if fired_at is None else {**answer, "firedAt": fired_at.isoformat()}

    def _calculate(self, request: Request) -> dict[str, Any]:
        """The moments of a date. The request's terms override those of the pipeline's config."""
        given, key = request.given, request.key
        stored = self._store.config(key.pipeline_id)
        if given.arrived_at is None:
            given = replace(given, arrived_at=self._store.arrived_at(key))
        try:
            return _moments(calculate_deadlines(stored.config, key.date, given, stored.exclusions))
        except SlaError as error:
            raise WrongTerm(None, error) from None

    def _reconcile(self, key: RunKey) -> dict[str, Any]:
        """Emit the due alerts of all timers: the breach of a clock that is past its breach, else its due warning."""
        timers = self._timers_of(key)
        now = self._now()
        for timer in timers:
            self._emit_due(key, timer, now)
        return _moments(timer.deadline for timer in timers)


def _moments(deadlines: Iterable[Deadline]) -> dict[str, Any]:
    """The nearest warning and breach of a date's clocks."""
    found = list(deadlines)
    warnings = [deadline.warning_at for deadline in found if deadline.warning_at is not None]
    breaches = [deadline.breach_at for deadline in found]
    answer = {}
    if warnings:
        answer["warningAt"] = min(warnings).isoformat()
    if breaches:
        answer["breachAt"] = min(breaches).isoformat()
    return answer
