"""The sources of a batch: how each names, orders and reports its records."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from interlock_dlq._errors import UnknownBatch

Record = dict[str, Any]
Identifier = str | dict[str, Any]
"""A record's name in the partial batch response: a text, or partition and offset for Kafka."""

WHOLE_BATCH = ""
"""Lambda reads an empty identifier as "the whole batch failed"."""


class Source(Struct, frozen=True):
    """A kind of event source.

    identify: the identifier of a record, empty for a record without one.
    lane: records of one lane are handled in order, and a returned record stops its lane. None: a lane of its own.
    resumes: the source delivers a lane again from its first returned record on. Otherwise it delivers each returned
    record again.
    origin: the `source` of a letter. name: identifies the record for a person, in the letter and in the log.
    """

    identify: Callable[[Record], Identifier]
    lane: Callable[[Record], Hashable]
    resumes: bool
    origin: Callable[[Record], str]
    name: Callable[[Record], str | None]


def source_of(event: object, *, skip_group: bool) -> tuple[Source, Sequence[Record]]:
    """The source and the records of a Lambda event. Raises UnknownBatch for an event of another kind."""
    if not isinstance(event, Mapping):
        raise UnknownBatch(f"an event must be an object, got {type(event).__name__}")
    if _name_of(event) in _KAFKA_NAMES:
        return _kafka_source(event), _kafka_records(event)
    records = _checked(event.get("Records"))
    names = {_name_of(record) for record in records}
    if len(names) > 1:
        raise UnknownBatch(f"a batch must have one eventSource, got {sorted(map(repr, names))}")
    name = names.pop() if names else "aws:sqs"
    if name == "aws:sqs":
        return queue_source(skip_group), records
    if name not in _STREAMS:
        raise UnknownBatch(f"eventSource must be one of {', '.join(_KNOWN)}, got {name!r}")
    return _STREAMS[name], records


def _name_of(record: Mapping[str, Any]) -> str | None:
    """The source of a record or of an event. A value of another type is shown as it is, and names no source."""
    name = record.get("eventSource")
    return name if name is None or isinstance(name, str) else repr(name)


def stream_source(records: Sequence[Record]) -> Source:
    """The source of a stream's records: Kinesis if they name it, otherwise DynamoDB."""
    name = _expect(_checked(records), tuple(_STREAMS))
    return _STREAMS.get(name, DYNAMODB)


def check_messages(messages: Sequence[Record]) -> None:
    """Raise UnknownBatch unless these can be messages of SQS."""
    _expect(_checked(messages), ("aws:sqs",))


def attribute(record: Record, name: str) -> str:
    """An attribute that SQS adds to a message, empty without it."""
    attributes = record.get("attributes")
    found = attributes.get(name) if isinstance(attributes, dict) else None
    return found if isinstance(found, str) else ""


def _expect(records: Sequence[Record], expected: tuple[str, ...]) -> str:
    """The event source that the records name, or "". Raises UnknownBatch if they name one that is not expected."""
    found = {record["eventSource"] for record in records if isinstance(record.get("eventSource"), str)}
    if foreign := sorted(found - set(expected)) or (len(found) > 1 and sorted(found)):
        raise UnknownBatch(f"eventSource must be {' or '.join(expected)}, and one for the batch, got {foreign}")
    return found.pop() if found else ""


def _checked(records: object) -> Sequence[Record]:
    if not isinstance(records, list) and (not isinstance(records, Sequence) or isinstance(records, str | bytes)):
        raise UnknownBatch(f"Records must be a list, got {type(records).__name__}")
    for record in records:
        if not isinstance(record, dict):
            raise UnknownBatch(f"a record must be an object, got {type(record).__name__}")
    return records


def _sequence_number(record: Record) -> str:
    """The number at which a stream resumes, not the record's eventID."""
    body = record.get("dynamodb")
    return str(body.get("SequenceNumber") or "") if isinstance(body, dict) else ""


def _kinesis_number(record: Record) -> str:
    body = record.get("kinesis")
    return str(body.get("sequenceNumber") or "") if isinstance(body, dict) else ""


def _message_id(record: Record) -> str:
    return str(record.get("messageId", ""))


def _offset(record: Record) -> Identifier:
    offset = record.get("offset")
    is_number = isinstance(offset, int) and not isinstance(offset, bool)
    return {"partition": _partition(record), "offset": offset} if is_number else WHOLE_BATCH


def _partition(record: Record) -> str:
    return f"{record.get('topic')}-{record.get('partition')}"


def _event_name(record: Record) -> str | None:
    found = record.get("eventID") or record.get("messageId")
    return str(found) if found else None


def _arn(record: Record) -> str:
    return str(record.get("eventSourceARN", ""))


def _one_lane(record: Record) -> Hashable:
    return WHOLE_BATCH


def _group(record: Record) -> Hashable:
    """The FIFO group of a message. A group of a standard queue is only for fairness and has no order."""
    arn = _arn(record)
    is_standard = arn.startswith("arn:") and ":sqs:" in arn and not arn.endswith(".fifo")
    return None if is_standard else attribute(record, "MessageGroupId") or (WHOLE_BATCH if _is_fifo(arn) else None)


def _fifo_lane(record: Record) -> Hashable:
    """One lane for all messages of a FIFO queue."""
    return None if _group(record) is None else WHOLE_BATCH


def _is_fifo(arn: str) -> bool:
    return arn.endswith(".fifo")


def queue_source(skip_group: bool) -> Source:
    """SQS. `skip_group`: a returned message of a FIFO queue stops its group, otherwise all messages after it."""
    return _QUEUE if skip_group else _STRICT_QUEUE


def _kafka_source(event: Mapping[str, Any]) -> Source:
    origin = str(event.get("eventSourceArn") or event.get("bootstrapServers") or event["eventSource"])
    return Source(_offset, _partition, True, lambda record: f"{origin} {_partition(record)}", _kafka_name)


def _kafka_name(record: Record) -> str:
    return f"{_partition(record)}@{record.get('offset')}"


def _kafka_records(event: Mapping[str, Any]) -> Sequence[Record]:
    """The records of all partitions, in the order of each partition."""
    partitions = event.get("records")
    if not isinstance(partitions, Mapping):
        raise UnknownBatch(f"records must be an object with a list per partition, got {type(partitions).__name__}")
    return [record for records in partitions.values() for record in _checked(records)]


DYNAMODB = Source(_sequence_number, _one_lane, True, _arn, _event_name)
_KINESIS = Source(_kinesis_number, _one_lane, True, _arn, _event_name)
_QUEUE = Source(_message_id, _group, False, _arn, _event_name)
_STRICT_QUEUE = Source(_message_id, _fifo_lane, False, _arn, _event_name)
_STREAMS = {"aws:dynamodb": DYNAMODB, "aws:kinesis": _KINESIS}
_KAFKA_NAMES = ("aws:kafka", "SelfManagedKafka")
_KNOWN = ("aws:sqs", *_STREAMS, *_KAFKA_NAMES)
