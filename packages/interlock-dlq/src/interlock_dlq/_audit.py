"""Follows each record from its arrival to its fate, to find records that are lost or end twice."""

import threading
from enum import StrEnum

from msgspec import Struct

from interlock_dlq._errors import AuditError


class Fate(StrEnum):
    """The state of a record. All states except PENDING are final."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    """Handled."""
    REJECTED = "rejected"
    """Taken out of its source as a dead letter."""
    RETURNED = "returned"
    """Returned to its source, which delivers it again."""


class AuditReport(Struct, frozen=True, kw_only=True):
    """The number of records with each fate, and the identifiers of pending records and of duplicates."""

    expected: int
    acknowledged: int
    rejected: int
    returned: int
    pending: tuple[str, ...]
    duplicates: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Whether every expected record has a final fate."""
        return not self.pending


class AuditTracker:
    """The fate of every record, by identifier. It is safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fates: dict[str, Fate] = {}
        self._duplicates: list[str] = []

    def expect(self, identifier: str) -> bool:
        """Register a record that has arrived. Returns False, and counts a duplicate, if it was expected before."""
        with self._lock:
            if identifier in self._fates:
                self._duplicates.append(identifier)
                return False
            self._fates[identifier] = Fate.PENDING
            return True

    def settle(self, identifier: str, fate: Fate) -> None:
        """Set the final fate of a pending record. Raises AuditError if it was never expected or is already final."""
        if fate is Fate.PENDING:
            raise AuditError(f"record {identifier} cannot end as {fate}")
        with self._lock:
            current = self._fates.get(identifier)
            if current is not Fate.PENDING:
                past = "was never expected" if current is None else f"is {current} already"
                raise AuditError(f"record {identifier} {past}, so it cannot become {fate}")
            self._fates[identifier] = fate

    def fate(self, identifier: str) -> Fate | None:
        """The state of a record, None if it was never expected."""
        with self._lock:
            return self._fates.get(identifier)

    def reconcile(self) -> AuditReport:
        """The report on all records up to now."""
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
