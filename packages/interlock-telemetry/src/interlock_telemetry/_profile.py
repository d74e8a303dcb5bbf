"""What an invocation spends its CPU time on: the reply to `{"__profile__": …}`."""

import marshal
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol


class ObjectStore(Protocol):
    """The part of an S3 client that is used."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> Any:  # noqa: N803 - boto3's names
        """Store one object."""
        ...


def is_profile(event: object) -> bool:
    """Whether the event asks to be handled under a CPU profile."""
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
    """Handle the event under the profiler and store the profile; None when the event asks for none.

    `{"__profile__": {…}}` profiles the handling of that inner event, `{"__profile__": true}` that of a ping. The
    answer is {key, bucket, answer}: the S3 key of a file for `python -m pstats`, and what the handling returned.
    Without a bucket nothing is handled, and the answer says so under `error`.
    """
    if not is_profile(event):
        return None
    if bucket is None:
        return {"key": None, "error": "PROFILE_BUCKET is not set: there is nowhere to put a profile"}
    import cProfile  # only now: hardly any invocation is profiled
    import pstats

    asked = event["__profile__"]  # type: ignore[index]  # is_profile saw a mapping
    inner = asked if isinstance(asked, Mapping) else {"__ping__": True}
    profiler = cProfile.Profile()
    answer = profiler.runcall(handle, inner)
    # Two profiles of one second must not overwrite each other.
    key = f"profiles/{service}/{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.prof"
    stats: Any = pstats.Stats(profiler)
    (client or _s3()).put_object(Bucket=bucket, Key=key, Body=marshal.dumps(stats.stats))
    return {"key": key, "bucket": bucket, "answer": answer}


def _s3() -> ObjectStore:
    import boto3

    client: ObjectStore = boto3.client("s3")
    return client
