"""Serves the page at a port, in the calling thread or in its own."""

import socket
import threading
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from interlock_store import DynamoTables, TableNames
from interlock_web._app import make_app
from interlock_web._defaults import DEFAULT_HOST, DEFAULT_PORT
from interlock_web._reader import Reader
from interlock_web._security import LOOPBACK

_SECONDS_TO_END = 3


class WebError(Exception):
    """The page cannot be served or exported, with the reason for the user."""


class _Server(uvicorn.Server):
    """A server whose end also ends the open streams, which would otherwise stay."""

    def __init__(self, app: Starlette, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the server after a signal."""
        self._app.state.streams.is_ending = True
        super().handle_exit(sig, frame)


class PageServer:
    """The page of a deployment at a host and a port, which is taken at once. Port 0 is any free port.

    A page at a loopback address answers only requests that name a loopback host.

    Raises:
        WebError: the address is invalid or in use.
    """

    def __init__(
        self,
        reader: Reader,
        environment: str,
        *,
        region: str | None = None,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        program: str = "interlock",
        endpoint_url: str | None = None,
    ) -> None:
        """region: that of the deployment, for the pages of jobs at AWS. None outside of AWS.

        program, endpoint_url: for the commands to copy, as in `Shell`.
        """
        self._socket = _listen(host, port)
        self._reader = reader
        self._app = make_app(
            reader,
            environment,
            region=region,
            hosts=LOOPBACK if is_loopback(host) else None,
            program=program,
            endpoint_url=endpoint_url,
        )
        config = uvicorn.Config(
            self._app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_END,
        )
        self._server = _Server(self._app, config)
        self._thread: threading.Thread | None = None
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._socket.getsockname()[1]}"

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM. The signal is raised again afterwards."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self._reader.close()

    def start(self) -> None:
        """Serve in a thread, until `stop`."""
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="interlock-web", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread of `start`."""
        self._app.state.streams.is_ending = True
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(2 * _SECONDS_TO_END)
        self._socket.close()
        self._reader.close()


def serve_page(client: Any, environment: str, program: str = "interlock") -> PageServer:
    """Serve the page of a deployment on this machine in a thread, at the default port or at a free one.

    client: a client of DynamoDB. program: the words before a command to copy. The caller stops the server.

    Raises:
        WebError: the page cannot be served.
    """

    def listen(port: int) -> PageServer:
        reader = Reader(DynamoTables(client), TableNames.of_environment(environment))
        endpoint = client.meta.endpoint_url
        return PageServer(reader, environment, port=port, program=program, endpoint_url=endpoint)

    try:
        server = listen(DEFAULT_PORT)
    except WebError:
        server = listen(0)
    server.start()
    return server


def is_loopback(host: str) -> bool:
    """Whether a host is only reached from this machine."""
    return host in LOOPBACK or host.startswith("127.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        raise WebError(f"the page cannot be served at {host}:{port}: {error}") from None
