"""Live processes of a program that left its process group. Linux only: other systems find none."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import NamedTuple


class Process(NamedTuple):
    """A process. `born` (clock ticks since boot) distinguishes it from a later process with the same id."""

    pid: int
    born: int


def marked(mark: str) -> set[Process]:
    """Processes with `NAME=value` in their environment, except this process and its ancestors."""
    spared = _lineage(os.getpid())
    wanted = mark.encode()
    found = {pid for pid in _pids() if pid not in spared and wanted in _read(pid, "environ").split(b"\0")}
    return {Process(pid, born) for pid in found if (born := _born(pid)) is not None}


def descendants(pid: int) -> set[Process]:
    """The children of a process, their children and so on, as long as all parents among them live."""
    children: dict[int, list[int]] = {}
    for each in _pids():
        children.setdefault(_parent(each), []).append(each)
    found: set[int] = set()
    queue = [*children.get(pid, ())]
    while queue:
        each = queue.pop()
        if each not in found:
            found.add(each)
            queue.extend(children.get(each, ()))
    return {Process(each, born) for each in found if (born := _born(each)) is not None}


def kill(processes: set[Process]) -> None:
    """Kill those of the processes that still exist."""
    for process in processes:
        if _born(process.pid) == process.born:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)


def _lineage(pid: int) -> set[int]:
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        pid = _parent(pid)
    return seen


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if len(fields) > 1 else 0


def _born(pid: int) -> int | None:
    fields = _fields(pid)
    return int(fields[19]) if len(fields) > 19 else None


def _fields(pid: int) -> list[bytes]:
    """The fields after the name, which may contain spaces and parentheses: state, parent, group, …"""
    return _read(pid, "stat").rpartition(b")")[2].split()


def _pids() -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""
