"""Runs a command and ends it, with all its processes, when the owner ends. Run it as a script by its path.

`python _guard.py GRACE SCRATCH COMMAND…` runs COMMAND and ends it when standard input ends. The operating system closes
standard input in each case in which the owner ends. After a byte on standard input the guard sends SIGTERM and waits
GRACE seconds. Then, or at once if the owner ended without a byte, it sends SIGKILL to the remaining processes, on Linux
also to those in another session. The command has nothing to save in that case, and the next start need not wait.
SCRATCH (a directory, or empty) is removed if the owner ended without a byte. The script imports only the standard
library.
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_TICK = 0.1
_MOST_FILES = 1024
# Seconds that idle workers have to end by themselves after the end of their input.
_PATIENCE = 0.5
_PR_SET_CHILD_SUBREAPER = 36


class _Asked(Exception):
    """The guard received SIGTERM. This is not an error."""


def _run(grace: float, scratch: str, command: list[str]) -> int:
    signal.signal(signal.SIGINT, _ignore)
    signal.signal(signal.SIGHUP, _ignore)
    adopts = _adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the owner's own command
    signal.signal(signal.SIGTERM, _ask)
    try:
        owner_was_orderly = _await_end(child)
    except _Asked:
        owner_was_orderly = True
    signal.signal(signal.SIGTERM, _ignore)
    if child.poll() is None and owner_was_orderly:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    if adopts:
        _end_descendants(child, _PATIENCE if owner_was_orderly else 0.0)
    elif child.poll() is None:
        child.kill()
    code = child.wait()
    if scratch and not owner_was_orderly:
        # A thousand files take some disks a minute, and the next start waits for the inherited lock.
        os.closerange(3, _MOST_FILES)
        shutil.rmtree(scratch, ignore_errors=True)
    if not adopts:
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _ignore(*_: object) -> None:
    """Do nothing. The child would inherit SIG_IGN, but not this handler."""


def _ask(*_: object) -> None:
    raise _Asked


def _await_end(child: "subprocess.Popen[bytes]") -> bool:
    """Wait for the end of the child or the owner. False if the owner ended without a byte on standard input."""
    orderly = False
    while child.poll() is None:
        readable, _, _ = select.select([0], [], [], _TICK)
        if readable:
            if not os.read(0, 1):
                return orderly
            orderly = True
    return True


def _adopt_orphans() -> bool:
    """On Linux, become the parent of each descendant whose parent ends, so that none escapes. False elsewhere."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


def _end_descendants(child: "subprocess.Popen[bytes]", patience: float) -> None:
    """Kill and reap until no child is left. The children of a killed process become children of this process."""
    kills_at = time.monotonic() + patience
    while True:
        if time.monotonic() >= kills_at:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        child.poll()
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.02)


def _children() -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            # The name of the command is in brackets, and may contain spaces and brackets.
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.exit(_run(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))
