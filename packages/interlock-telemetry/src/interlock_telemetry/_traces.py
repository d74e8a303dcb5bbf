"""Computes the trace of a run's date from the names of the run, so that no row, event or input has to carry it.

Every invocation that works on the date computes the same ids: the router, each step of each attempt, the SLA monitor,
the consumers of the events, and each of them again after a crash (docs/decisions/0017-computed-trace-ids.md).
"""

from hashlib import blake2b

from msgspec import Struct

from interlock_telemetry._runs import BoundRun


class Place(Struct, frozen=True):
    """The ids of a date's trace: of the trace, of its first span, and of the span of the attempt.

    trace_id: 128 bits. root_id, attempt_id: 64 bits. attempt_id is None for a run without a token.
    """

    trace_id: int
    root_id: int
    attempt_id: int | None

    @property
    def parent_id(self) -> int:
        """The parent of a span that begins in this invocation."""
        return self.root_id if self.attempt_id is None else self.attempt_id

    @property
    def traceparent(self) -> str:
        """The header of W3C Trace Context, for a job that this attempt starts."""
        return f"00-{self.trace_id:032x}-{self.parent_id:016x}-01"


def place_of(namespace: str, run: BoundRun) -> Place:
    """The place of a run. `namespace` separates deployments that export to the same collector."""
    date = (namespace, run.pipeline, run.schedule, run.date)
    attempt_id = None if run.token is None else _id(8, "attempt", *date, run.token)
    return Place(_id(16, "trace", *date), _id(8, "date", *date), attempt_id)


def _id(size: int, *names: str) -> int:
    """An id of `size` bytes. Zero is not a valid id in OpenTelemetry."""
    text = "\0".join(names).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=size).digest()) or 1
