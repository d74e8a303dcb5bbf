"""Dead letters: classification, records, routing, partial batches, audit and redrive."""

from interlock_dlq._audit import AuditReport, AuditTracker, Fate
from interlock_dlq._batch import BatchResult, process_queue, process_stream
from interlock_dlq._classify import Permanence, classify
from interlock_dlq._errors import (
    AuditError,
    DlqError,
    LedgerError,
    MalformedRecord,
    RedriveStopped,
    ResendFailed,
    RetryLater,
    RoutingFailed,
)
from interlock_dlq._ledger import Entry, FileLedger, Ledger, Step
from interlock_dlq._letter import OUTBOX, DeadLetter, decode_letter, encode_letter, make_letter
from interlock_dlq._redrive import QueuedLetter, RedriveReport, list_letters, redrive
from interlock_dlq._resend import resend_to_function
from interlock_dlq._route import LogRouter, NullRouter, Router, SqsClient, SqsRouter

__all__ = [
    "OUTBOX",
    "AuditError",
    "AuditReport",
    "AuditTracker",
    "BatchResult",
    "DeadLetter",
    "DlqError",
    "Entry",
    "Fate",
    "FileLedger",
    "Ledger",
    "LedgerError",
    "LogRouter",
    "MalformedRecord",
    "NullRouter",
    "Permanence",
    "QueuedLetter",
    "RedriveReport",
    "RedriveStopped",
    "ResendFailed",
    "RetryLater",
    "Router",
    "RoutingFailed",
    "SqsClient",
    "SqsRouter",
    "Step",
    "classify",
    "decode_letter",
    "encode_letter",
    "list_letters",
    "make_letter",
    "process_queue",
    "process_stream",
    "redrive",
    "resend_to_function",
]
