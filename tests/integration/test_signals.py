"""`interlock up` in the background of a shell that ignores interrupts: SIGTERM stops it in order."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

from integration.conftest import PATIENCE

# As `nohup interlock up &` in a script.
IGNORING = "trap '' INT HUP; exec \"$@\""


def test_ignored_interrupt_stays_ignored_and_sigterm_stops(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-u", "-m", "interlock_cli", "up", "--data", str(tmp_path / "state")]
    with subprocess.Popen(
        ["sh", "-c", IGNORING, "sh", *command, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as stack:
        assert stack.stdout is not None
        lines = iter(stack.stdout.readline, "")
        assert any("Ctrl-C stops it" in line for line in lines)
        stack.send_signal(signal.SIGINT)
        stack.send_signal(signal.SIGHUP)
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
            assert stack.poll() is None
        stack.send_signal(signal.SIGTERM)
        said = "".join(lines)
        assert stack.wait(PATIENCE) == 0
    assert "stopping after the remaining stream records" in said
    assert "stopped. The state is in" in said
