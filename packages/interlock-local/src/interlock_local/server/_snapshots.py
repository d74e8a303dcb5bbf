"""Saves the queues, timers and secrets of the server each second, in the files that its next start reads."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from ministack.core import persistence

from interlock_local.server._journal import Journal, Saved

log = logging.getLogger(__name__)

# Seconds between two snapshots: the age of the oldest requests that a start after a crash repeats.
INTERVAL = 1.0
# The tables are in the journal, functions and rules are deployed again, and executions are continued by the watchdog.
_SERVICES = ("scheduler", "secretsmanager", "sqs")


class Snapshots:
    """The snapshots of one server process, in ``folder``. For its event loop only."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        self._last: dict[str, Any] = {}
        self._through = 0

    def save(self, *, is_whole: bool) -> None:
        """Save each service whose state has changed, and note in the journal which requests are in the files.

        ``is_whole`` is False while requests of a former process wait to be repeated. Then nothing is noted.

        Other threads of the server move messages meanwhile. A state that changed while it was copied is left to the
        next call.
        """
        through = self._journal.size
        try:
            for service in _SERVICES:
                self._save(service)
        except RuntimeError as error:
            log.debug("the state changed during the snapshot: %s", error)
            return
        if is_whole and through > self._through:
            self._journal.append(Saved(through))
            self._through = self._journal.size

    def _save(self, service: str) -> None:
        module = sys.modules.get(f"ministack.services.{service}")
        if module is None:
            return
        state = module.get_state()
        plain = {name: _plain(part) for name, part in state.items()}
        if plain == self._last.get(service):
            return
        path = self._folder / f"{service}.json"
        before = _identity(path)
        persistence.save_state(service, state)
        if _identity(path) == before:
            # The server only logs the reason.
            raise OSError(f"the snapshot {path} was not written")
        self._last[service] = plain


def _plain(part: Any) -> Any:
    """A part of a state in a form that can be compared. The server's own dictionaries compare by identity."""
    return list(part.all_items()) if hasattr(part, "all_items") else part


def release_messages(folder: Path) -> None:
    """Make each message of a saved queue visible. Its receiver has ended with the former server."""
    path = folder / "sqs.json"
    if not path.exists():
        return
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        log.exception("Error: the snapshot %s is not readable", path)
        return
    _release(state)
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(state), encoding="utf-8")
    scratch.replace(path)


def _release(value: Any) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("visible_at"), int | float):
            value["visible_at"] = 0
        for inner in value.values():
            _release(inner)
    elif isinstance(value, list):
        for inner in value:
            _release(inner)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
