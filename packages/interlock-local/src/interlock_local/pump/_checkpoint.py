"""The position of each shard's reader: the last sequence number that is done, in memory and in a file."""

import json
import os
import threading
from pathlib import Path


class Checkpoints:
    """The last handled sequence number of each mapping's shards. Threads may share it.

    With a ``path`` the numbers are also written to that file, atomically after each batch. If the file is unreadable,
    the streams are read from the start. Records may then be delivered twice, and no record is lost.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._places: dict[str, dict[str, str]] = _read(path) if path else {}

    def last_done(self, mapping: str, stream_arn: str, shard_id: str) -> str | None:
        """The sequence number of the last record that is done, or None if no record is known."""
        with self._lock:
            return self._places.get(_key(mapping, stream_arn), {}).get(shard_id)

    def done(self, mapping: str, stream_arn: str, shard_id: str, sequence_number: str) -> None:
        """Note that the shard is done up to and including this record."""
        with self._lock:
            self._places.setdefault(_key(mapping, stream_arn), {})[shard_id] = sequence_number
            self._write()

    def forget(self, mapping: str, stream_arn: str, shard_id: str) -> None:
        """Drop a position that the stream no longer has."""
        with self._lock:
            self._places.get(_key(mapping, stream_arn), {}).pop(shard_id, None)
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        scratch = self._path.with_name(self._path.name + ".new")
        scratch.write_text(json.dumps(self._places))
        os.replace(scratch, self._path)


def _key(mapping: str, stream_arn: str) -> str:
    return f"{mapping} {stream_arn}"


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        places = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(places, dict):
        return {}
    return {
        str(key): {str(shard): str(place) for shard, place in shards.items()}
        for key, shards in places.items()
        if isinstance(shards, dict)
    }
