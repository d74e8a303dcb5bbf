"""The connections of the client: none is used after the deadline, over TLS neither."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from interlock_alert_dispatcher import slack_client
from interlock_alert_dispatcher.slack_client import TimedClient
from interlock_telemetry import CallTimeout, InvocationDeadline, bind_deadline

HOST = "127.0.0.1"


class Secure:
    """A Slack over TLS that accepts every post, and keeps the bodies of complete requests."""

    def __init__(self, folder: Path) -> None:
        self.bodies = bodies = list[bytes]()
        self.certificate = _certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"ok": true, "ts": "17.1"}')

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self._server = HTTPServer((HOST, 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _certificate(folder: Path) -> Path:
    """A file with a key and its own certificate for loopback."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "slack.pem"
    path.write_bytes(secret + made.public_bytes(encoding))
    return path


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    server = Secure(tmp_path)
    yield server
    server.close()


def _client(secure: Secure) -> TimedClient:
    trust = ssl.create_default_context(cafile=str(secure.certificate))
    return TimedClient(token="xoxb-1", base_url=f"https://{HOST}:{secure.port}/api/", timeout=5, ssl=trust)


def test_post_over_tls_arrives_in_time(secure: Secure) -> None:
    with bind_deadline(InvocationDeadline.after(timedelta(minutes=1))):
        assert _client(secure).chat_postMessage(channel="C1", text="hello")["ts"] == "17.1"
    assert [b"hello" in body for body in secure.bodies] == [True]


def test_wrong_certificate_is_rejected(secure: Secure) -> None:
    client = TimedClient(token="xoxb-1", base_url=f"https://{HOST}:{secure.port}/api/", timeout=5)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        client.chat_postMessage(channel="C1", text="hello")
    assert secure.bodies == []


def test_post_over_tls_sends_nothing_after_the_deadline(secure: Secure) -> None:
    passed = InvocationDeadline.after(-timedelta(seconds=1))
    with bind_deadline(passed), pytest.raises(OSError, match="time ended before its request"):
        _client(secure).chat_postMessage(channel="C1", text="hello")
    assert secure.bodies == []


@pytest.mark.parametrize("is_tls", [False, True])
def test_late_connection_is_rejected(slack: Any, secure: Secure, is_tls: bool) -> None:
    trust = ssl.create_default_context(cafile=str(secure.certificate))
    connection = (
        slack_client._TimedTlsConnection(HOST, secure.port, timeout=5, context=trust)
        if is_tls
        else slack_client._TimedConnection(HOST, int(slack.url.split(":")[2].split("/")[0]), timeout=5)
    )
    late = bind_deadline(InvocationDeadline.after(-timedelta(seconds=1)))
    with closing(connection), late, pytest.raises(CallTimeout):
        connection.connect()


def test_address_without_http_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"'file:///etc/api/chat.postMessage', must begin with http"):
        TimedClient(token="xoxb-1", base_url="file:///etc/api/").chat_postMessage(channel="C1", text="hello")
