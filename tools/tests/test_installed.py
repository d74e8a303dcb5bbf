"""Each package installed from a local index: its README runs outside of the checkout."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from demo_workspace import Demo
from releases import installed
from releases.installed import Readme, make_index

ROOT = Path(__file__).parents[2]
APP = "packages/demo-app"

README = """\
# demo-app

```sh
pip install demo-app       # the library
pip install "demo-app[x]"  # with more
python -m interlock_demo.report out --date 2026-03-03   # a module
interlock push pipelines/ --environment prod
uvx demo-app run
```

```python
from demo_app import four
print(four())
```

```text
4
```
"""

_APP = (
    "```sh\npip install demo-app\n```\n\n```python\nfrom demo_app import four\nprint(four())\n```\n\n```text\n4\n```\n"
)


def test_a_readme_has_an_install_and_commands() -> None:
    assert Readme.read(README) == Readme(
        ("demo-app",),
        (
            "python -m interlock_demo.report out --date 2026-03-03",
            "interlock push pipelines/ --environment prod",
        ),
        ("uvx demo-app run",),
    )


def test_a_requirement_keeps_its_extra() -> None:
    assert Readme.read('```console\npip install "demo-app[x]"   # with more\n```\n').install == ("demo-app[x]",)


def test_an_index_links_each_wheel_with_its_hash(tmp_path: Path) -> None:
    wheel = tmp_path / "demo_core-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    page = (make_index([wheel], tmp_path / "simple") / "demo-core" / "index.html").read_text()
    digest = hashlib.sha256(b"wheel").hexdigest()
    assert f'<a href="{wheel.as_uri()}#sha256={digest}">{wheel.name}</a>' in page


def outcome(demo: Demo, readme: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The exit code, the row of demo-app, and the errors."""
    demo.write(f"{APP}/README.md", readme)
    code = installed.main(["demo-app"], demo.root)
    said = capsys.readouterr()
    return code, said.out.strip().splitlines()[3], said.err


def test_an_installed_package_runs_its_readme(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    code, row, errors = outcome(demo, _APP, capsys)
    assert (code, errors) == (0, "")
    assert row.split()[3:] == ["1", "0", "ok"]


@pytest.mark.parametrize(
    ("readme", "named"),
    [
        (_APP.replace("\n4\n", "\n5\n"), "printed '4\\n' instead of '5\\n'"),
        (_APP.replace("pip install demo-app", "pip install demo-nothing"), "demo-nothing was not found"),
        (_APP.replace("pip install demo-app", "echo"), "the README has no line with `pip install`"),
        (_APP.replace("demo-app\n", "demo-app\ninterlock status\n"), "installs no command interlock"),
    ],
)
def test_a_wrong_readme_is_found(demo: Demo, capsys: pytest.CaptureFixture[str], readme: str, named: str) -> None:
    code, row, errors = outcome(demo, readme, capsys)
    assert code == 1
    assert row.split()[-1] == "failed"
    assert errors.startswith("error: demo-app: ")
    assert named in errors


def test_an_unknown_package_has_exit_code_2(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        installed.main(["tick"], demo.root)
    assert stopped.value.code == 2
    assert "no package tick, expected some of demo-app, demo-core" in capsys.readouterr().err


def test_interlock_local_is_not_built_without_its_parts(tmp_path: Path) -> None:
    home = tmp_path / "packages" / "interlock-local"
    ignored = shutil.ignore_patterns("tests", "__pycache__")
    shutil.copytree(ROOT / "packages" / "interlock-local", home, ignore=ignored)
    command = ["uv", "build", "--wheel", "--no-sources", "--out-dir", str(tmp_path), str(home)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "services/*/pyproject.toml does not exist: build interlock-local in a checkout" in done.stderr
