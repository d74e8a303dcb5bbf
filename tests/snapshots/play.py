"""Plays a snapshot of SnapStart in a process of its own: `python play.py SERVICE EVENTS` prints a report as JSON.

A fork is close to a restore: both processes begin with one memory image. Two differences are removed. A fork keeps open
connections and stops threads, so this program reports each of both before the fork. Python seeds its random numbers in
a forked process, and not in a restored one, so each process gets the random state of the snapshot back.
"""

import importlib
import json
import os
import random
import sys
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import uuid4

from snapshot_restore_py import get_after_restore, get_before_snapshot

_SECONDS = 30.0
_ACTS: list[str] = []
"""The network calls and thread starts so far."""


class Context:
    """Lambda's context of an invocation."""

    aws_request_id = "request"

    def __init__(self) -> None:
        self._ends_at = monotonic() + _SECONDS

    def get_remaining_time_in_millis(self) -> int:
        """The milliseconds until Lambda would end the invocation."""
        return int((self._ends_at - monotonic()) * 1000)


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note each connection, each question for an address, and each start of a thread."""
    if event == "socket.connect":
        _ACTS.append(f"connect {arguments[1]}")
    elif event in {"socket.getaddrinfo", "_thread.start_new_thread", "subprocess.Popen"}:
        _ACTS.append(event)


def open_sockets() -> int:
    """The open sockets of this process."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except FileNotFoundError:  # the descriptor of this listing
            continue
    return found


def drawn() -> dict[str, Any]:
    """What the product and its libraries draw: jitter, identities of spans, letters and requests."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from ulid import ULID

    from interlock_store._client._retries import Failure, delay_before_retry
    from interlock_triggers._deadline import Timing

    ids = RandomIdGenerator()
    return {
        "random": random.random(),
        "delay of a retry": delay_before_retry(Failure(), 3),
        "dice of the triggers": Timing().dice(),
        "trace id": ids.generate_trace_id(),
        "span id": ids.generate_span_id(),
        "letter": str(ULID.from_timestamp(1_772_539_200)),
        "token": str(uuid4()),
    }


def restored(handle: Any, events: list[Any]) -> dict[str, Any]:
    """A restored environment: its hooks, its answers, and its draws."""
    known = set(sys.modules)
    for hook, positional, named in get_after_restore():
        hook(*positional, **named)
    state = random.getstate()
    answers = [handle(event, Context()) for event in events]
    imported = sorted(set(sys.modules) - known)
    connections = [act for act in _ACTS if act.startswith("connect ")]
    random.setstate(state)
    return {"answers": answers, "imported": imported, "connections": connections, "draws": drawn()}


def play(service: str, events: list[Any]) -> dict[str, Any]:
    """A snapshot after the import of the handler, two restored environments, and the draws of two without hooks."""
    sys.addaudithook(watch)
    handle = importlib.import_module(f"interlock_{service.replace('-', '_')}.handler").handle
    for hook, positional, named in reversed(get_before_snapshot()):
        hook(*positional, **named)
    snapshot = {
        "acts": list(_ACTS),
        "sockets": open_sockets(),
        "threads": threading.active_count(),
        "tasks": len(os.listdir("/proc/self/task")),
    }
    return {
        "snapshot": snapshot,
        "restored": [forked(lambda: restored(handle, events)) for _ in range(2)],
        "without_hooks": [forked(drawn) for _ in range(2)],
    }


def forked(life: Callable[[], dict[str, Any]]) -> Any:
    """The report of a forked process that begins with the memory of this one."""
    state = random.getstate()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        random.setstate(state)
        try:
            report = life()
        except BaseException as error:  # noqa: BLE001 - the parent reports it
            report = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(writing, "w") as out:
            out.write(json.dumps(report, default=str))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as text:
        report = json.loads(text.read())
    os.waitpid(child, 0)
    return report


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1], json.loads(sys.argv[2]))))
