"""Shows a Mermaid state diagram as a table of its changes.

GitHub draws the diagrams of the pages. The site loads no scripts, and fifty arrows are easier to read in a table.
"""

import re

_BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATE = re.compile(r'state "([^"]+)" as (\w+)')
_ARROW = re.compile(r"(\[\*\]|\w+) --> (\[\*\]|\w+)(?:: (.+))?")


class UnknownDiagram(Exception):
    """A line of a diagram is not a state, an arrow or the head of a state diagram."""


def as_tables(text: str) -> str:
    """A page whose diagrams are tables. Raises UnknownDiagram."""
    return _BLOCK.sub(lambda found: table(found[1]), text)


def table(diagram: str) -> str:
    """The changes of a state diagram as a table. Raises UnknownDiagram."""
    names: dict[str, str] = {}
    changes: list[tuple[str, str, str]] = []
    for line in map(str.strip, diagram.splitlines()):
        if state := _STATE.fullmatch(line):
            names[state[2]] = state[1]
        elif arrow := _ARROW.fullmatch(line):
            changes.append((arrow[1], arrow[2], arrow[3] or ""))
        elif line not in ("", "stateDiagram-v2"):
            raise UnknownDiagram(line)
    lines, before = ["| from | to | by |", "|---|---|---|"], ""
    for start, end, cause in changes:
        first = "" if start == before else "*nothing*" if start == "[*]" else names.get(start, start)
        lines.append(f"| {first} | {'*the end*' if end == '[*]' else names.get(end, end)} | {cause} |")
        before = start
    return "\n".join(lines)
