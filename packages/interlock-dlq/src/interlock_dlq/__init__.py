"""Dead letters: classification, records, routing, partial batches, audit and redrive."""

from interlock_dlq._async_batch import process_batch_async
from interlock_dlq._audit import AuditReport, AuditTracker, Fate
from interlock_dlq._batch import BatchOptions, LambdaContext, process_batch, process_queue, process_stream
from interlock_dlq._classify import Permanence, classify
from interlock_dlq._decode import record_decoder
from interlock_dlq._errors import (
    AuditError,
    DlqError,
    LedgerError,
    MalformedRecord,
    RedriveStopped,
    ResendFailed,
    RetryLater,
    RoutingFailed,
    UnknownBatch,
)
from interlock_dlq._ledger import Entry, FileLedger, Ledger, Step
from interlock_dlq._letter import OUTBOX, DeadLetter, decode_letter, encode_letter, make_letter
from interlock_dlq._redrive import LettersRead, QueuedLetter, RedriveReport, list_letters, read_letters, redrive
from interlock_dlq._resend import resend_message_to_function, resend_payload_to_function, resend_to_function
from interlock_dlq._route import (
    LetterBucket,
    LetterSettings,
    LogRouter,
    NullRouter,
    Router,
    SqsClient,
    SqsRouter,
    router_of,
)
from interlock_dlq._settle import BatchResult
from interlock_dlq._stream_batch import StreamBatch, StreamTrimmed, read_stream_batch, reread, resend_stream_batch

__all__ = [
    "OUTBOX",
    "AuditError",
    "AuditReport",
    "AuditTracker",
    "BatchOptions",
    "BatchResult",
    "DeadLetter",
    "DlqError",
    "Entry",
    "Fate",
    "FileLedger",
    "LambdaContext",
    "Ledger",
    "LedgerError",
    "LetterBucket",
    "LetterSettings",
    "LettersRead",
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
    "StreamBatch",
    "StreamTrimmed",
    "UnknownBatch",
    "classify",
    "decode_letter",
    "encode_letter",
    "list_letters",
    "make_letter",
    "process_batch",
    "process_batch_async",
    "process_queue",
    "process_stream",
    "read_letters",
    "read_stream_batch",
    "record_decoder",
    "redrive",
    "reread",
    "resend_message_to_function",
    "resend_payload_to_function",
    "resend_stream_batch",
    "resend_to_function",
    "router_of",
]
