"""The files that paths name: folders, links, patterns, unreadable places, pipes and devices."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from interlock_cli import main

RIGHT = "name: us\ndays: [sunday]\n"
WRONG = "name: us\ndays: [sundax]\n"

# Root can read everything, so the script changes its user. Before that, one call loads all late imports: the new
# user may not be able to read them.
WITHOUT_RIGHTS = """
import json, os, sys
from click.testing import CliRunner
from interlock_cli import main
CliRunner().invoke(main, ["validate", "-"], input=sys.stdin.read())
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for path in sys.argv[1:]:
    done = CliRunner().invoke(main, ["validate", path])
    print(json.dumps([done.exit_code, done.output.splitlines()]))
"""
Lines = Callable[..., tuple[int, list[str]]]
LinesOfEach = Callable[..., list[tuple[int, list[str]]]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p" / "sub").mkdir(parents=True)
    (tmp_path / "p" / "good.yaml").write_text(RIGHT)
    return tmp_path


@pytest.fixture
def validate(folder: Path) -> Lines:
    def invoke(*arguments: str) -> tuple[int, list[str]]:
        done = CliRunner().invoke(main, ["validate", *arguments], env={"NO_COLOR": "1"})
        return done.exit_code, done.output.splitlines()

    return invoke


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder p that every user may look into, with a good file; p/sub holds a wrong one."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p" / "sub").mkdir(parents=True)
        for place in (folder, folder / "p", folder / "p" / "sub"):
            place.chmod(0o755)
        for file, text in (("good.yaml", RIGHT), ("sub/bad.yaml", WRONG)):
            (folder / "p" / file).write_text(text)
            (folder / "p" / file).chmod(0o644)
        yield folder
        (folder / "p").chmod(0o755)
        (folder / "p" / "sub").chmod(0o755)


@pytest.fixture
def validate_without_rights(open_to_all: Path) -> LinesOfEach:
    """The exit code and the lines of `interlock validate` for each path, for a user without rights."""

    def run(*paths: str) -> list[tuple[int, list[str]]]:
        command = [sys.executable, "-c", WITHOUT_RIGHTS, *paths]
        said = subprocess.run(command, cwd=open_to_all, input=RIGHT, stdout=subprocess.PIPE, text=True, check=True)
        return [(code, lines) for code, lines in map(json.loads, said.stdout.splitlines())]

    return run


def denied(place: str, *, files: int) -> tuple[int, list[str]]:
    counted = f"{files} file{'s' * (files != 1)}: 1 error, 0 warnings"
    return 2, [f"error: {place}: cannot be read: Permission denied", counted]


def test_folder_without_permission_does_not_hide_the_rest(
    open_to_all: Path, validate_without_rights: LinesOfEach
) -> None:
    (open_to_all / "p" / "sub").chmod(0)
    expected = {
        "p": denied("p/sub", files=1),
        ".": denied("p/sub", files=1),
        "p/sub": denied("p/sub", files=0),
        "p/sub/bad.yaml": denied("p/sub/bad.yaml", files=0),
        "p/sub/none/x.yaml": denied("p/sub/none/x.yaml", files=0),
        "p/sub/*": denied("p/sub/*", files=0),
        "p/**": denied("p/sub", files=1),
        "p/**/*.yaml": denied("p/sub", files=1),
        "p/*": denied("p/sub", files=1),
        "p/*/*.yaml": denied("p/sub", files=0),
        "p/*/bad.yaml": denied("p/sub/bad.yaml", files=0),
        "*/sub/inner/*": denied("p/sub/inner", files=0),
    }
    assert dict(zip(expected, validate_without_rights(*expected), strict=True)) == expected


def test_file_without_permission_does_not_hide_the_rest(
    open_to_all: Path, validate_without_rights: LinesOfEach
) -> None:
    (open_to_all / "p" / "sub" / "bad.yaml").chmod(0)
    expected = [denied("p/sub/bad.yaml", files=1), denied("p/sub/bad.yaml", files=0)]
    assert validate_without_rights("p", "p/sub/bad.yaml") == expected


def test_link_into_a_folder_without_permission_is_an_error(
    open_to_all: Path, validate_without_rights: LinesOfEach
) -> None:
    (open_to_all / "p" / "sub").chmod(0)
    (open_to_all / "q").mkdir()
    (open_to_all / "q").chmod(0o755)
    (open_to_all / "q" / "team.v2").symlink_to("../p/sub/team")
    assert validate_without_rights("q", "q/*", "q/*/x.yaml") == [denied("q/team.v2", files=0)] * 3


@pytest.mark.parametrize("path", ["d", "d/**", "d/**/*.y*ml", "d/team", "d/t*", "d/t*/bad.yaml", "[d]/team/*"])
def test_linked_folders_are_searched(validate: Lines, folder: Path, path: str) -> None:
    (folder / "team").mkdir()
    (folder / "team" / "bad.yaml").write_text(WRONG)
    (folder / "d").mkdir()
    (folder / "d" / "team").symlink_to("../team")
    code, lines = validate(path)
    assert (code, lines[1:]) == (2, ["1 file: 1 error, 0 warnings"])
    assert lines[0].startswith('error: d/team/bad.yaml:2: days[0] = "sundax"')


@pytest.mark.parametrize("path", ["p", "p/**", "p/**/*.yaml", "p/**/**/good.yaml"])
def test_links_in_a_circle_are_followed_once(validate: Lines, folder: Path, path: str) -> None:
    (folder / "p" / "again").symlink_to(".")
    (folder / "p" / "sub" / "up").symlink_to(folder)
    assert validate(path) == (0, ["1 file: 0 errors, 0 warnings"])


@pytest.mark.parametrize("name", ["orders.yaml", "team"])
@pytest.mark.parametrize("path", ["p", "p/**", "p/*", "p/{}", "*/{}"])
def test_broken_link_is_an_error(validate: Lines, folder: Path, name: str, path: str) -> None:
    (folder / "p" / name).symlink_to("gone")
    code, lines = validate(path.format(name), "p/good.yaml")
    assert (code, lines) == (2, [f"error: p/{name}: is a broken link", "1 file: 1 error, 0 warnings"])


@pytest.mark.parametrize("name", ["notes.md", ".#orders.yaml", "pipeline.schema.json"])
@pytest.mark.parametrize("path", ["p", "p/**", "p/*"])
def test_broken_link_with_a_skipped_name_is_skipped(validate: Lines, folder: Path, name: str, path: str) -> None:
    (folder / "p" / name).symlink_to("gone")
    assert validate(path) == (0, ["1 file: 0 errors, 0 warnings"])


@pytest.mark.parametrize("path", ["p", "p/loop.yaml", "p/*"])
def test_a_link_to_itself_is_an_error(validate: Lines, folder: Path, path: str) -> None:
    (folder / "p" / "loop.yaml").symlink_to("loop.yaml")
    code, lines = validate(path, "p/good.yaml")
    assert code == 2
    assert lines[0].startswith("error: p/loop.yaml: cannot be read: Too many levels of symbolic links")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.yaml:2", "p/b.yaml:2", "p/sub/c.json"]),
        ("*.yaml", ["a.yaml:2"]),
        ("?/*.y*", ["p/b.yaml:2"]),
        ("**/*.[jy]*", ["a.yaml:2", "p/b.yaml:2", "p/sub/c.json"]),
        ("p/**/c.json", ["p/sub/c.json"]),
        ("**/b.yaml/*", ["**/b.yaml/*"]),
        (".h*/*", [".hidden/d.yml:2"]),
        ("*/.*.yaml", ["p/.e.yaml:2"]),
        ("*/nothing.yaml", ["*/nothing.yaml"]),
        ("{here}/p/*.yaml", ["{here}/p/b.yaml:2"]),
    ],
)
def test_patterns_have_the_syntax_of_glob(validate: Lines, folder: Path, pattern: str, found: list[str]) -> None:
    (folder / "p" / "good.yaml").unlink()
    (folder / ".hidden").mkdir()
    for file in ("a.yaml", "p/b.yaml", ".hidden/d.yml", "p/.e.yaml"):
        (folder / file).write_text(WRONG.replace("us", Path(file).name))
    (folder / "p" / "sub" / "c.json").write_text('{"name": "c", "days": ["sundax"]}')
    code, lines = validate(pattern.format(here=folder))
    assert code == 2
    assert [line.split(": ")[1] for line in lines[:-1]] == [place.format(here=folder) for place in found]


@pytest.mark.parametrize("path", ["p/pipe.yaml", "p", "p/*"])
def test_pipe_without_a_writer_is_an_error_at_once(folder: Path, path: str) -> None:
    os.mkfifo(folder / "p" / "pipe.yaml")
    command = [sys.executable, "-m", "interlock_cli", "validate", path, "p/good.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout.splitlines()) == (
        2,
        ["error: p/pipe.yaml: is a pipe without data", "1 file: 1 error, 0 warnings"],
    )


def test_pipe_of_a_slow_command_is_read_to_its_end(folder: Path) -> None:
    reading, writing = os.pipe()

    def write_late() -> None:
        for part in (WRONG[:5], WRONG[5:]):
            pause.wait(0.3)
            os.write(writing, part.encode())
        os.close(writing)

    pause, writer = threading.Event(), threading.Thread(target=write_late)
    writer.start()
    done = CliRunner().invoke(main, ["validate", f"/dev/fd/{reading}", "p/good.yaml"])
    writer.join()
    os.close(reading)
    assert done.exit_code == 2
    assert f"/dev/fd/{reading}:2: days[0]" in done.output
    assert "also the name of" in done.output
    assert done.output.endswith("\n2 files: 2 errors, 0 warnings\n")


def test_pipe_is_read_only_to_the_limit(folder: Path) -> None:
    command = f'head -c 300000 /dev/zero | tr "\\0" " " | {sys.executable} -m interlock_cli validate /dev/stdin'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2
    assert "/dev/stdin: is longer than 128 KB and was not read" in done.stdout


def test_a_device_is_an_error_at_once(validate: Lines) -> None:
    assert validate("/dev/zero", "p") == (
        2,
        ["error: /dev/zero: is not a file, folder or pipe", "1 file: 1 error, 0 warnings"],
    )
