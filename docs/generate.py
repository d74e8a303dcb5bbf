"""Writes the files that are made from the catalogue and the alerts; with --check, only compares them. 1: they differ.

uv run python docs/generate.py
"""

import json
import sys
from pathlib import Path
from typing import Any

import messages

from interlock_lifecycle.events import CANARY_SOURCE, EVENT_KINDS, PLAIN_PROGRESS

ROOT = Path(__file__).parents[1]


def catalogues() -> dict[Path, str]:
    """The files that are made from the event catalogue: filter and types of alerts, texts of the alert-dispatcher."""
    attributes = ("severity", "rank", "hint", "subject", "withheld")
    advice = {kind: {name: getattr(found, name) for name in attributes} for kind, found in EVENT_KINDS.items()}
    return {
        ROOT / "infra/services/alert-dispatcher/events.json": _json(
            {"canary_source": CANARY_SOURCE, "progress": sorted(PLAIN_PROGRESS)}
        ),
        ROOT / "packages/interlock-config/src/interlock_config/alert_events.json": _json(
            sorted(str(kind) for kind in EVENT_KINDS if kind not in PLAIN_PROGRESS)
        ),
        ROOT / "services/alert-dispatcher/src/interlock_alert_dispatcher/events.json": _json(advice),
    }


def pages() -> dict[Path, str]:
    """The pages that the alert-dispatcher makes. It reads its catalogue, which must be current."""
    return {ROOT / "docs/reference/alert-messages.md": messages.page()}


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale() -> dict[Path, str]:
    """The generated files that differ from their sources, or do not exist, with their content.

    The pages are made only if the catalogues are current.
    """
    return _differing(catalogues()) or _differing(pages())


def _differing(files: dict[Path, str]) -> dict[Path, str]:
    return {path: text for path, text in files.items() if not path.exists() or path.read_text() != text}


def main(arguments: list[str]) -> int:
    """Write or compare the files."""
    only_compare = "--check" in arguments
    verb = "differs from" if only_compare else "is written from"
    while found := stale():
        for path, text in found.items():
            sys.stdout.write(f"{path.relative_to(ROOT)} {verb} the catalogue\n")
            if not only_compare:
                path.write_text(text)
        if only_compare:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
