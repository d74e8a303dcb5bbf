"""Runs the Python examples of a README without pytest: `python readme_examples.py README.md`. Exit code 1: errors.

An example is a session with `>>>`, or a program whose output is the text block that follows it. The sessions of
a README share their names. The comment `<!-- not run: REASON -->` before an example leaves it out.
"""

import doctest
import io
import re
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

_EXAMPLE = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: ([^\n]+?) -->\n+\Z")


class Example(NamedTuple):
    """A Python block, the output that the README shows, and the reason to leave it out, or an empty text."""

    code: str
    printed: str
    not_run: str


def examples(text: str) -> list[Example]:
    """The Python blocks of a README in their order."""
    found = []
    for block in _EXAMPLE.finditer(text):
        comment = _NOT_RUN.search(text, 0, block.start())
        found.append(Example(block[1], block[2] or "", comment[1] if comment else ""))
    return found


def wrong(code: str, printed: str, names: dict[str, Any] | None = None) -> str:
    """The difference between an example and its README, or an empty text. names: those of the sessions before it."""
    if ">>>" in code:
        said: list[str] = []
        test = doctest.DocTestParser().get_doctest(code, names or {}, "README", "README", 0)
        doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
        if names is not None:
            names.update(test.globs)
        return "".join(said)
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            exec(compile(code, "README", "exec"), {})
    except Exception:  # noqa: BLE001 - each error of an example is reported
        return traceback.format_exc()
    return "" if out.getvalue() == printed else f"printed {out.getvalue()!r} instead of {printed!r}"


def main(readme: Path) -> int:
    """Run all examples, and print the number of them, of the faults, and each example that is left out."""
    found = examples(readme.read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    run = [one for one in found if not one.not_run]
    faults = [fault for one in run if (fault := wrong(one.code, one.printed, names))]
    for fault in faults:
        print(fault)
    print(f"{readme.parent.name}: {len(run)} examples, {len(faults)} wrong")
    for one in found:
        if one.not_run:
            print(f"not run: {one.code.strip().splitlines()[0]}: {one.not_run}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
