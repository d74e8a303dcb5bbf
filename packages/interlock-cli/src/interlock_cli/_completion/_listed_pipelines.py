"""The ids of a deployment's pipelines, for the completion of a shell.

A shell waits for no request: it gets the ids of a file, which a process in the background renews (`_list_renewal`).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

_FRESH_SECONDS = 60.0
"""The ids are requested at most once in this time, also if the deployment does not answer."""

_KEPT_SECONDS = 7 * 86_400.0
"""An older list is not offered."""

_ASKED = ("INTERLOCK_ENVIRONMENT", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")
_OPTIONS = {"environment": "-e", "endpoint_url": "--endpoint-url", "profile": "--profile", "region": "--region"}


def listed_pipelines(context: click.Context) -> list[str]:
    """The ids of the deployment that the typed words, the shell and interlock.toml name, as of the last request.

    Begins a request in the background if the last one is older than a minute. Raises OSError if the folder of the
    lists cannot be used.
    """
    options = _typed(context)
    path = _folder() / f"{_name(options)}.json"
    asked, now = path.with_suffix(".asked"), time.time()
    if now - _changed_at(asked) > _FRESH_SECONDS:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        asked.touch()
        _request(path, options)
    if now - _changed_at(path) > _KEPT_SECONDS:
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _typed(context: click.Context) -> dict[str, str]:
    found = {name: context.params.get(name) or context.meta.get(f"interlock.{name}") for name in _OPTIONS}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _name(options: Mapping[str, str]) -> str:
    """A name for the deployment: of the options, the variables and the settings that choose it."""
    import hashlib

    from interlock_cli._deployment._settings import settings

    chosen = [sorted(options.items()), [os.environ.get(name, "") for name in _ASKED], str(settings())]
    return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:24]


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "interlock" / "pipelines"


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _request(path: Path, options: Mapping[str, str]) -> None:
    """Begin a request in the background. It has no terminal, so it can neither print nor ask for a code."""
    words = [word for name, value in options.items() for word in (_OPTIONS[name], value)]
    hidden = {"_INTERLOCK_COMPLETE", "COMP_WORDS", "COMP_CWORD"}
    subprocess.Popen(  # noqa: S603 (this program with the typed options)
        [sys.executable, "-m", "interlock_cli._completion._list_renewal", str(path), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        start_new_session=True,
    )
