"""interlock web: the server at its port, its messages and exit codes, and the export."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from interlock_store import MemoryTables
from interlock_web import PageServer, Reader, WebError, serve_page
from interlock_web.commands import web


class Lines:
    def line(self, *parts: Any) -> None:
        click.echo("".join(part if isinstance(part, str) else part[1] for part in parts))


class Stack:
    """The deployment of a terminal: the tables of the test."""

    endpoint_url = "http://127.0.0.1:4566"

    def __init__(self, site: Any, environment: str) -> None:
        self._site, self.environment = site, environment

    def store(self) -> Any:
        return self._site.store

    def client(self, service: str) -> Any:
        return self._site if service == "dynamodb" else self._site.bucket


class Terminal:
    def __init__(self, site: Any) -> None:
        self._site = site
        self.named: list[tuple[str | None, str | None]] = []

    def console(self) -> Lines:
        return Lines()

    def print_json(self, value: Any) -> None:
        click.echo(json.dumps(value))

    def as_called(self, text: str) -> str:
        return text.replace("interlock ", "uv run interlock ")

    def error(self, message: str) -> Exception:
        failed = click.ClickException(message)
        failed.exit_code = 2
        return failed

    def deployment(self, environment: str | None, endpoint_url: str | None) -> Stack:
        self.named.append((environment, endpoint_url))
        return Stack(self._site, environment or "local")


@pytest.fixture
def run(site: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr("interlock_store.DynamoTables", lambda client: client.tables)
    monkeypatch.setattr("interlock_web.Reader", partial(Reader, clock=lambda: site.now))
    return lambda *arguments: CliRunner().invoke(web, ["-e", "test", *arguments], obj=Terminal(site))


@pytest.fixture
def server(reader: Reader) -> Iterator[PageServer]:
    found = PageServer(reader, "test", port=0)
    found.start()
    yield found
    found.stop()


def test_the_page_is_served_at_loopback_only(site: Any, server: PageServer) -> None:
    site.all_states()
    assert server.url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(server.url, timeout=10) as answer:
        assert "held" in answer.read().decode()
    request = urllib.request.Request(server.url, headers={"Host": "attacker.example"})
    with pytest.raises(urllib.error.HTTPError, match="421"):
        urllib.request.urlopen(request, timeout=10)


def test_a_busy_default_port_gives_a_free_one(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.all_states()
    monkeypatch.setattr("interlock_web._server.DynamoTables", lambda client: client.tables)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("interlock_web._server.DEFAULT_PORT", taken.getsockname()[1])
        site.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:4600")
        page = serve_page(site, "test", "uv run interlock")
        try:
            assert not page.url.endswith(f":{taken.getsockname()[1]}")
            with urllib.request.urlopen(f"{page.url}/healthz", timeout=10) as answer:
                assert answer.read() == b"ok\n"
            line = "uv run interlock status -e test --endpoint-url http://127.0.0.1:4600 held"
            with urllib.request.urlopen(f"{page.url}/pipeline?id=held", timeout=10) as answer:
                assert f'data-copy="{line}"' in answer.read().decode()
        finally:
            page.stop()


def test_an_open_stream_does_not_keep_the_server(site: Any, server: PageServer) -> None:
    site.all_states()
    with urllib.request.urlopen(f"{server.url}/events", timeout=10) as stream:
        assert stream.readline() == b"retry: 5000\n"
        begin = time.monotonic()
        server.stop()
        assert server._thread is not None
        assert not server._thread.is_alive()
        # The server would otherwise wait three seconds for the stream, and then cut it.
        assert time.monotonic() - begin < 2.5


def test_a_port_in_use_is_said(reader: Reader, run: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port))
        assert done.exit_code == 2
        assert f"the page cannot be served at 127.0.0.1:{port}" in done.output
        with pytest.raises(WebError):
            PageServer(reader, "test", port=port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 300, "256.1.1.1"])
def test_an_invalid_host_is_said(run: Callable[..., Result], host: str) -> None:
    done = run("--host", host, "--port", "0")
    assert done.exit_code == 2
    assert "the page cannot be served at" in done.output


def test_a_table_without_the_index_of_days_names_the_action(
    site: Any, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("ValidationException: The table does not have the specified index: GSI2")

    monkeypatch.setattr(site.tables, "query", fail)
    done = run("--port", "0")
    assert done.exit_code == 2
    assert "`uv run interlock migrate --apply`" in done.output


@pytest.mark.parametrize(("host", "program"), [("127.0.0.1", "uv run interlock"), ("0.0.0.0", "interlock")])
def test_commands_to_copy_are_as_a_reader_calls_them(
    site: Any, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, host: str, program: str
) -> None:
    site.all_states()
    seen: list[str] = []

    def ask(self: PageServer) -> None:
        self.start()
        port = self.url.rpartition(":")[2]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/run?pipeline=held&date=2026-03-03") as answer:
            seen.append(answer.read().decode())
        self.stop()

    monkeypatch.setattr(PageServer, "run", ask)
    assert run("--host", host, "--port", "0").exit_code == 0
    line = f"{program} why -e test --endpoint-url http://127.0.0.1:4566 held 2026-03-03"
    assert f'data-copy="{line}"' in seen[0]


def test_ctrl_c_stops_the_page(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: PageServer) -> None:
        self.stop()
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, "run", interrupted)
    done = run("--port", "0")
    assert done.exit_code == 0
    assert done.output.splitlines()[0].startswith("Interlock's page is at http://127.0.0.1:")
    assert done.output.splitlines()[-1] == "stopped"


def test_an_export_says_its_numbers(site: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    site.all_states()
    done = run("--export", str(tmp_path / "pages"))
    assert done.exit_code == 0, done.output
    assert "8 pipelines, 6 dates. Open index.html" in done.output
    again = run("--export", str(tmp_path / "pages"), "--json")
    assert json.loads(again.stdout)["pipelines"] == 8


def test_an_export_into_a_foreign_folder_is_rejected(site: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = run("--export", str(tmp_path))
    assert done.exit_code == 2
    assert "is no folder of an earlier export" in done.output


def test_help_has_examples(run: Callable[..., Result]) -> None:
    assert "interlock web -e prod --port 8080" in run("--help").output


def test_the_tables_of_the_environment_are_read(site: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    assert isinstance(site.tables, MemoryTables)
    site.pipeline("only")
    run("--export", str(tmp_path / "pages"))
    assert "pipeline-only.html" in {path.name for path in (tmp_path / "pages").iterdir()}
