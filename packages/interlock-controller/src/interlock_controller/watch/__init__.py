"""The checks of a tick: finds the runs, timers, sensors and schedules that did not happen."""

from interlock_controller.watch._checks import all_checks
from interlock_controller.watch._failures import Check, PipelineTrouble
from interlock_controller.watch._recovery import Recovery
from interlock_controller.watch._sweep import LOOK_BACK, cursor_at
from interlock_controller.watch._tick import Cause, TickFailed, TickReport, run_tick
from interlock_controller.watch._workers import WorkerPool

__all__ = [
    "LOOK_BACK",
    "Cause",
    "Check",
    "PipelineTrouble",
    "Recovery",
    "TickFailed",
    "TickReport",
    "WorkerPool",
    "all_checks",
    "cursor_at",
    "run_tick",
]
