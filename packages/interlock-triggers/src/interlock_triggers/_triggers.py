"""The nine job types by name: starting an attempt's job, and asking how it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from ._call import Call, redactor_of
from ._clients import Clients
from ._deadline import Deadline
from ._errors import CheckFailed, MissingExtra, StartRefused, TriggerError
from ._jobs import KINDS, AwsTrouble, BadConfig, Kind, check_error, read_form
from ._types import Attempt, Capability, Category, Started, Status


def job_types() -> tuple[str, ...]:
    """The names of the job types."""
    return tuple(KINDS)


def capability(job_type: str) -> Capability:
    """What a job type offers against double starts. Raises StartRefused for an unknown type."""
    kind = _kind(job_type)
    return Capability(kind.deduplicates, kind.find is not None, kind.check is None)


def start(
    job_type: str,
    config: Mapping[str, Any],
    attempt: Attempt,
    *,
    until: datetime | float,
    clients: Clients | None = None,
) -> Started:
    """Start an attempt's job, or find it where an earlier invocation started it.

    `config` is the job's config with its variables expanded; `until` is when this call must be over, as an aware
    datetime or as epoch seconds. `clients` defaults to one shared by the process, with an empty allow-list.

    Raises StartRefused (not started), StartUnconfirmed (call again with the same key and `resumed=True`),
    OutcomeUnknown (nothing can tell; never send this attempt again) or MissingExtra.
    """
    kind = _kind(job_type)
    clients = clients or _shared()
    try:
        return kind.start(_call(job_type, kind, config, until, clients), attempt)
    except BadConfig as error:
        raise StartRefused(Category.PERMANENT, str(error), job_type) from None


def check(
    job_type: str,
    config: Mapping[str, Any],
    started: Started | str,
    *,
    until: datetime | float,
    clients: Clients | None = None,
) -> Status:
    """How a started job is; `started` is what `start` returned, or its run id.

    Raises CheckFailed when that cannot be read: the job is then as it was, and may be asked for again; JobGone, a
    CheckFailed, when the target knows no such job (any more); MissingExtra.
    """
    kind = _kind(job_type, CheckFailed)
    if isinstance(started, Started) and started.status is not None:
        return started.status
    if kind.check is None:
        raise CheckFailed(Category.PERMANENT, "was over when it was started; there is nothing to ask", job_type)
    run_id = started.run_id if isinstance(started, Started) else started
    details = started.details if isinstance(started, Started) else {}
    with _asking(job_type):
        return kind.check(_call(job_type, kind, config, until, clients or _shared()), run_id, details)


def find(
    job_type: str,
    config: Mapping[str, Any],
    attempt: Attempt,
    *,
    until: datetime | float,
    clients: Clients | None = None,
) -> Started | None:
    """The attempt's job where the target can be asked for it (airflow, glue, emr, step-function), else None.

    Raises CheckFailed when the target cannot be asked now, or when the type offers no such question; MissingExtra.
    """
    kind = _kind(job_type, CheckFailed)
    if kind.find is None:
        raise CheckFailed(Category.PERMANENT, "cannot be asked for a start by its key", job_type)
    with _asking(job_type):
        call = _call(job_type, kind, config, until, clients or _shared())
        try:
            run_id = kind.find(call, attempt)
        except AwsTrouble as trouble:
            raise check_error(call, trouble) from None
    return None if run_id is None else Started(job_type, run_id)


@contextmanager
def _asking(job_type: str) -> Iterator[None]:
    """A question starts nothing: what is wrong with the config is a CheckFailed there."""
    try:
        yield
    except BadConfig as error:
        raise CheckFailed(Category.PERMANENT, str(error), job_type) from None
    except MissingExtra:
        raise
    except StartRefused as refused:
        raise CheckFailed(refused.category, refused.message, job_type) from None


class Triggers:
    """`start`, `check`, `find` and `capability`, bound to one set of clients."""

    def __init__(self, clients: Clients | None = None) -> None:
        self.clients = clients or Clients()

    def capability(self, job_type: str) -> Capability:
        """As the function of this name."""
        return capability(job_type)

    def start(self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime | float) -> Started:
        """As the function of this name."""
        return start(job_type, config, attempt, until=until, clients=self.clients)

    def check(
        self, job_type: str, config: Mapping[str, Any], started: Started | str, *, until: datetime | float
    ) -> Status:
        """As the function of this name."""
        return check(job_type, config, started, until=until, clients=self.clients)

    def find(
        self, job_type: str, config: Mapping[str, Any], attempt: Attempt, *, until: datetime | float
    ) -> Started | None:
        """As the function of this name."""
        return find(job_type, config, attempt, until=until, clients=self.clients)


def _kind(job_type: str, error: type[TriggerError] = StartRefused) -> Kind:
    kind = KINDS.get(job_type) if isinstance(job_type, str) else None
    if kind is None:
        raise error(Category.PERMANENT, f"unknown job type {job_type!r}; known are {', '.join(KINDS)}", "")
    return kind


def _call(job_type: str, kind: Kind, config: Mapping[str, Any], until: datetime | float, clients: Clients) -> Call[Any]:
    deadline = Deadline(until, clients.timing)
    try:
        form = read_form(kind.form, config)
        return Call(job_type, form, deadline, clients, redactor_of(config, clients))
    except RecursionError:
        raise BadConfig("the config is nested too deeply") from None


@cache
def _shared() -> Clients:
    return Clients()
