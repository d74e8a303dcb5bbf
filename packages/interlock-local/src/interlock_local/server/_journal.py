"""The journal: one file with each acknowledged write of a data directory, from which the next start restores it."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

# A new file is written at a start if the old one is larger than this, and than twice the new one (bytes).
_REWRITTEN_ABOVE = 1024 * 1024


class StreamNote(Struct, frozen=True, omit_defaults=True):
    """The stream record of a change: its id, INSERT or MODIFY or REMOVE, its number, and epoch seconds."""

    id: str
    name: str
    number: str
    at: float


# The image of an item that is deleted.
DELETED = Raw(b"null")


class Change(Struct, frozen=True, omit_defaults=True):
    """One item after a write, in DynamoDB's JSON. ``image`` is DELETED if the item is deleted."""

    table: str
    key: dict[str, dict[str, Any]]
    image: Raw = DELETED
    note: StreamNote | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether the item is deleted."""
        return bytes(self.image) == bytes(DELETED)


class TableMade(Struct, frozen=True, tag="table"):
    """A table was created or altered. ``definition`` is a body for CreateTable."""

    definition: dict[str, Any]


class TableDropped(Struct, frozen=True, tag="dropped"):
    """A table was deleted with its items."""

    table: str


class Written(Struct, frozen=True, tag="written"):
    """The changes of one request."""

    changes: list[Change]


class Asked(Struct, frozen=True, tag="asked", omit_defaults=True):
    """A request to a service of which only snapshots are kept. It may be repeated after a crash."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    query: str = ""


class Saved(Struct, frozen=True, tag="saved"):
    """A snapshot was saved that contains the effect of each earlier request of the file before this offset."""

    through: int


Line = TableMade | TableDropped | Written | Asked | Saved

_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder()


class Contents(Struct):
    """What a journal says: the tables, the newest image of each item, stream records, and requests to repeat."""

    tables: dict[str, dict[str, Any]]
    items: dict[str, dict[bytes, Change]]
    streams: dict[str, list[Change]]
    asked: list[Asked]
    bytes_read: int = 0
    bytes_torn: int = 0


class Journal:
    """The journal file at ``path``, for one process and one thread.

    Each line is written with one call before its request is answered. The operating system keeps written bytes when
    the process is killed. ``sync`` also keeps them when the machine fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._dirty = False
        self.size = 0

    def exists(self) -> bool:
        """Whether an earlier process has begun the file."""
        return self._path.exists()

    def read(self) -> Contents:
        """The contents so far. A last line that a crash has cut is left out, and its bytes are counted.

        Raises:
            ValueError: a line in the middle is not readable. The file was changed by another program.
        """
        found = Contents({}, {}, {}, [])
        if not self._path.exists():
            return found
        asked: list[tuple[int, Asked]] = []
        saved = 0
        for offset, line in self._lines(found):
            match line:
                case Asked():
                    asked.append((offset, line))
                case Saved(through):
                    saved = through
                case _:
                    _fold(found, line)
        found.asked = [one for offset, one in asked if offset >= saved]
        return found

    def open(self, contents: Contents, unread: dict[str, list[Change]]) -> None:
        """Open the file for new lines. A file that is missing, cut or mostly outdated is replaced by a new one."""
        lines = list(_compact(contents, unread))
        compact = sum(len(line) for line in lines)
        outdated = contents.bytes_read > max(_REWRITTEN_ABOVE, 2 * compact)
        if outdated or contents.bytes_torn or not self.exists():
            scratch = self._path.with_name(self._path.name + ".new")
            with scratch.open("wb") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            scratch.chmod(0o600)
            os.replace(scratch, self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = os.fstat(self._file).st_size

    def append(self, line: Line) -> None:
        """Add a line. Raises OSError if the line could not be written as a whole."""
        text = _encoder.encode(line) + b"\n"
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self.size += len(text)
        self._dirty = True

    def sync(self) -> None:
        """Wait until the disk has all lines, if there are new ones."""
        if self._dirty:
            self._dirty = False
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        if self._file >= 0:
            self.sync()
            os.close(self._file)
            self._file = -1

    def _lines(self, found: Contents) -> Iterator[tuple[int, Line]]:
        offset = 0
        with self._path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    found.bytes_torn = len(text)
                    break
                try:
                    line = _decoder.decode(text)
                except msgspec.MsgspecError as error:
                    raise ValueError(f"{self._path}: line {number} is not readable: {error}") from None
                yield offset, line
                offset += len(text)
        found.bytes_read = offset


def unread_changes(changes: Iterable[Change], last_done: str | None) -> list[Change]:
    """The stream records after the record with the number ``last_done``, or all if no record has this number."""
    listed = list(changes)
    for index in range(len(listed) - 1, -1, -1):
        note = listed[index].note
        if note is not None and note.number == last_done:
            return listed[index + 1 :]
    return listed


def item_key(key: dict[str, dict[str, Any]]) -> bytes:
    """The same bytes for the same key of an item."""
    return msgspec.json.encode(key, order="sorted")


def _fold(found: Contents, line: TableMade | TableDropped | Written) -> None:
    match line:
        case TableMade(definition):
            found.tables[definition["TableName"]] = definition
        case TableDropped(table):
            for held in (found.tables, found.items, found.streams):
                held.pop(table, None)
        case Written(changes):
            for change in changes:
                items = found.items.setdefault(change.table, {})
                # A later image is also later in the order of the file.
                with contextlib.suppress(KeyError):
                    del items[item_key(change.key)]
                if not change.is_deleted:
                    items[item_key(change.key)] = change
                if change.note is not None:
                    found.streams.setdefault(change.table, []).append(change)


def _compact(contents: Contents, unread: dict[str, list[Change]]) -> Iterator[bytes]:
    """The lines of a file with the same contents, without outdated images and handled stream records."""
    for definition in contents.tables.values():
        yield _encoder.encode(TableMade(definition)) + b"\n"
    for changes in unread.values():
        for change in changes:
            yield _encoder.encode(Written([change])) + b"\n"
    for items in contents.items.values():
        for change in items.values():
            bare = Change(change.table, change.key, change.image)
            yield _encoder.encode(Written([bare])) + b"\n"
    for one in contents.asked:
        yield _encoder.encode(one) + b"\n"
