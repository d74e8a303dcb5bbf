"""The programs of the page about tools run with real libraries, and print the output of the page."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-sensor-from-your-tool.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)


def test_the_program_for_frames_prints_the_output_of_the_page(capsys: Any) -> None:
    pytest.importorskip("pandas")
    [(program, output)] = [found for found in PROGRAMS if "interlock_sensors.frames" in found[0]]
    exec(compile(program, "page", "exec"), {})
    assert capsys.readouterr().out == output
