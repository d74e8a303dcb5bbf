"""The two modules of the Lambda, as the Lambda imports them, and a server that notes the posts."""

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def lineage() -> ModuleType:
    return _load("lineage")


@pytest.fixture(scope="session")
def consumer(lineage: ModuleType) -> ModuleType:
    return _load("consumer")


class Server:
    """A server of OpenLineage. `statuses` are those of its next answers, then 201."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.posts: list[tuple[str, str | None, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.posts.append((self.path, self.headers.get("Authorization"), body))
                status = server.statuses.pop(0) if server.statuses else 201
                if status:
                    self.send_response(status)
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """The test reads `posts`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    monkeypatch.setenv("OPENLINEAGE_URL", made.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield made
    made.close()
