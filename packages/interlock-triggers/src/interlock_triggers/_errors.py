"""The errors of triggers, divided by whether the job may have been started.

TriggerError                the base class
├── StartRejected            definitely not started
│   └── MissingExtra        not started: an optional dependency is not installed
├── StartUnconfirmed        may have been started: the same start, sent again, finds out
├── OutcomeUnknown          may have been started: no later call can find out
├── CheckFailed             the status could not be read: the job is unchanged
│   └── JobGone             the target does not know the job, or no longer knows it
└── AllowListError          an entry of the allow-list is neither a host nor a network
"""

from ._types import Category


class TriggerError(Exception):
    """Base class of this package's errors, with the `category`, the `message` and the `job_type`."""

    def __init__(self, category: Category, message: str, job_type: str) -> None:
        super().__init__(category, message, job_type)
        self.category = category
        self.message = message
        self.job_type = job_type

    def __str__(self) -> str:
        return f"{self.job_type}: {self.message}" if self.job_type else self.message


class StartRejected(TriggerError):
    """The target definitely did not accept the start, or nothing was sent.

    TRANSIENT: the same attempt may be started again. PERMANENT: the config or the target must change first.
    """


class StartUnconfirmed(TriggerError):
    """The start was sent and its answer was lost, but the target deduplicates or can be asked.

    Call `start` again with the same key and `resumed=True`: it finds the job or starts it, but never a second job.
    """


class OutcomeUnknown(TriggerError):
    """The start may have been sent, its answer is lost, and the target can neither deduplicate nor be asked.

    The start must not be sent again under the same attempt.
    """


class CheckFailed(TriggerError):
    """The status of a job could not be read. TRANSIENT: ask again later. PERMANENT: asking again will not help."""


class JobGone(CheckFailed):
    """The target answered that it does not know the job: the job does not run there. Always PERMANENT."""


class MissingExtra(StartRejected):
    """The job type needs an optional dependency that is not installed. Nothing was sent."""


class AllowListError(TriggerError):
    """An entry of the allow-list is neither a host name, nor an address, nor a network."""

    def __init__(self, message: str) -> None:
        super().__init__(Category.PERMANENT, message, "")
