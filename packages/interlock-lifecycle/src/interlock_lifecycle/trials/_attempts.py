"""The attempts of a replayed date: the evaluations of their rules, their jobs as recorded, and their ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from interlock_lifecycle._decision import CloseRun, OpenAttempt, PassEvaluation
from interlock_lifecycle._run import Run, Wait
from interlock_lifecycle._start import execution_windows, start_delay
from interlock_lifecycle._words import RerunReason
from interlock_lifecycle.runs._close import CloseFacts, Exhaustion, decide_completion, exhaust
from interlock_lifecycle.runs._evaluate import (
    EvaluationFacts,
    EvaluationWindow,
    HoldRun,
    WindowUsedUp,
    decide_evaluation,
)
from interlock_lifecycle.trials._deadlines import Deadlines
from interlock_lifecycle.trials._record import RecordedAttempt
from interlock_lifecycle.trials._state import ANY_TIMEOUT, State


class Attempts:
    """The acts of the orchestrator. `on_close` is called with the time of each close of the run."""

    def __init__(self, state: State, deadlines: Deadlines, on_close: Callable[[datetime], None]) -> None:
        self._state = state
        self._deadlines = deadlines
        self._on_close = on_close
        self._wait: Wait | None = None
        self._window_began: datetime | None = None
        self._jobs = 0

    def take(self, run: Run, at: datetime) -> None:
        """Go on with a new attempt, whose execution takes as long to start as the recorded one."""
        state = self._state
        state.begun_at = state.begun_at or at
        state.run, self._wait = run, None
        recorded = state.recorded
        state.compare_to(recorded.opened_at if recorded is not None else None, at)
        delay = look = recorded.started_at - recorded.opened_at if recorded is not None else timedelta()
        if recorded is not None and not state.is_shifted and not self._has_other_delay(run):
            look = recorded.first_look_at - recorded.opened_at
        self._window_began = at + delay
        state.run = replace(run, started_token=run.run_token, started_at=self._window_began)
        self._deadlines.set_timers(self._window_began)
        state.agenda.add(at + max(look, delay), lambda moment: self.evaluate(run.run_token, moment))

    def open(self, decision: OpenAttempt, at: datetime) -> None:
        """Go on with a further attempt."""
        self._state.note(decision.events)
        self._state.logged.append(decision.entry)
        self._state.reruns.append(decision.rerun)
        self.take(decision.after, at)

    def _has_other_delay(self, run: Run) -> bool:
        before = self._state.scene.before
        return before is None or start_delay(run, before) != start_delay(run, self._state.config)

    def evaluate(self, token: str, at: datetime) -> None:
        """Look at the rules of the execution `token` once. Nothing happens if it is over, or has passed."""
        state, run = self._state, self._state.run
        if run is None or not run.is_held_by(token) or run.evaluated_at is not None:
            return
        evidence = state.scene.knowledge.evidence(at, leniently=state.leniently)
        state.is_open = state.is_open or evidence.is_open
        facts = EvaluationFacts(run, evidence.config, "", {}, state.sla, wait=self._wait, read=evidence.read)
        decision = decide_evaluation(facts, token, self._window(run), at)
        if isinstance(decision, PassEvaluation):
            self._pass(decision, run, at)
        elif isinstance(decision, HoldRun):
            if decision.note is not None:
                self._wait = decision.note.wait
                known = {"has_unknown": evidence.is_open, "has_message": not evidence.is_partial}
                state.note(decision.note.events, **known)
            wait = at + timedelta(seconds=decision.look_seconds or decision.wait_seconds)
            change = state.scene.knowledge.next_change(at) if decision.look_seconds else None
            state.agenda.add(min(wait, change or wait), lambda moment: self.evaluate(token, moment))
        elif isinstance(decision, WindowUsedUp):
            recorded = state.recorded
            state.compare_to(recorded.ended_at if recorded is not None else None, at)
            reason = "the rules did not hold" if evidence.is_partial else decision.reason
            self._exhaust(run, Exhaustion.VALIDATION, reason, at)

    def _window(self, run: Run) -> EvaluationWindow:
        assert self._window_began is not None
        windows = execution_windows(run, self._state.config, ANY_TIMEOUT)
        length, interval = (timedelta(seconds=n) for n in (windows.evaluation_window, windows.evaluation_interval))
        return EvaluationWindow(self._window_began, length, interval)

    def _pass(self, decision: PassEvaluation, run: Run, at: datetime) -> None:
        state = self._state
        state.note(decision.events)
        state.run = replace(run, evaluated_at=at)
        recorded = state.recorded
        state.compare_to(recorded.passed_at if recorded is not None else None, at)
        jobs = [one for one in state.scene.attempts if one.passed_at is not None]
        if self._jobs >= len(jobs):
            state.stop("no further job of the date was recorded, so the end of this one is not known")
            return
        job = jobs[self._jobs]
        self._jobs += 1
        if job.ended_at is not None and job.passed_at is not None:
            ends_at = at + (job.ended_at - job.passed_at)
            state.agenda.add(ends_at, lambda moment: self._close(run.run_token, job, moment))

    def _close(self, token: str, job: RecordedAttempt, at: datetime) -> None:
        """Close the attempt as its recorded job ended."""
        run = self._state.run
        if run is None or not run.is_held_by(token):
            return
        if job.outcome is None:
            assert job.exhaustion is not None
            self._exhaust(run, job.exhaustion, "the job ended as it was recorded", at)
            return
        assert job.ended_at is not None
        stated_at = job.outcome.at
        outcome = replace(job.outcome, at=None if stated_at is None else at - (job.ended_at - stated_at))
        facts = self._close_facts(run)
        decision = decide_completion(facts, token, outcome, now=at, execution_timeout=ANY_TIMEOUT)
        if isinstance(decision, OpenAttempt):
            self.open(decision, at)
        elif isinstance(decision, CloseRun):
            self._closed(decision)

    def _exhaust(self, run: Run, exhaustion: Exhaustion, reason: str, at: datetime) -> None:
        decision = exhaust(self._close_facts(run), run.run_token, exhaustion, reason=reason, now=at)
        if isinstance(decision, CloseRun):
            self._closed(decision)

    def _close_facts(self, run: Run) -> CloseFacts:
        state = self._state
        retries = sum(1 for one in state.reruns if one.reason == RerunReason.JOB_FAIL_RETRY)
        return CloseFacts(run, state.config, retries, state.scene.exclusions, state.sla)

    def _closed(self, decision: CloseRun) -> None:
        state = self._state
        state.note(decision.events)
        state.judge(decision.verdicts)
        if decision.entry is not None:
            state.logged.append(decision.entry)
        closed = {"status": decision.status, "closed_at": decision.closed_at, "close_reason": decision.reason}
        state.run = replace(decision.run, **closed)
        self._on_close(decision.closed_at)
