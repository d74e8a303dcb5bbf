"""Runs the Python examples of a README without pytest: `python readme_examples.py README.md`. Exit code 1: errors.

An example is a session with `>>>`, or a program whose output is the text block that follows it.
"""

import doctest
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

_EXAMPLE = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)


def wrong(code: str, printed: str) -> str:
    """The difference between an example and its README, or an empty text."""
    if ">>>" in code:
        said: list[str] = []
        doctest.DocTestRunner().run(
            doctest.DocTestParser().get_doctest(code, {}, "README", "README", 0), out=said.append
        )
        return "".join(said)
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, "README", "exec"), {})
    return "" if out.getvalue() == printed else f"printed {out.getvalue()!r} instead of {printed!r}"


def main(readme: Path) -> int:
    """Run all examples."""
    examples = _EXAMPLE.findall(readme.read_text(encoding="utf-8"))
    faults = [fault for code, printed in examples if (fault := wrong(code, printed))]
    for fault in faults:
        print(fault)
    print(f"{readme.parent.name}: {len(examples)} examples, {len(faults)} wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
