"""An endpoint that is away, or that is another server, is one sentence within seconds. The servers are real."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_cli._deployment._aws import explain_aws_error

COMMANDS = [
    ("status",),
    ("events",),
    ("dlq", "list"),
    ("alerts", "audit"),
    ("sensor", "put", "p", "k", "a=1"),
    ("rerun", "p", "2026-03-03"),
    ("migrate",),
    ("validate", "-", "-e", "local"),
]


def invoke(*words: str) -> Result:
    text = "pipeline: {id: p}\nschedule: {cron: 0 6 * * *}\nvalidation: {rules: [{key: k, check: exists}]}\n"
    job = "job: {type: command, config: {command: 'true'}}\n"
    return CliRunner().invoke(main, list(words), env={"NO_COLOR": "1"}, input=text + job)


class Quiet(SimpleHTTPRequestHandler):
    """The server of `python -m http.server`."""

    def log_message(self, *arguments: object) -> None:
        pass


def answering(status: int, body: bytes, kind: str = "text/html") -> type[BaseHTTPRequestHandler]:
    """A server that gives each request the same answer."""

    class Handler(Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class Hangs(Quiet):
    def do_POST(self) -> None:
        time.sleep(30)


@pytest.fixture
def serve() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(handler: type[BaseHTTPRequestHandler]) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads, server.block_on_close = True, False
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def is_one_sentence(done: Result) -> bool:
    return done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_endpoint_that_is_away_has_exit_code_1(command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    began = time.monotonic()
    done = invoke(*command, "--endpoint-url", f"http://127.0.0.1:{port}")
    assert done.exit_code == 1
    assert is_one_sentence(done), done.output
    assert f"no server answers at http://127.0.0.1:{port}." in done.stderr
    assert time.monotonic() - began < 5


FOREIGN = {
    "a page": (answering(200, b"<html>hello</html>"), "its answer describes no table"),
    "an object": (answering(200, b"{}", "application/json"), "its answer describes no table"),
    "another table": (answering(200, b'{"Table": {"TableName": "x"}}'), "its answer describes no table"),
    "a list": (answering(200, b"[]", "application/json"), "its answer cannot be read"),
    "not found": (answering(404, b'{"detail": "Not Found"}'), "it answers with the status 404"),
    "redirect": (answering(302, b""), "it answers with the status 302"),
    "nothing": (answering(204, b""), "its answer describes no table"),
    "failure": (answering(500, b"oops"), "it answers with the status 500"),
    "http.server": (Quiet, "it answers with the status 501"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_server_is_one_sentence(name: str, serve: Callable[..., str]) -> None:
    handler, reason = FOREIGN[name]
    url = serve(handler)
    done = invoke("status", "--endpoint-url", url)
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: the server at {url} has no API of AWS: {reason}. Check --endpoint-url or AWS_ENDPOINT_URL\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_checks_the_server(command: tuple[str, ...], serve: Callable[..., str]) -> None:
    done = invoke(*command, "--endpoint-url", serve(answering(200, b"{}")))
    assert done.exit_code == 2
    assert is_one_sentence(done), done.output
    assert "has no API of AWS" in done.stderr


def test_server_that_never_answers_ends_within_seconds(serve: Callable[..., str]) -> None:
    began = time.monotonic()
    done = invoke("status", "--endpoint-url", serve(Hangs))
    assert done.exit_code == 1
    assert is_one_sentence(done), done.output
    assert "gives no answer: Read timeout" in done.stderr
    assert time.monotonic() - began < 10


def test_server_without_http_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")
                connection.close()

        threading.Thread(target=talk, daemon=True).start()
        done = invoke("status", "--endpoint-url", f"http://127.0.0.1:{server.getsockname()[1]}")
    assert done.exit_code == 1
    assert is_one_sentence(done), done.output
    assert "gives no answer" in done.stderr


def test_tls_to_a_server_without_it_is_one_sentence(serve: Callable[..., str]) -> None:
    done = invoke("status", "--endpoint-url", serve(Quiet).replace("http:", "https:"))
    assert done.exit_code == 1
    assert is_one_sentence(done), done.output
    assert "SSL validation failed" in done.stderr


def test_unknown_host_is_one_sentence() -> None:
    done = invoke("status", "-e", "prod", "--endpoint-url", "http://no-such-host.invalid")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: no server answers at http://no-such-host.invalid: ")


@pytest.mark.parametrize("url", ["localhost:4566", "http://", "ftp://a", "http://a:b", "http://a:99999999"])
def test_invalid_address_is_an_error_of_its_option(url: str) -> None:
    done = invoke("status", "--endpoint-url", url)
    assert done.exit_code == 2
    assert done.stderr == f"error: --endpoint-url is {url!r}, must be an address such as http://127.0.0.1:4566\n"


def test_answers_of_aws_have_the_exit_code_of_their_kind() -> None:
    denied = {"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    broken = {"Error": {"Code": "InternalServerError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    assert explain_aws_error(ClientError(denied, "Query"), None).exit_code == 2  # type: ignore[arg-type]
    assert explain_aws_error(ClientError(broken, "Query"), None).exit_code == 1  # type: ignore[arg-type]
    away = explain_aws_error(ConnectTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"), None)
    assert away.exit_code == 1
    assert away.message.startswith("AWS cannot be reached: Connect timeout")
