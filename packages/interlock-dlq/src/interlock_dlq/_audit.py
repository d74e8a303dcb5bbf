"""Follows each record from its arrival to its fate, so that one that is lost, or ends twice, is found."""

import threading
from enum import StrEnum

from msgspec import Struct

from interlock_dlq._errors import AuditError


class Fate(StrEnum):
    """Where a record is on its way; all but PENDING are final."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    """Handled."""
    REJECTED = "rejected"
    """Taken out of its source as a dead letter."""
    RETURNED = "returned"
    """Given back to its source, which delivers it again."""


class AuditReport(Struct, frozen=True, kw_only=True):
    """The books: how many records ended how, and the identifiers of those without an end and of those seen twice."""

    expected: int
    acknowledged: int
    rejected: int
    returned: int
    pending: tuple[str, ...]
    duplicates: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Whether every expected record has come to an end."""
        return not self.pending


class AuditTracker:
    """The fate of every record, by identifier; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fates: dict[str, Fate] = {}
        self._duplicates: list[str] = []

    def expect(self, identifier: str) -> bool:
        """A record has arrived; False, and noted as a duplicate, if it was expected before."""
        with self._lock:
            if identifier in self._fates:
                self._duplicates.append(identifier)
                return False
            self._fates[identifier] = Fate.PENDING
            return True

    def settle(self, identifier: str, fate: Fate) -> None:
        """A pending record has come to its end; AuditError if it was never expected, or has ended before."""
        if fate is Fate.PENDING:
            raise AuditError(f"record {identifier} cannot end as {fate}")
        with self._lock:
            current = self._fates.get(identifier)
            if current is not Fate.PENDING:
                past = "was never expected" if current is None else f"is {current} already"
                raise AuditError(f"record {identifier} {past}, so it cannot become {fate}")
            self._fates[identifier] = fate

    def fate(self, identifier: str) -> Fate | None:
        """Where a record is; None if it was never expected."""
        with self._lock:
            return self._fates.get(identifier)

    def reconcile(self) -> AuditReport:
        """The books as they are now."""
        with self._lock:
            ends = list(self._fates.values())
            return AuditReport(
                expected=len(ends),
                acknowledged=ends.count(Fate.ACKNOWLEDGED),
                rejected=ends.count(Fate.REJECTED),
                returned=ends.count(Fate.RETURNED),
                pending=tuple(name for name, fate in self._fates.items() if fate is Fate.PENDING),
                duplicates=tuple(self._duplicates),
            )
