"""One call of a trigger: its config, its time, its means; and how its errors are worded without secrets."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from ._clients import Clients
from ._deadline import Deadline
from ._errors import CheckFailed, JobGone, OutcomeUnknown, StartRefused, StartUnconfirmed
from ._secrets import Redactor
from ._text import one_line
from ._types import Category

C = TypeVar("C")


class Call(Struct, Generic[C], frozen=True):
    """What a job type's functions work with."""

    type: str
    config: C
    deadline: Deadline
    clients: Clients
    redactor: Redactor

    def __repr__(self) -> str:
        return f"Call({self.type})"

    def clean(self, text: str) -> str:
        """Foreign text as it may be shown: one line, bounded, secrets masked."""
        # Masked before it is cut: half a secret is still one.
        return one_line(self.redactor.scrub(text))

    def refused(self, category: Category, message: str) -> StartRefused:
        """The error for a start that was not accepted."""
        return StartRefused(category, self.clean(message), self.type)

    def unconfirmed(self, message: str, category: Category = Category.TRANSIENT) -> StartUnconfirmed:
        """The error for a start that may have been accepted and can be settled by sending it again."""
        text = f"{message}; the job may have been started, the same start sent again will tell"
        return StartUnconfirmed(category, self.clean(text), self.type)

    def unknown(self, message: str, category: Category = Category.TRANSIENT) -> OutcomeUnknown:
        """The error for a start that may have been accepted, which nothing can settle."""
        text = f"outcome unknown: {message}; it is not sent again"
        return OutcomeUnknown(category, self.clean(text), self.type)

    def unreadable(self, message: str, category: Category = Category.TRANSIENT) -> CheckFailed:
        """The error for a status that could not be read."""
        return CheckFailed(category, self.clean(message), self.type)

    def gone(self, message: str) -> JobGone:
        """The error for a job that its target does not know (any more)."""
        return JobGone(Category.PERMANENT, self.clean(message), self.type)


def redactor_of(config: Mapping[str, Any], clients: Clients) -> Redactor:
    """A redactor that knows the secrets of a config and those among the caller's INTERLOCK_ variables."""
    redactor = Redactor.of(config)
    ours = {name: value for name, value in clients.environment.items() if name.startswith("INTERLOCK_")}
    redactor.learn(Redactor.secrets_of(ours))
    return redactor
