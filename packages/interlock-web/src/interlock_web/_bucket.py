"""Writes an export to a bucket of S3: the overview comes last, so that each link of it leads to a file."""

import mimetypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from interlock_web._export import MARK, NotReplaced

_CONNECTIONS = 8
_MOST_DELETED = 1000
"""The keys of one deletion of S3."""


class Bucket(Struct, frozen=True):
    """A place in a bucket. prefix: empty, or a path that ends with a slash."""

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"


def read_bucket(text: str) -> Bucket | None:
    """The place of an address s3://BUCKET/PREFIX. None for any other text. Raises ValueError without a bucket."""
    if not text.startswith("s3://"):
        return None
    parts = urlsplit(text)
    if not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not s3://BUCKET/PREFIX")
    path = parts.path.strip("/")
    return Bucket(parts.netloc, f"{path}/" if path else "")


def check_bucket(client: Any, bucket: Bucket) -> set[str]:
    """The keys of an earlier export. Raises NotReplaced if the place has other objects."""
    found = set(_keys(client, bucket))
    if found and f"{bucket.prefix}{MARK}" not in found:
        raise NotReplaced(f"{bucket} has objects and is no earlier export")
    return found


def upload(client: Any, folder: Path, bucket: Bucket, earlier: set[str]) -> None:
    """Write the files of a folder, the overview last, then delete the objects of the earlier export that are gone.

    Nothing is deleted before the new overview is there. An upload that was interrupted is completed by the next one.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    keys = {path: bucket.prefix + path.relative_to(folder).as_posix() for path in paths}

    def put(path: Path) -> None:
        kind = mimetypes.guess_type(path.name)[0] or "text/plain"
        kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        client.put_object(
            Bucket=bucket.name, Key=keys[path], Body=path.read_bytes(), ContentType=kind, CacheControl="no-cache"
        )

    # The mark comes first: an interrupted upload into an empty place is then known as an export.
    put(folder / MARK)
    last = folder / "index.html"
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(put, (path for path in paths if path not in (last, folder / MARK))))
    put(last)
    gone = sorted(earlier - set(keys.values()))
    for start in range(0, len(gone), _MOST_DELETED):
        objects = [{"Key": key} for key in gone[start : start + _MOST_DELETED]]
        answer = client.delete_objects(Bucket=bucket.name, Delete={"Objects": objects, "Quiet": True})
        if answer.get("Errors"):
            raise OSError(f"{len(answer['Errors'])} objects of the earlier export cannot be deleted")


def _keys(client: Any, bucket: Bucket) -> Iterator[str]:
    request = {"Bucket": bucket.name, "Prefix": bucket.prefix}
    while True:
        answer = client.list_objects_v2(**request)
        yield from (found["Key"] for found in answer.get("Contents", ()))
        if not answer.get("IsTruncated"):
            return
        request["ContinuationToken"] = answer["NextContinuationToken"]
