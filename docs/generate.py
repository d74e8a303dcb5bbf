"""Writes the files that are made from the catalogue and the alerts; with --check, only compares them. 1: they differ.

uv run python docs/generate.py
"""

import json
import sys
from pathlib import Path
from typing import Any

import messages

from interlock_lifecycle.events import EVENT_KINDS, PLAIN_PROGRESS

ROOT = Path(__file__).parents[1]


def generated() -> dict[Path, str]:
    """Each generated file with its content: alert filter, types of alerts, texts and messages of alerts."""
    advice = {
        kind: {"severity": found.severity, "hint": found.hint, "subject": found.subject, "withheld": found.withheld}
        for kind, found in EVENT_KINDS.items()
    }
    return {
        ROOT / "infra/services/alert-dispatcher/events.json": _json({"progress": sorted(PLAIN_PROGRESS)}),
        ROOT / "packages/interlock-config/src/interlock_config/alert_events.json": _json(
            sorted(str(kind) for kind in EVENT_KINDS if kind not in PLAIN_PROGRESS)
        ),
        ROOT / "docs/reference/alert-messages.md": messages.page(),
        ROOT / "services/alert-dispatcher/src/interlock_alert_dispatcher/events.json": _json(advice),
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale() -> list[Path]:
    """The generated files that differ from the catalogue, or do not exist."""
    return [path for path, text in generated().items() if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """Write or compare the files."""
    paths, only_compare = stale(), "--check" in arguments
    for path in paths:
        verb = "differs from" if only_compare else "is written from"
        sys.stdout.write(f"{path.relative_to(ROOT)} {verb} the catalogue\n")
        if not only_compare:
            path.write_text(generated()[path])
    return 1 if paths and only_compare else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
