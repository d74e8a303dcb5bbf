"""What can go wrong with a trigger, told apart by whether the job may have been started.

TriggerError                the root
├── StartRefused            definitely not started
│   └── MissingExtra        not started: an optional dependency is not installed
├── StartUnconfirmed        may have been started; the same start, sent again, settles it
├── OutcomeUnknown          may have been started; nothing can settle it
├── CheckFailed             the status could not be read; the job is as it was
│   └── JobGone             the target knows no such job, or no longer
└── AllowListError          an entry of the allow-list is neither a host nor a network
"""

from ._types import Category


class TriggerError(Exception):
    """Root of this package's errors. `category`, `message` and `job_type` say what, why and for which type."""

    def __init__(self, category: Category, message: str, job_type: str) -> None:
        super().__init__(category, message, job_type)
        self.category = category
        self.message = message
        self.job_type = job_type

    def __str__(self) -> str:
        return f"{self.job_type}: {self.message}" if self.job_type else self.message


class StartRefused(TriggerError):
    """The target definitely did not accept the start, or nothing was sent.

    TRANSIENT: the same attempt may be started again. PERMANENT: the config or the target must change first.
    """


class StartUnconfirmed(TriggerError):
    """The start was sent and its answer was lost, but the target deduplicates or can be asked.

    Call `start` again with the same key and `resumed=True`: it finds the job or starts it, never a second one.
    """


class OutcomeUnknown(TriggerError):
    """The start was, or may have been, sent, its answer is lost, and the target can neither deduplicate nor be asked.

    It must not be sent again under the same attempt.
    """


class CheckFailed(TriggerError):
    """The status of a job could not be read. TRANSIENT: ask again later. PERMANENT: asking again will not help."""


class JobGone(CheckFailed):
    """The target answered that it knows no such job, or no longer: it does not run there. Always PERMANENT."""


class MissingExtra(StartRefused):
    """The job type needs an optional dependency that is not installed. Nothing was sent."""


class AllowListError(TriggerError):
    """An entry of the allow-list is neither a host name, nor an address, nor a network."""

    def __init__(self, message: str) -> None:
        super().__init__(Category.PERMANENT, message, "")
