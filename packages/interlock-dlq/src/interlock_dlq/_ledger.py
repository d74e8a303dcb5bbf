"""The ledger of a redrive: the steps of each letter, in memory or in a file that survives a kill."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
from msgspec import Struct

from interlock_dlq._errors import LedgerError


class Step(StrEnum):
    """The last known step of a letter."""

    BEGUN = "begun"
    """The resend has begun. Without a further step its result is unknown."""
    RESENT = "resent"
    """The resend has returned."""
    FAILED = "failed"
    """The resend has failed. The letter is still in its queue."""
    DELETED = "deleted"
    """The letter was resent and is no longer in its queue."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """One line of a ledger. `at` is UTC.

    message: the id of the letter's message. Two messages may contain one letter, and only the resent one is deleted.
    record: identifies the record of the letter. reason: of a failure.
    """

    letter: str
    message: str
    step: Step
    at: datetime
    record: str = ""
    reason: str = ""


class _Head(Struct, frozen=True):
    """The first line of a ledger: the queue, and the beginning of the redrive (UTC)."""

    queue: str
    began: datetime


class Ledger:
    """The steps of one redrive, in memory."""

    def __init__(self, began: datetime) -> None:
        """`began`: the beginning of the redrive (UTC). Letters that are sent later do not belong to it."""
        self.began = began
        self._last: dict[str, Entry] = {}
        self._records: set[str] = set()

    def step(self, message: str) -> Step | None:
        """The last step of the letter in a message, None for a message without one."""
        found = self._last.get(message)
        return found.step if found else None

    def has_begun(self, record: str) -> bool:
        """Whether a letter of this record was sent or tried."""
        return record in self._records

    def write(self, entry: Entry) -> None:
        """Add a step."""
        self._last[entry.message] = entry
        if entry.record:
            self._records.add(entry.record)

    def entries(self) -> tuple[Entry, ...]:
        """The last step of each letter, in the order in which the letters began."""
        return tuple(self._last.values())


class FileLedger(Ledger):
    """A ledger in a file with one JSON document per line. Each step is on the disk before `write` returns.

    An existing file continues its redrive with its beginning. A last line that a kill has cut is removed: its step has
    not taken effect. Use it as a context manager, or call `close`.
    """

    def __init__(self, path: str | Path, queue_url: str, now: datetime | None = None) -> None:
        """Open or create the file, and lock it.

        Raises LedgerError for a file that another redrive has open, of another queue, or with other content.
        """
        self._file = open(path, "a+b")  # noqa: SIM115 - the ledger is the context manager
        try:
            _lock(self._file)
            head, entries = self._read(queue_url)
            super().__init__(head.began if head else now or datetime.now(UTC))
            for entry in entries:
                super().write(entry)
            if head is None:
                self._append(_Head(queue_url, self.began))
                _sync_folder(Path(path).resolve().parent)
        except BaseException:
            self._file.close()
            raise

    def write(self, entry: Entry) -> None:
        """Add a step, and wait until the disk has it."""
        self._append(entry)
        super().write(entry)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, line: Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, queue_url: str) -> tuple[_Head | None, list[Entry]]:
        lines = list(_whole_lines(self._file))
        try:
            head = msgspec.json.decode(lines[0], type=_Head) if lines else None
            entries = [msgspec.json.decode(line, type=Entry) for line in lines[1:]]
        except msgspec.DecodeError as error:
            raise LedgerError(f"{self._file.name} is not the ledger of a redrive: {error}") from error
        if head is not None and head.queue != queue_url:
            raise LedgerError(f"{self._file.name} is the ledger of {head.queue}, not of {queue_url}")
        return head, entries


def _lock(file: BinaryIO) -> None:
    """Lock the file until it is closed. Two redrives would cut each other's last line."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LedgerError(f"{file.name} is open in another redrive, which has not ended") from None


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of the file. The rest behind the last line end is removed from the file."""
    file.seek(0)
    whole, end, _ = file.read().rpartition(b"\n")
    file.truncate(len(whole + end))
    return iter(whole.splitlines())


def _sync_folder(folder: Path) -> None:
    """Write the name of a new file to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
