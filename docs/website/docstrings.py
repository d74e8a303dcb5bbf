"""Shows the docstrings of the packages as they are. They are plain text with code in single backticks."""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SPECIAL = re.compile(r"([*|_\\])")
_PARAMETER = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*): (.*)$")


def plain(text: str) -> str:
    """A line in reStructuredText that shows this line: code stays code, and other signs mean themselves."""
    parts = _CODE.split(text)
    return "".join(f"``{part}``" if place % 2 else _SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts))


def shown(lines: list[str]) -> list[str]:
    """A docstring in reStructuredText. A line `name: text` becomes an item of a list."""
    result: list[str] = []
    in_item = False
    for line in lines:
        found = _PARAMETER.match(line)
        if found:
            result += ["", f"- ``{found[1]}``: {plain(found[2])}"]
        elif not line.strip():
            result.append("")
        elif in_item and not line.startswith(" "):
            result.append(f"  {plain(line)}")
        else:
            result.append(plain(line))
        in_item = bool(line.strip()) and (in_item or found is not None)
    return [*result, ""]


def _process(_app: Sphinx, _what: str, _name: str, _value: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = shown(lines)


def _skip(app: Sphinx, _what: str, _name: str, value: Any, skip: bool, _options: Any) -> bool | None:
    """Leave out what a package re-exports of another one: the page of that package has it."""
    here = app.env.docname.split("/")[1].replace("-", "_")
    home = str(getattr(value, "__module__", None) or here).partition(".")[0]
    return True if home.startswith("interlock_") and home != here else None


def public(target: str) -> str:
    """The public name of a class of a private module: `interlock_sla.Period` for `interlock_sla._periods.Period`."""
    return ".".join(part for part in target.split(".") if not part.startswith("_"))


def _resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement) -> nodes.Node | None:
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not target.startswith("interlock_"):
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public(target), node, content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the events of Sphinx."""
    app.connect("autodoc-process-docstring", _process)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
