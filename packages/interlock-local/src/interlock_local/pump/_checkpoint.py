"""The position of each shard's reader: the last sequence number that is done, in memory and in a file."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Checkpoints(Protocol):
    """Keeps the last handled sequence number of each shard. Threads may share it."""

    def last_done(self, mapping: str, stream_arn: str, shard_id: str) -> str | None:
        """The sequence number of the last record that is done, or None if no record is known."""
        ...

    def done(self, mapping: str, stream_arn: str, shard_id: str, sequence_number: str) -> None:
        """Note that the shard is done up to and including this record."""
        ...

    def forget(self, mapping: str, stream_arn: str, shard_id: str) -> None:
        """Drop a position that the stream no longer has."""
        ...


class TableCheckpoints:
    """The last handled record of each table, for a server whose streams begin again at each start.

    ``tables`` names the table of each mapping. The server reads the file to know which records it has to keep.
    """

    def __init__(self, path: Path, tables: Mapping[str, str]) -> None:
        self._path = path
        self._tables = dict(tables)
        self._lock = threading.Lock()
        found = _object(path)
        self._places = {str(table): str(number) for table, number in found.items()}

    def last_done(self, mapping: str, stream_arn: str, shard_id: str) -> str | None:
        """None: each stream is new, and is read from its begin."""
        return None

    def done(self, mapping: str, stream_arn: str, shard_id: str, sequence_number: str) -> None:
        """Note that the table's records up to and including this one are done."""
        with self._lock:
            self._places[self._tables[mapping]] = sequence_number
            _replace(self._path, self._places)

    def forget(self, mapping: str, stream_arn: str, shard_id: str) -> None:
        """Nothing to drop: the positions are those of tables."""


class FileCheckpoints:
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
        _replace(self._path, self._places)


def _key(mapping: str, stream_arn: str) -> str:
    return f"{mapping} {stream_arn}"


def _read(path: Path) -> dict[str, dict[str, str]]:
    return {
        str(key): {str(shard): str(place) for shard, place in shards.items()}
        for key, shards in _object(path).items()
        if isinstance(shards, dict)
    }


def _object(path: Path) -> dict[str, Any]:
    """The JSON object of a file. Empty if there is no readable one: then records may be delivered twice."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _replace(path: Path, value: object) -> None:
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(value))
    os.replace(scratch, path)
