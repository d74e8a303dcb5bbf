"""Which live processes came from a program although they left its process group; Linux only, empty elsewhere."""

import os
from collections.abc import Iterator


def marked(mark: str) -> set[int]:
    """Processes that carry `NAME=value` in their environment, without this process and those above it."""
    spared = _lineage(os.getpid())
    wanted = mark.encode()
    return {pid for pid in _pids() if pid not in spared and wanted in _read(pid, "environ").split(b"\0")}


def descendants(pid: int) -> set[int]:
    """The process, its children, their children and so on, as long as no parent among them is gone."""
    children: dict[int, list[int]] = {}
    for each in _pids():
        children.setdefault(_parent(each), []).append(each)
    found: set[int] = set()
    queue = [pid]
    while queue:
        each = queue.pop()
        if each not in found:
            found.add(each)
            queue.extend(children.get(each, ()))
    return found


def _lineage(pid: int) -> set[int]:
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        pid = _parent(pid)
    return seen


def _parent(pid: int) -> int:
    """The parent's id: the second field after the name, which may itself hold spaces and parentheses."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


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
