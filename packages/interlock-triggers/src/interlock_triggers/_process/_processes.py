"""Runs a process in its own session, keeps the tail of its output, and ends every process that it started."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import IO

from msgspec import Struct

from . import _strays as strays

TAIL_BYTES = 16 * 1024
"""Kept bytes of a command's output."""
_CHUNK = 64 * 1024
_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL, within the deadline. A quarter of the time if this is less."""
_LAST_OUTPUT = 1.0
_SWEEPS = 5
_MARK = "INTERLOCK_COMMAND_ID"


class Ended(Struct, frozen=True):
    """The end of a process: exit code (negative for a signal, None if lost), whether it was late, its output's tail."""

    code: int | None
    late: bool
    tail: str
    seconds: float


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    directory: str | None,
    seconds: float,
) -> Ended:
    """Run a program until it ends or `seconds` are over. Raises OSError if it cannot be started.

    All processes that it started end with it. INTERLOCK_COMMAND_ID in their environment finds those that left the
    process group. Its value is random: the job keys of two environments on one machine can be equal. SIGTERM is sent
    shortly before the time is over, SIGKILL at its end.
    """
    begun = time.monotonic()
    mark = uuid.uuid4().hex
    process = _begun(words, {**environment, _MARK: mark}, directory)
    assert process.stdout is not None
    output = _Tail(process.stdout)
    exit_seen = _Exit(process.pid)
    known, late = set[strays.Process](), False
    try:
        late = not exit_seen.wait(until=begun + seconds - _grace(seconds))
        if late:
            known = _warned(process.pid)
            exit_seen.wait(until=begun + seconds)
    finally:
        _end_all(process.pid, known, f"{_MARK}={mark}")
        code = process.wait()
        tail = output.close()
    stolen = exit_seen.stolen and not late  # when late, the exit code was collected here
    return Ended(None if stolen else code, late, tail, time.monotonic() - begun)


def _begun(words: Sequence[str], environment: Mapping[str, str], directory: str | None) -> subprocess.Popen[bytes]:
    """The program in its own session, with empty input and one pipe for all its output."""
    return subprocess.Popen(  # noqa: S603 (no shell; running the configured command is the purpose)
        list(words),
        env=dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _warned(leader: int) -> set[strays.Process]:
    """Ask the group to end. Returns the known descendants."""
    # Collected now: without its parent, a process that left the group is no longer a descendant.
    known = strays.descendants(leader)
    _signal_group(leader, signal.SIGTERM)
    return known


def _grace(seconds: float) -> float:
    return min(_GRACE, seconds / 4)


class _Exit:
    """Waits for the end of a process without reaping it: until then, no other process gets its id or its group's id.

    `stolen`: another part of this program collected the exit code.
    """

    def __init__(self, pid: int) -> None:
        self.stolen = False
        self._pid = pid
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="interlock-command", daemon=True).start()

    def _watch(self) -> None:
        try:
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            self.stolen = True
        self._ended.set()

    def wait(self, until: float) -> bool:
        """Whether it ended before a monotonic instant."""
        return self._ended.wait(max(0.0, until - time.monotonic()))


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_all(leader: int, known: set[strays.Process], mark: str) -> None:
    """Kill the group, and every process that the program started outside of it."""
    strays.kill(known | strays.descendants(leader))
    _signal_group(leader, signal.SIGKILL)
    for _ in range(_SWEEPS):
        left = strays.marked(mark)
        if not left:
            return
        strays.kill(left)


class _Tail:
    """Reads a pipe as it fills, so that the writer never blocks, and keeps its end."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._woken, self._wake = os.pipe()
        os.set_blocking(pipe.fileno(), False)
        self._reader = threading.Thread(target=self._read, name="interlock-output", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._pipe, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            while all(key.fileobj is self._pipe for key, _ in ready.select()):
                if not self._take():
                    return
        # Every process has ended. Read the rest of the pipe, for a limited time.
        patience = time.monotonic() + _LAST_OUTPUT
        while time.monotonic() < patience and self._take():
            continue

    def _take(self) -> bool:
        """Read the content of the pipe. Returns whether it had any."""
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        self._kept += chunk
        del self._kept[:-TAIL_BYTES]
        return bool(chunk)

    def close(self) -> str:
        """The kept output, after a last read of the pipe."""
        os.close(self._wake)
        self._reader.join()
        os.close(self._woken)
        self._pipe.close()
        return bytes(self._kept).decode("utf-8", "replace")
