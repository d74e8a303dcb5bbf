"""`interlock up` as a user runs it, with its server, guard and workers, each of which can be killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

PARTS = ("command", "server", "guard", "worker")

_READY_SECONDS = 240.0


class Up:
    """One data directory and the command that runs on it, which is started again after each kill."""

    def __init__(self, data: Path, log: Path) -> None:
        self._data = data
        self._log = log
        self.port = _free_port()
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()

    @property
    def endpoint(self) -> str:
        """The address of the AWS API."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start the command. It is ready when it says so."""
        words = ["up", "--data", str(self._data), "--port", str(self.port)]
        self._ready.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "interlock_cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "INTERLOCK_TRIGGER_ALLOWED_HOSTS": "127.0.0.1", "NO_COLOR": "1"},
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self.starts += 1
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        """Wait until the stack is up. AssertionError with its last lines if it ends before."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready.wait(0.05):
            if not self.runs:
                raise AssertionError(f"interlock up ended: {self.last_lines()}")
            assert time.monotonic() < deadline, f"interlock up is not ready: {self.last_lines()}"

    @property
    def runs(self) -> bool:
        """Whether the command runs."""
        return self._process is not None and self._process.poll() is None

    def last_lines(self) -> str:
        """The last lines of the output of the command."""
        return " / ".join(self._log.read_text().splitlines()[-6:])

    def kill(self, part: str, choice: int) -> bool:
        """Send SIGKILL to one process of this part, and wait for the end of the command unless it goes on without it.

        False if there was no such process.
        """
        pids = self._processes()[part]
        if not pids:
            return False
        os.kill(pids[choice % len(pids)], signal.SIGKILL)
        if part != "worker":
            assert self._process is not None
            self._process.wait(120)
        return True

    def stop(self) -> None:
        """End the command in order, as Ctrl-C does."""
        if self.runs:
            assert self._process is not None
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(120)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with self._log.open("a") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if "Interlock is up" in line:
                    self._ready.set()

    def _processes(self) -> dict[str, list[int]]:
        """The processes of each part. Workers are processes of functions that are ready or busy."""
        found: dict[str, list[int]] = {part: [] for part in PARTS}
        if self._process is not None and self.runs:
            found["command"].append(self._process.pid)
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                mine = f"GATEWAY_PORT={self.port}".encode() in (entry / "environ").read_bytes().split(b"\0")
                is_function = b"AWS_LAMBDA_FUNCTION_NAME=" in (entry / "environ").read_bytes()
            except OSError:
                continue
            if not mine:
                continue
            if any(word.endswith(b"_guard.py") for word in words):
                found["guard"].append(int(entry.name))
            elif b"interlock_local.server" in words:
                found["server"].append(int(entry.name))
            elif is_function and re.match(rb"python", Path(words[0].decode()).name.encode()):
                found["worker"].append(int(entry.name))
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
