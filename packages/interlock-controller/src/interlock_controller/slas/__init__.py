"""Answers the SLA timers: schedules, cancels, fires, calculates and reconciles the alerts of a date."""

from interlock_controller.slas._alerts import AlertDesk, TimerEarly
from interlock_controller.slas._monitor import Mode, Monitor, Request, TimersNotMade, WrongTerm

__all__ = ["AlertDesk", "Mode", "Monitor", "Request", "TimerEarly", "TimersNotMade", "WrongTerm"]
