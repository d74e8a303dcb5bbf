"""The package as producers install it: small, quick to import, and with botocore only."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import interlock_sensors

HOME = Path(interlock_sensors.__file__).parent
EXAMPLES = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]


def run(program: str) -> str:
    """The output of a fresh interpreter."""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_the_public_names_are_sorted_and_documented() -> None:
    names = interlock_sensors.__all__
    assert names == sorted(names)
    assert [name for name in names if not inspect.getdoc(getattr(interlock_sensors, name))] == []


def test_the_import_loads_neither_botocore_nor_slow_modules() -> None:
    slow = {"botocore", "boto3", "urllib3", "datetime", "typing", "logging", "dataclasses", "inspect", "json", "random"}
    program = (
        "import sys, decimal, re; before = set(sys.modules); import interlock_sensors;"
        f"print(sorted((set(sys.modules) - before) & {slow}))"
    )
    assert run(program) == "[]"


def test_a_client_is_made_at_the_first_write() -> None:
    program = (
        "import sys, interlock_sensors\n"
        "sensors = interlock_sensors.Sensors('prod', region='eu-west-1', endpoint_url='http://127.0.0.1:9')\n"
        "print('botocore' in sys.modules)\n"
        "client = sensors._tables._client\n"
        "print(client.meta.endpoint_url, client.meta.config.retries['total_max_attempts'], 'boto3' in sys.modules)"
    )
    assert run(program).split() == ["False", "http://127.0.0.1:9", "6", "False"]


def code_lines(path: Path) -> int:
    """The lines of a module without blank lines, comments, docstrings and imports."""
    text = path.read_text(encoding="utf-8")
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_text = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        if is_text or isinstance(node, (ast.Import, ast.ImportFrom)):
            left_out |= set(range(node.lineno, node.end_lineno + 1))  # type: ignore[attr-defined]
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in lines if number not in left_out and line.split("#")[0].strip())


def test_the_core_stays_small() -> None:
    # A recorder is for tests, and the commands are those of adapters.
    core = [path for path in HOME.glob("_*.py") if path.name not in {"_recorded.py", "_command.py"}]
    assert len(core) >= 5
    assert sum(map(code_lines, core)) < 400


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0][:40])
def test_an_example_of_the_readme_runs(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, rest = example.partition("```")
    exec(compile(code, "README.md", "exec"), {})
    shown = rest.partition("```text\n")[2].partition("```")[0]
    assert capsys.readouterr().out == shown
