"""One call of a trigger: its config, deadline and clients, and its errors without secrets."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from ._clients import Clients
from ._deadline import Deadline
from ._errors import CheckFailed, JobGone, OutcomeUnknown, StartRejected, StartUnconfirmed
from ._redactor import Redactor
from ._text import one_line
from ._types import Attempt, Category

C = TypeVar("C")


class Call(Struct, Generic[C], frozen=True):
    """The input of a job type's functions."""

    type: str
    config: C
    deadline: Deadline
    clients: Clients
    redactor: Redactor

    def __repr__(self) -> str:
        return f"Call({self.type})"

    def clean(self, text: str) -> str:
        """Foreign text for a message: one line, bounded, secrets masked."""
        # Mask before cutting: half a secret is still a secret.
        return one_line(self.redactor.scrub(text))

    def composed(self, text: str) -> str:
        """Our own message: one line, bounded, secrets masked. Statuses and other small numbers stay readable.

        Foreign text within the message is cleaned before.
        """
        return one_line(self.redactor.scrub_ours(text))

    def rejected(self, category: Category, message: str) -> StartRejected:
        """The error for a start that was not accepted."""
        return StartRejected(category, self.composed(message), self.type)

    def unconfirmed(self, message: str, category: Category = Category.TRANSIENT) -> StartUnconfirmed:
        """The error for a start that may have been accepted. The same start, sent again, finds out."""
        text = f"{message}; the job may have been started: send the same start again to find out"
        return StartUnconfirmed(category, self.composed(text), self.type)

    def unknown(self, message: str, category: Category = Category.TRANSIENT) -> OutcomeUnknown:
        """The error for a start that may have been accepted. No later call can find out."""
        text = f"outcome unknown: {message}; it is not sent again"
        return OutcomeUnknown(category, self.composed(text), self.type)

    def unreadable(self, message: str, category: Category = Category.TRANSIENT) -> CheckFailed:
        """The error for a status that could not be read."""
        return CheckFailed(category, self.composed(message), self.type)

    def gone(self, message: str) -> JobGone:
        """The error for a job that its target does not know, or no longer knows."""
        return JobGone(Category.PERMANENT, self.composed(message), self.type)


def redactor_of(config: Mapping[str, Any], clients: Clients, taken: Iterable[str], attempt: Attempt | None) -> Redactor:
    """A redactor for a config, the values that it has taken from variables, and the caller's INTERLOCK_ secrets."""
    redactor = Redactor.of(config, taken, () if attempt is None else _shown_of(attempt))
    ours = {name: value for name, value in clients.environment.items() if name.startswith("INTERLOCK_")}
    redactor.learn(Redactor.secrets_of(ours))
    return redactor


def _shown_of(attempt: Attempt) -> Iterator[str]:
    """The values that identify a run: they are in its events anyway, and a header may repeat them."""
    yield from (attempt.pipeline_id, attempt.schedule_id, attempt.date, attempt.key, attempt.par_day)
    yield from attempt.variables.values()
