"""Nine job types, each started at most once per attempt and followed to its end."""

from ._clients import Clients
from ._deadline import Timing
from ._errors import (
    AllowListError,
    CheckFailed,
    JobGone,
    MissingExtra,
    OutcomeUnknown,
    StartRejected,
    StartUnconfirmed,
    TriggerError,
)
from ._http import Breakers
from ._posts import PostAnswer, Poster, PostForbidden, PostUnanswered
from ._secrets import SecretStore, SecretUnreadable
from ._triggers import Triggers, capability, check, find, job_types, start
from ._types import Attempt, Capability, Category, Started, State, Status

__all__ = [
    "AllowListError",
    "Attempt",
    "Breakers",
    "Capability",
    "Category",
    "CheckFailed",
    "Clients",
    "JobGone",
    "MissingExtra",
    "OutcomeUnknown",
    "PostAnswer",
    "PostForbidden",
    "PostUnanswered",
    "Poster",
    "SecretStore",
    "SecretUnreadable",
    "StartRejected",
    "StartUnconfirmed",
    "Started",
    "State",
    "Status",
    "Timing",
    "TriggerError",
    "Triggers",
    "capability",
    "check",
    "find",
    "job_types",
    "start",
]
