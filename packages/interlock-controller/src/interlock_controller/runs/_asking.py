"""Asks the target for a job: by its run id, or by the key of a start whose answer was lost."""

from typing import Any

from msgspec import Struct

from interlock_config import ConfigError, expand, taken_values
from interlock_controller.runs._context import StepContext
from interlock_lifecycle import JobIntent, Run, RunKey
from interlock_lifecycle.runs import StandingJob, run_variables
from interlock_telemetry import get_logger, traceparent
from interlock_triggers import Attempt, JobGone, Started, State, Status, TriggerError

_log = get_logger(__name__)


class Unreadable(Struct, frozen=True):
    """The target gave no status of the job. `gone`: the target does not know the job (any more)."""

    reason: str
    gone: bool = False


def attempt_of(key: RunKey, intent: JobIntent, *, resumed: bool) -> Attempt:
    """The attempt of an intent, as triggers take it."""
    variables = run_variables(key, intent)
    return Attempt(
        key.pipeline_id,
        key.schedule_id,
        str(key.date),
        intent.attempt,
        intent.key,
        resumed,
        variables,
        traceparent=traceparent(),
    )


def expanded(context: StepContext, key: RunKey, intent: JobIntent) -> dict[str, Any]:
    """The intent's config with its variables: the run's own, then the environment's. Raises ConfigError."""
    return expand(intent.config, context.environment, run_variables(key, intent))


def taken(context: StepContext, key: RunKey, intent: JobIntent) -> tuple[str, ...]:
    """The values of the environment in the expanded config. They leave a job call only masked."""
    return taken_values(intent.config, context.environment, run_variables(key, intent))


def ask(context: StepContext, key: RunKey, intent: JobIntent, run_id: str) -> Status | Unreadable:
    """The status of the intent's job. An error while asking says nothing about the job."""
    started = Started(intent.type, run_id, None, intent.details)
    try:
        config, hidden = expanded(context, key, intent), taken(context, key, intent)
        return context.jobs.check(intent.type, config, started, until=context.until(), taken=hidden)
    except Exception as error:  # noqa: BLE001 (a question that broke off ends no job)
        return _unreadable(intent, error)


def seek(context: StepContext, key: RunKey, intent: JobIntent) -> str | Unreadable | None:
    """The run id of the job that an unconfirmed start left behind, or None if there is no such job."""
    attempt = attempt_of(key, intent, resumed=True)
    try:
        config, hidden = expanded(context, key, intent), taken(context, key, intent)
        found = context.jobs.find(intent.type, config, attempt, until=context.until(), taken=hidden)
    except Exception as error:  # noqa: BLE001 (as above)
        return _unreadable(intent, error)
    return None if found is None else found.run_id


def standing_job(context: StepContext, run: Run) -> StandingJob | None:
    """The previous attempt's job, if it runs or its status is unknown. None if its end is recorded.

    The job of an unconfirmed start is looked for if the target can find jobs by key. If the target no longer knows the
    job, the job has ended.
    """
    previous = run.previous_job
    if previous is None or run.job_intent is not None:
        return None
    found = previous.run_id
    if previous.is_unconfirmed:
        sought = seek(context, run.key, previous) if _is_findable(context, previous) else None
        if isinstance(sought, Unreadable):
            return _standing(previous, None, sought)
        found = sought
    elif previous.outcome is not None:
        return None
    return None if found is None else _standing(previous, found, ask(context, run.key, previous, found))


def unsettled_start(context: StepContext, run: Run) -> JobIntent | None:
    """The previous attempt's intent, if its start was never confirmed and its target cannot find jobs by key."""
    previous = run.previous_job
    if previous is None or not previous.is_unconfirmed or _is_findable(context, previous):
        return None
    return previous


def _is_findable(context: StepContext, intent: JobIntent) -> bool:
    return context.jobs.capability(intent.type).findable


def _standing(previous: JobIntent, run_id: str | None, answer: Status | Unreadable) -> StandingJob | None:
    name = run_id or previous.key
    if isinstance(answer, Status):
        return StandingJob(name) if answer.state is State.RUNNING else None
    if answer.gone:
        _log.warning("previous_job_gone", type=previous.type, job=name, reason=answer.reason)
        return None
    return StandingJob(name, answer.reason)


def _unreadable(intent: JobIntent, error: Exception) -> Unreadable:
    """The unreadable status. Its reason is the error's text if that contains no secrets, else the error's class."""
    is_masked = isinstance(error, TriggerError | ConfigError)
    reason = str(error) if is_masked else f"{type(error).__name__} while asking"
    _log.warning("job_status_unreadable", type=intent.type, run_id=intent.run_id, key=intent.key, error=reason)
    return Unreadable(reason, gone=isinstance(error, JobGone))
