"""The errors of this package: one root, and what each means for the record in hand."""


class DlqError(Exception):
    """Root of every error that this package raises."""


class MalformedRecord(DlqError):
    """The record itself is wrong, so that no retry can mend it: permanent. `problem` says what is wrong."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class RetryLater(DlqError):
    """The record is fine, the moment is not: transient. `reason` says what it waits for."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class RoutingFailed(DlqError):
    """A dead letter could not be kept anywhere; its record has to stay where it came from."""


class AuditError(DlqError):
    """A record was reported in an order that cannot be, such as acknowledged before it was expected."""


class ResendFailed(DlqError):
    """A dead letter was sent to its function again, and failed again."""
