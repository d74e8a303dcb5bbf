"""The nine job types by name: start the job of an attempt, and check its status."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from ._call import Call, redactor_of
from ._clients import Clients
from ._deadline import Deadline
from ._errors import CheckFailed, MissingExtra, StartRejected, StartUnconfirmed, TriggerError
from ._jobs import KINDS, AwsTrouble, BadConfig, Kind, check_error, read_form
from ._secrets import SecretUnreadable
from ._types import Attempt, Capability, Category, Started, Status


def job_types() -> tuple[str, ...]:
    """The names of the job types."""
    return tuple(KINDS)


def capability(job_type: str) -> Capability:
    """The protection of a job type against double starts. Raises StartRejected for an unknown type."""
    kind = _kind(job_type)
    return Capability(kind.deduplicates, kind.find is not None, kind.check is None)


def start(
    job_type: str,
    config: Mapping[str, Any],
    attempt: Attempt,
    *,
    until: datetime | float,
    clients: Clients | None = None,
    taken: Collection[str] = (),
) -> Started:
    """Start an attempt's job, or find it if an earlier invocation started it.

    `config` is the job's config with its variables expanded. The secrets of `clients` replace `${secret:NAME}` and
    `${secret:NAME#FIELD}` in its texts. `until` is the end of this call, as an aware datetime or as epoch seconds.
    `clients` defaults to one shared by the process, with an empty allow-list. `taken`: the values that the config has
    from variables. No result, error or log line shows them.

    Raises StartRejected (not started), StartUnconfirmed (call again with the same key and `resumed=True`),
    OutcomeUnknown (no later call can find out: never send this attempt again) or MissingExtra.
    """
    kind = _kind(job_type)
    clients = clients or _shared()
    try:
        return kind.start(_call(job_type, kind, config, until, clients, taken, attempt), attempt)
    except BadConfig as error:
        raise StartRejected(Category.PERMANENT, str(error), job_type) from None
    except SecretUnreadable as error:
        # The secret may be readable soon. An earlier invocation may have started the job.
        kind_of_error = StartUnconfirmed if attempt.resumed else StartRejected
        raise kind_of_error(Category.TRANSIENT, str(error), job_type) from None


def check(
    job_type: str,
    config: Mapping[str, Any],
    started: Started | str,
    *,
    until: datetime | float,
    clients: Clients | None = None,
    taken: Collection[str] = (),
) -> Status:
    """The status of a started job. `started` is the result of `start`, or its run id.

    Raises CheckFailed if the status cannot be read: the job is unchanged, and the status may be asked for again.
    Raises JobGone, a CheckFailed, if the target does not know the job, or no longer knows it. Raises MissingExtra.
    """
    kind = _kind(job_type, CheckFailed)
    if isinstance(started, Started) and started.status is not None:
        return started.status
    if kind.check is None:
        raise CheckFailed(Category.PERMANENT, "has no status to read: the job ended within its start", job_type)
    run_id = started.run_id if isinstance(started, Started) else started
    details = started.details if isinstance(started, Started) else {}
    with _asking(job_type):
        return kind.check(_call(job_type, kind, config, until, clients or _shared(), taken), run_id, details)


def find(
    job_type: str,
    config: Mapping[str, Any],
    attempt: Attempt,
    *,
    until: datetime | float,
    clients: Clients | None = None,
    taken: Collection[str] = (),
) -> Started | None:
    """The attempt's job if the target knows it (airflow, glue, emr, step-function), else None.

    Raises CheckFailed if the target cannot be asked now, or if the type cannot find jobs by their key. Raises
    MissingExtra.
    """
    kind = _kind(job_type, CheckFailed)
    if kind.find is None:
        raise CheckFailed(Category.PERMANENT, "cannot find a job by its key", job_type)
    with _asking(job_type):
        call = _call(job_type, kind, config, until, clients or _shared(), taken, attempt)
        try:
            run_id = kind.find(call, attempt)
        except AwsTrouble as trouble:
            raise check_error(call, trouble) from None
    return None if run_id is None else Started(job_type, run_id)


@contextmanager
def _asking(job_type: str) -> Iterator[None]:
    """Raise CheckFailed for the errors of a start: a request for a status starts no job."""
    try:
        yield
    except BadConfig as error:
        raise CheckFailed(Category.PERMANENT, str(error), job_type) from None
    except SecretUnreadable as error:
        raise CheckFailed(Category.TRANSIENT, str(error), job_type) from None
    except MissingExtra:
        raise
    except StartRejected as rejected:
        raise CheckFailed(rejected.category, rejected.message, job_type) from None


class Triggers:
    """`start`, `check`, `find` and `capability`, bound to one set of clients."""

    def __init__(self, clients: Clients | None = None) -> None:
        self.clients = clients or Clients()

    def capability(self, job_type: str) -> Capability:
        """As the function of this name."""
        return capability(job_type)

    def start(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime | float,
        taken: Collection[str] = (),
    ) -> Started:
        """As the function of this name."""
        return start(job_type, config, attempt, until=until, clients=self.clients, taken=taken)

    def check(
        self,
        job_type: str,
        config: Mapping[str, Any],
        started: Started | str,
        *,
        until: datetime | float,
        taken: Collection[str] = (),
    ) -> Status:
        """As the function of this name."""
        return check(job_type, config, started, until=until, clients=self.clients, taken=taken)

    def find(
        self,
        job_type: str,
        config: Mapping[str, Any],
        attempt: Attempt,
        *,
        until: datetime | float,
        taken: Collection[str] = (),
    ) -> Started | None:
        """As the function of this name."""
        return find(job_type, config, attempt, until=until, clients=self.clients, taken=taken)


def _kind(job_type: str, error: type[TriggerError] = StartRejected) -> Kind:
    kind = KINDS.get(job_type) if isinstance(job_type, str) else None
    if kind is None:
        raise error(Category.PERMANENT, f"unknown job type {job_type!r}; known are {', '.join(KINDS)}", "")
    return kind


def _call(
    job_type: str,
    kind: Kind,
    config: Mapping[str, Any],
    until: datetime | float,
    clients: Clients,
    taken: Collection[str],
    attempt: Attempt | None = None,
) -> Call[Any]:
    deadline = Deadline(until, clients.timing)
    try:
        filled, secrets = clients.secrets.filled(config)
        form = read_form(kind.form, filled)
        redactor = redactor_of(filled, clients, taken, attempt)
        redactor.learn(secrets)
        return Call(job_type, form, deadline, clients, redactor)
    except RecursionError:
        raise BadConfig("the config is nested too deeply") from None


@cache
def _shared() -> Clients:
    return Clients()
