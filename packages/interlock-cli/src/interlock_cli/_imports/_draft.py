"""A draft of a pipeline file, and the lines of a file of comments and YAML."""

import json
import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from msgspec import Struct

from interlock_config import review

_WIDTH = 96
_LONGEST_ID = 64
_SCHEMA = "# yaml-language-server: $schema=pipeline.schema.json"


class Draft(Struct, frozen=True, kw_only=True):
    """One pipeline file. `source`: its place in the foreign file. `words`: its schedule in words.

    `notes`: the properties of the old job that the file does not have, one sentence each.
    """

    id: str
    source: str
    words: str
    notes: tuple[str, ...]
    text: str

    @property
    def problem(self) -> str:
        """The first error of the file, or ""."""
        found = review({f"{self.id}.yaml": self.text.encode()}).problems
        return next((str(one) for one in found if one.severity == "error"), "")


class LeftOut(Struct, frozen=True):
    """A job without a draft, and the reason."""

    source: str
    text: str
    reason: str


class Drafts(Struct, frozen=True):
    """The drafts of a foreign file, its jobs without one, and notes about the file as a whole."""

    drafts: tuple[Draft, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def write_draft(header: Iterable[str], notes: Iterable[str], body: str) -> str:
    """The text of a file: the schema line, the header and the notes as comments, then the YAML."""
    lines = [_SCHEMA, *(line for text in header for line in _comment(text))]
    listed = [line for note in notes for line in _comment(note, "- ")]
    if listed:
        lines += ["#", "# Differences from the old schedule:", *listed]
    return "\n".join([*lines, "", body.strip(), ""])


def quoted(text: str) -> str:
    """The text as a YAML scalar. JSON is YAML, so no text needs another form."""
    return json.dumps(text, ensure_ascii=False)


def ids_from(names: Iterable[str]) -> Iterator[str]:
    """The ids of pipelines from free names, each once: `load orders.sh` becomes `load-orders`, then `load-orders-2`."""
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[: _LONGEST_ID - 4] or "job"
        found, number = stem, 1
        while found in taken:
            number += 1
            found = f"{stem}-{number}"
        taken.add(found)
        yield found


def _comment(text: str, begin: str = "") -> list[str]:
    """The text as lines of a comment. Control characters are written as escapes, so that no text ends its comment."""
    safe = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    lines = wrap(safe, _WIDTH, break_on_hyphens=False) or [""]
    return [f"# {begin if number == 0 else ' ' * len(begin)}{line}".rstrip() for number, line in enumerate(lines)]
