"""The key of each local stack on this machine: a random secret in a file that only its user can read."""

import contextlib
import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

# The server reads an access key of twelve digits as the account, so it is fixed, and only the secret is random.
ACCESS_KEY = "000000000000"
REGION = "us-east-1"

_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_MINE_ONLY = 0o600
_MY_FOLDER = 0o700


class StackKey(Struct, frozen=True):
    """The credentials of one local stack. The server rejects each request that they have not signed."""

    secret: str
    access_key: str = ACCESS_KEY
    region: str = REGION


def key_of_home(home: Path) -> StackKey:
    """The key of a data directory, which is created at the first call.

    Raises:
        OSError: the file cannot be read or created.
    """
    path = home / "key"
    with contextlib.suppress(FileNotFoundError):
        path.chmod(_MINE_ONLY)
        if text := path.read_text(encoding="ascii").strip():
            return StackKey(text)
    key = StackKey(secrets.token_hex(32))
    _write(path, key.secret + "\n")
    return key


def key_of_endpoint(endpoint_url: str) -> StackKey | None:
    """The key of the local stack that this user runs at an endpoint, or None if none is known."""
    parts = urlsplit(endpoint_url)
    if parts.hostname not in _LOOPBACK:
        return None
    try:
        found = json.loads(_announcement(parts.port or 80).read_text(encoding="utf-8"))
        return StackKey(str(found["secret"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def announce(port: int, key: StackKey) -> None:
    """Let the commands of this user find the key of the stack at a port.

    Raises:
        OSError: the folder of this user's state cannot be written.
    """
    path = _announcement(port)
    path.parent.mkdir(mode=_MY_FOLDER, parents=True, exist_ok=True)
    path.parent.chmod(_MY_FOLDER)
    _write(path, json.dumps({"secret": key.secret}))


def withdraw(port: int, key: StackKey) -> None:
    """Remove the announcement, unless another stack has announced its own key at this port meanwhile."""
    if key_of_endpoint(f"http://127.0.0.1:{port}") == key:
        with contextlib.suppress(OSError):
            _announcement(port).unlink()


def _announcement(port: int) -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "interlock" / "stacks" / f"{port}.json"


def _write(path: Path, text: str) -> None:
    """Replace a file by one that only this user can read. A reader finds the old or the new text, and no part of it."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MINE_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(scratch, path)
