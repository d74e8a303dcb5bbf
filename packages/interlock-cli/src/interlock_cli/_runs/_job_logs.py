"""Reads the end of a job's output from CloudWatch Logs."""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from msgspec import Struct

from interlock_config import LogPlace

_MOST_STREAMS, _MOST_PAGES = 10, 50
_ABSENT = "ResourceNotFoundException"


class Output(Struct, frozen=True):
    """The end of an output. source: its place, empty if it is nowhere. problem: why it is nowhere, or is incomplete."""

    lines: Sequence[str]
    source: str = ""
    problem: str = ""


def read_output(
    client: Any, places: Sequence[LogPlace], begin: datetime | None, end: datetime | None, count: int
) -> Output:
    """The last lines of the first place that has some.

    client: of CloudWatch Logs. begin, end: the time of the job (UTC), for the group of a function.
    """
    problems: list[str] = []
    for place in places:
        try:
            found, source = (
                _of_streams(client, place, count) if place.stream else _of_group(client, place, begin, end, count)
            )
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code != _ABSENT:
                problems.append(f"{place.group}: {code}")
            continue
        if found:
            return Output(found, source, "; ".join(problems))
    looked = ", ".join(dict.fromkeys(place.group for place in places))
    return Output([], problem="; ".join(problems) or f"no output in {looked}")


def _of_streams(client: Any, place: LogPlace, count: int) -> tuple[list[str], str]:
    """The last lines of each stream of a job. The newest stream comes last."""
    named = {"logGroupName": place.group, "logStreamNamePrefix": place.stream}
    streams = client.describe_log_streams(**named, limit=_MOST_STREAMS)["logStreams"]
    events = [
        event
        for stream in streams
        for event in client.get_log_events(
            logGroupName=place.group, logStreamName=stream["logStreamName"], limit=count, startFromHead=False
        )["events"]
    ]
    events.sort(key=lambda event: int(event["timestamp"]))
    return _lines(events)[-count:], f"{place.group}, {place.stream}"


def _of_group(
    client: Any, place: LogPlace, begin: datetime | None, end: datetime | None, count: int
) -> tuple[list[str], str]:
    """The last lines of a group within the time of a job. A function has one group for all its invocations."""
    times = {
        name: int(at.timestamp() * 1000) for name, at in (("startTime", begin), ("endTime", end)) if at is not None
    }
    kept: deque[str] = deque(maxlen=count)
    for page in _pages(client, {"logGroupName": place.group, **times}):
        kept.extend(_lines(page["events"]))
    return list(kept), place.group


def _pages(client: Any, asked: dict[str, Any]) -> Iterator[Any]:
    for _ in range(_MOST_PAGES):
        page = client.filter_log_events(**asked)
        yield page
        token = page.get("nextToken")
        if not token:
            return
        asked = {**asked, "nextToken": token}


def _lines(events: Sequence[Any]) -> list[str]:
    return [line for event in events for line in str(event.get("message", "")).splitlines() if line.strip()]
