"""Finds the writes of a decision by its kind."""

from typing import TypeAlias, assert_never

from interlock_lifecycle import (
    Announce,
    AnswerDryRun,
    CloseRun,
    CommitIntent,
    Decision,
    ExpireTrigger,
    KeepRows,
    MarkStarted,
    NoteAfterRun,
    NoteArrival,
    NoteDormant,
    NoteHeld,
    NoteRest,
    ObserveRun,
    OpenAttempt,
    OpenWait,
    PassEvaluation,
    RecordBreach,
    RecordStart,
    RecoverRun,
    RegisterWait,
    RejectRerun,
    RejectSensor,
    RepairRun,
    ReportRejections,
    RequestRerun,
    StartRun,
    WaitForSlot,
    WithdrawIntent,
)
from interlock_store._plan._closes import close_run, judge_clocks, repair_run
from interlock_store._plan._dry_runs import answer_dry_run, observe
from interlock_store._plan._fences import held_with_rest, on_run, run_as_read
from interlock_store._plan._jobs import pass_evaluation, set_intent, unpaused
from interlock_store._plan._kept import keep_rows, note_dormant, open_kept_rows
from interlock_store._plan._rejections import count_rejection, reject_sensor
from interlock_store._plan._reruns import log_entry, note_after_run, open_attempt, reject_rerun, request_rerun
from interlock_store._plan._starts import first_arrival, mark_once, recover_run, start_or_wait
from interlock_store._plan._waiting import follow_by_events, on_wait, open_wait, register_wait
from interlock_store._rows import closed_row, event_row, held_row, intent_row, reports_row, rest_row, run_row
from interlock_store._tables import TableNames
from interlock_store._write import FENCE, NOTHING_THERE, Expect, Item, Put, Write

_Step: TypeAlias = (
    StartRun
    | MarkStarted
    | WaitForSlot
    | OpenWait
    | NoteHeld
    | RegisterWait
    | PassEvaluation
    | CommitIntent
    | RecordStart
    | WithdrawIntent
    | NoteRest
    | CloseRun
    | OpenAttempt
    | RecoverRun
)


def plan(decision: Decision, names: TableNames) -> list[Write]:
    """The writes of a decision. The fence comes first, the events come last."""
    events = () if isinstance(decision, CommitIntent | WithdrawIntent) else decision.events
    return [*_writes(decision, names), *(Put(names.control, event_row(event)) for event in events)]


def _writes(decision: Decision, names: TableNames) -> list[Write]:
    control = names.control
    match decision:
        case RejectRerun():
            return reject_rerun(decision, names)
        case ReportRejections():
            return count_rejection(decision.counted, control)
        case RequestRerun():
            return request_rerun(decision, names)
        case NoteAfterRun():
            return note_after_run(decision, names)
        case ObserveRun() | NoteArrival() | AnswerDryRun():
            return _dry_run_writes(decision, control)
        case KeepRows() | RejectSensor():
            return [
                keep_rows(decision, control) if isinstance(decision, KeepRows) else reject_sensor(decision, control)
            ]
        case NoteDormant():
            return note_dormant(decision, control)
        case ExpireTrigger() | RecordBreach() | RepairRun():
            return _judged_writes(decision, control)
        case Announce():
            return mark_once(decision, control)
        case _:
            return _run_writes(decision, names)


def _run_writes(decision: _Step, names: TableNames) -> list[Write]:
    """The writes of decisions that move a run on, from its first row to its close."""
    control = names.control
    match decision:
        case StartRun():
            arrival = first_arrival(decision.run.key, decision.arrived_at, control)
            opened = Put(control, run_row(decision.run), NOTHING_THERE, FENCE)
            return [
                opened,
                *arrival,
                *open_kept_rows(decision.run.key, decision.kept, decision.run.committed_at, control),
            ]
        case MarkStarted() | WaitForSlot():
            return start_or_wait(decision, control)
        case OpenWait() | NoteHeld() | RegisterWait():
            return _wait_writes(decision, control)
        case PassEvaluation():
            return pass_evaluation(decision, control)
        case CommitIntent() | RecordStart() | WithdrawIntent():
            return _intent_writes(decision, names)
        case NoteRest():
            noted: Item = {"restOfHour": rest_row(decision.rest)}
            return [on_run(decision.run, control, noted, expect=held_with_rest(decision.run))]
        case CloseRun():
            return close_run(decision, names)
        case OpenAttempt():
            return open_attempt(decision, names)
        case RecoverRun():
            return recover_run(decision.before, decision.after, control)
        case _:
            assert_never(decision)


def _judged_writes(decision: ExpireTrigger | RecordBreach | RepairRun, control: str) -> list[Write]:
    match decision:
        case ExpireTrigger():
            row = Put(control, closed_row(decision.run), NOTHING_THERE, FENCE)
            return [row, *judge_clocks(decision.run.key, decision.judged, decision, control)]
        case RecordBreach():
            return [*judge_clocks(decision.key, decision.judged, decision, control), *run_as_read(decision, control)]
        case RepairRun():
            return repair_run(decision, control)
        case _:
            assert_never(decision)


def _dry_run_writes(decision: ObserveRun | NoteArrival | AnswerDryRun, control: str) -> list[Write]:
    match decision:
        case ObserveRun():
            return observe(decision, control)
        case NoteArrival():
            arrival = first_arrival(decision.key, decision.arrived_at, control)
            return [*arrival, *open_kept_rows(decision.key, decision.kept, decision.arrived_at, control)]
        case AnswerDryRun():
            return answer_dry_run(decision, control)
        case _:
            assert_never(decision)


def _intent_writes(decision: CommitIntent | RecordStart | WithdrawIntent, names: TableNames) -> list[Write]:
    control = names.control
    match decision:
        case CommitIntent():
            return [set_intent(decision.run, control, intent_row(decision.intent)), *unpaused(decision, control)]
        case RecordStart():
            intended = set_intent(decision.run, control, intent_row(decision.intent))
            return [intended, *follow_by_events(decision.run, decision.intent, decision.wait, control)]
        case WithdrawIntent():
            return [set_intent(decision.run, control, None), log_entry(decision.entry, names)]
        case _:
            assert_never(decision)


def _wait_writes(decision: OpenWait | NoteHeld | RegisterWait, control: str) -> list[Write]:
    match decision:
        case OpenWait():
            return open_wait(decision, control)
        case NoteHeld():
            held: Item = {"held": held_row(decision.wait.held), **reports_row(decision.wait)}
            return [on_wait(decision.run.key, control, held, Expect(equals={"runToken": decision.run.run_token}))]
        case RegisterWait():
            return [register_wait(decision.wait, control)]
        case _:
            assert_never(decision)
