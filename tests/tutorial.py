"""Plays a page of the tutorial: `python tests/tutorial.py docs/tutorial/your-own-pipeline.md`. Exit code 1: errors.

The blocks run in the order of the page, in a folder of their own, with the `interlock` that is on PATH.

- A `sh` block runs in one shell for the whole page. `interlock up` runs in the background until the end.
- A `yaml` block is written to the file that its first line names.
- The lines of a `text` block must appear in the lines of the output of the commands before it, in any order, since
  events of one second have none. Dates, times, durations and runs of blanks may differ. Commands that only read are
  repeated until their output has all lines.

The block that installs the command is left out: the caller provides the command.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, NamedTuple

FOLDER = "/tmp/interlock-tutorial"
PATIENCE = 120.0
"""Seconds until an expected output counts as missing."""
STARTS = 3
"""The starts of the local stack on a machine that is too busy for its check."""

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INSTALLS = re.compile(r"pip install|uv (?:tool|run)|uvx")
_ACTIVATES = re.compile(r"^\. venv/bin/activate\n", re.MULTILINE)
_READS = re.compile(r"^(?:interlock (?:status|events|why|sensor get) .*|cat .*|grep .*)$")
_VARYING = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "DATE"),
    (re.compile(r"\b\d{2}-\d{2}(?= \d{2}:)"), "DAY"),
    (re.compile(r"\d{2}:\d{2}(?::\d{2})?Z"), "TIME"),
    (re.compile(r"\b(?:\d+h)?(?:\d+m)?(?:\d+s)?(?= (?:left|old|before))"), "SPAN"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"\s+"), " "),
)

_END = "END-OF-BLOCK"


class Block(NamedTuple):
    """A block of a page."""

    language: str
    text: str


class Failure(Exception):
    """A block did not do as the page says."""


def blocks(page: str) -> list[Block]:
    """The blocks of a page in their order."""
    return [Block(*found) for found in _FENCE.findall(page)]


def normal(line: str) -> str:
    """A line without the parts that differ between two runs."""
    for pattern, name in _VARYING:
        line = pattern.sub(name, line)
    return line.strip()


def missing(expected: str, output: str) -> list[str]:
    """The expected lines that the output does not have, each line counted once."""
    given = [normal(line) for line in output.splitlines()]
    lacking = []
    for line in filter(str.strip, expected.splitlines()):
        found = next((one for one in given if normal(line) in one), None)
        if found is None:
            lacking.append(line)
        else:
            given.remove(found)
    return lacking


def only_reads(block: str) -> bool:
    """Whether a block may be repeated."""
    return all(_READS.match(line) for line in block.splitlines())


class Shell:
    """One shell for the commands of a page."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        """Start the shell in a folder."""
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=variables,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, commands: str) -> tuple[str, int]:
        """The output of commands, and the exit code of the last one."""
        stdin, stdout = self._pipes()
        stdin.write(f"{commands}\ncode=$?\necho\necho {_END} $code\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith(_END):
                return "".join(lines), int(line.split()[1])
            lines.append(line)
        raise Failure(f"the shell ended in: {commands}")

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def end(self) -> None:
        """End the shell."""
        self._process.communicate()


class Play:
    """The play of one page."""

    def __init__(self, folder: Path, command: Path) -> None:
        """Play in a folder, with the given `interlock`."""
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        shims = folder / ".shims"
        shims.mkdir()
        shim = shims / "interlock"
        shim.write_text(_SHIM.format(command=command, endpoint=f"http://127.0.0.1:{self._port}", port=self._port))
        shim.chmod(0o755)
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "XDG_CACHE_HOME") if name in os.environ}
        self._variables = kept | {"PATH": f"{shims}:{os.environ['PATH']}", "COLUMNS": "200"}
        self._shell = Shell(folder, self._variables)
        self._stack: subprocess.Popen[bytes] | None = None
        self._command = ""
        self._read = ""

    def block(self, block: Block) -> None:
        """Play one block."""
        text = block.text.replace(FOLDER, str(self._folder))
        if block.language == "yaml":
            name = text.partition("\n")[0].removeprefix("# ")
            (self._folder / name).write_text(text)
        elif block.language == "sh" and text.startswith("interlock up"):
            self._start(text)
        elif block.language == "sh" and not _INSTALLS.search(text):
            self._command = _ACTIVATES.sub("", text)
            self._read, code = self._shell.run(self._command)
            # The page shows the errors that it wants to show.
            if code and "error: " not in self._read:
                raise Failure(f"exit code {code}: {self._command}{self._read}")
        elif block.language == "text":
            self._expect(text)

    def _start(self, text: str) -> None:
        self._command = ""
        log = self._folder / "up.log"
        for _ in range(STARTS):
            with log.open("wb") as out:
                self._stack = subprocess.Popen(
                    ["bash", "-c", f"exec {text}"], cwd=self._folder, env=self._variables, stdout=out, stderr=out
                )
            if self._has_started(self._stack, log):
                return
            # The page names this case. The start is repeated as a user would repeat it.
            if "is not healthy" not in self._read:
                break
        raise Failure(f"the stack did not start: {self._read}")

    def _has_started(self, stack: subprocess.Popen[bytes], log: Path) -> bool:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            has_ended = stack.poll() is not None
            self._read = log.read_text()
            if "Ctrl-C stops it" in self._read:
                return True
            if has_ended:
                return False
            time.sleep(0.2)
        return False

    def _expect(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while lacking := missing(text, self._read):
            if not self._command or not only_reads(self._command) or time.monotonic() > end:
                raise Failure(f"{self._command}lacks:\n  " + "\n  ".join(lacking) + f"\nit printed:\n{self._read}")
            time.sleep(1)
            self._read, _ = self._shell.run(self._command)

    def end(self) -> None:
        """End the shell and the stack."""
        self._shell.end()
        if self._stack is not None:
            self._stack.send_signal(signal.SIGTERM)
            self._stack.wait(timeout=PATIENCE)


_SHIM = """#!/bin/sh
case "$1" in
  up) exec {command} "$@" --port {port} --no-web ;;
  init|demo|web) exec {command} "$@" ;;
  *) exec {command} "$@" --endpoint-url {endpoint} ;;
esac
"""
"""Puts a free port in the place of the usual one."""


def play(page: Path, command: Path, *, with_stack: bool = False) -> int:
    """Play a page and return the number of its blocks. Raises Failure.

    with_stack: the page needs a local stack and does not start one.
    """
    found = blocks(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        playing = Play(Path(name), command)
        try:
            if with_stack:
                playing.block(Block("sh", "interlock up --data ./state"))
            for block in found:
                playing.block(block)
        finally:
            playing.end()
    return len(found)


def main() -> int:
    """Play a page with the `interlock` that is on PATH."""
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    page: Path = parser.parse_args().page
    command = shutil.which("interlock")
    if command is None:
        print("interlock is not on PATH")
        return 1
    try:
        print(f"{page.name}: {play(page, Path(command))} blocks")
    except Failure as failure:
        print(f"{page.name}: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
