"""Defines the errors of this package, with one base class and the meaning of each error for the record."""


class DlqError(Exception):
    """The base class of every error that this package raises."""


class MalformedRecord(DlqError):
    """The record itself is wrong, and no retry can help: permanent. `problem` states the reason."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class RetryLater(DlqError):
    """The record is fine, but it cannot be handled now: transient. `reason` names the condition to wait for."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class RoutingFailed(DlqError):
    """A dead letter could not be kept anywhere. Its record must stay in its source."""


class UnknownBatch(DlqError):
    """The event is not a batch of a known source. No record was handled."""


class AuditError(DlqError):
    """A record was reported in an impossible order, such as acknowledged before it was expected."""


class ResendFailed(DlqError):
    """A dead letter was sent to its function again and failed again."""


class LedgerError(DlqError):
    """A file is not the ledger of this redrive."""


class RedriveStopped(DlqError):
    """A redrive ended early because its queue could not be read. `report` has the result up to then."""

    def __init__(self, problem: str, report: object) -> None:
        self.report = report
        super().__init__(problem)
