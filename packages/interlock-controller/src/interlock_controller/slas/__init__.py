"""Answers the SLA timers: schedules, cancels, fires, calculates and reconciles the alerts of a date."""

from interlock_controller.slas._alerts import SlaAlerts, TimerEarly
from interlock_controller.slas._monitor import Mode, Request, SlaMonitor, TimersNotMade, WrongTerm

__all__ = ["Mode", "Request", "SlaAlerts", "SlaMonitor", "TimerEarly", "TimersNotMade", "WrongTerm"]
