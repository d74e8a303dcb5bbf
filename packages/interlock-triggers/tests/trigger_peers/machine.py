"""This machine as a target: commands write to a file that they ran."""

import tempfile
from pathlib import Path

from trigger_peers.server import Answer, Request, Target


class Machine(Target):
    """The target of commands. It uses no network, so that it answers no requests and corrupts no answers."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(prefix="interlock-commands-")
        self._file = Path(self._directory.name) / "ran"

    @property
    def url(self) -> str:
        return str(self._file)

    @property
    def jobs(self) -> list[str]:
        """The keys of the commands that ran."""
        return self._file.read_text().split() if self._file.exists() else []

    def is_start(self, request: Request) -> bool:
        return False

    def handle(self, request: Request) -> Answer:
        raise AssertionError("a command is no request")

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self._directory.cleanup()
