"""Keeps a child and everything it starts from outliving their owner: run as a script, on its own, by path.

`python _guard.py GRACE SCRATCH COMMAND…` runs COMMAND and ends it once standard input ends, which the operating
system sees to however the owner ends. Ending is SIGTERM, GRACE seconds, then SIGKILL for all that is left, on
Linux also what moved to another session. SCRATCH (a directory, or empty) is removed if the owner vanished without
writing a byte first. Nothing but the standard library is imported, and nothing of this package.
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
# Idle workers end by themselves once their input ends; this long they may take (s).
_PATIENCE = 0.5
_PR_SET_CHILD_SUBREAPER = 36


class _Asked(Exception):
    """Somebody sent SIGTERM: not an error."""


def _run(grace: float, scratch: str, command: list[str]) -> int:
    signal.signal(signal.SIGINT, _ignore)
    signal.signal(signal.SIGHUP, _ignore)
    adopts = _adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the owner's own command
    signal.signal(signal.SIGTERM, _ask)
    try:
        owner_left_word = _await_end(child)
    except _Asked:
        owner_left_word = True
    signal.signal(signal.SIGTERM, _ignore)
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    if adopts:
        _end_descendants(child)
    elif child.poll() is None:
        child.kill()
    code = child.wait()
    if scratch and not owner_left_word:
        shutil.rmtree(scratch, ignore_errors=True)
    if not adopts:
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _ignore(*_: object) -> None:
    """A handler rather than SIG_IGN, which the child would inherit."""


def _ask(*_: object) -> None:
    raise _Asked


def _await_end(child: "subprocess.Popen[bytes]") -> bool:
    """Wait until the child or its owner is gone; whether the owner left word, or may still read what happened."""
    word = False
    while child.poll() is None:
        readable, _, _ = select.select([0], [], [], _TICK)
        if readable:
            if not os.read(0, 1):
                return word
            word = True
    return True


def _adopt_orphans() -> bool:
    """On Linux, become the parent of every descendant whose own parent ends, so that none gets away."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


def _end_descendants(child: "subprocess.Popen[bytes]") -> None:
    """Kill and reap until no child is left; what a killed process had started becomes ours in its turn."""
    patience = time.monotonic() + _PATIENCE
    while True:
        if time.monotonic() > patience:
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
            # The command's name, in brackets, may itself hold spaces and brackets.
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.exit(_run(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))
