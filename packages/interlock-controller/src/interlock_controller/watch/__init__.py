"""The checks of a tick: finds lost rows, dead executions, missed schedules, and sensors or timers without effect."""

from interlock_controller.watch._canary import Canary
from interlock_controller.watch._checks import all_checks
from interlock_controller.watch._dead_man import DeadMan
from interlock_controller.watch._edits import EDIT_REACHES
from interlock_controller.watch._failures import Check, PipelineTrouble
from interlock_controller.watch._recovery import MAX_PROBES, Recovery
from interlock_controller.watch._schedules import STREAM_GRACE
from interlock_controller.watch._slas import TIMER_GRACE
from interlock_controller.watch._sweep import LOOK_BACK, Sweep, cursor_at
from interlock_controller.watch._tick import Cause, TickFailed, TickReport, run_tick
from interlock_controller.watch._workers import WorkerPool

__all__ = [
    "EDIT_REACHES",
    "LOOK_BACK",
    "MAX_PROBES",
    "STREAM_GRACE",
    "TIMER_GRACE",
    "Canary",
    "Cause",
    "Check",
    "DeadMan",
    "PipelineTrouble",
    "Recovery",
    "Sweep",
    "TickFailed",
    "TickReport",
    "WorkerPool",
    "all_checks",
    "cursor_at",
    "run_tick",
]
