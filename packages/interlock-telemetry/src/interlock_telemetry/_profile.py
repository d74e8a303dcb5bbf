"""Answers `{"__profile__": …}`: a CPU profile of one invocation."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from interlock_telemetry._aws import aws_client


class ObjectStore(Protocol):
    """The used part of an S3 client."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> Any:  # noqa: N803 - boto3's names
        """Store one object."""
        ...


def is_profile(event: object) -> bool:
    """Whether the event requests a CPU profile."""
    return isinstance(event, Mapping) and bool(event.get("__profile__"))


def profile(
    event: object,
    handle: Callable[[Any], object],
    *,
    service: str,
    bucket: str | None,
    now: datetime,
    client: ObjectStore | None = None,
) -> dict[str, Any] | None:
    """Handle the event under the profiler and store the profile. None for an event that requests no profile.

    `{"__profile__": {…}}` profiles the handling of the inner event, `{"__profile__": true}` profiles a ping. The answer
    is {key, bucket, answer}: the S3 key of a file for `python -m pstats`, and the handler's answer. Without a bucket
    the event is not handled, and the answer has an `error`.
    """
    if not is_profile(event):
        return None
    if bucket is None:
        return {"key": None, "error": "PROFILE_BUCKET is not set, so the profile cannot be stored"}
    import cProfile  # imported here, since few invocations are profiled
    import marshal
    import pstats
    import secrets

    asked = event["__profile__"]  # type: ignore[index]  # is_profile checked the mapping
    inner = asked if isinstance(asked, Mapping) else {"__ping__": True}
    profiler = cProfile.Profile()
    answer = profiler.runcall(handle, inner)
    # Two profiles in one second must not overwrite each other.
    key = f"profiles/{service}/{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.prof"
    stats: Any = pstats.Stats(profiler)
    (client or _s3()).put_object(Bucket=bucket, Key=key, Body=marshal.dumps(stats.stats))
    return {"key": key, "bucket": bucket, "answer": answer}


def _s3() -> ObjectStore:
    client: ObjectStore = aws_client("s3")
    return client
