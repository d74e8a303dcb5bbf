"""One guarded POST: sent once, to permitted addresses only."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from interlock_triggers import AllowListError, PostAnswer, Poster, PostForbidden, PostUnanswered


class Peer:
    """A server on loopback with one answer."""

    def __init__(self, status: int, headers: dict[str, str], *, answers: bool = True) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                peer.requests.append((dict(self.headers.items()), body))
                if not answers:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/x"


@pytest.fixture
def peer(request: Any) -> Iterator[Peer]:
    made = Peer(*request.param[:2], answers=len(request.param) == 2)
    yield made
    made.server.shutdown()
    made.server.server_close()


def send(peer: Peer, allowed: str = "127.0.0.1") -> PostAnswer:
    return Poster(allowed).post(peer.url, {"X-Key": "k"}, b"body", seconds=5)


@pytest.mark.parametrize(
    ("peer", "retry_after"),
    [((503, {"Retry-After": "7"}), 7), ((429, {"Retry-After": "soon"}), None), ((204, {}), None)],
    indirect=["peer"],
)
def test_each_answer_comes_back_after_one_request(peer: Peer, retry_after: int | None) -> None:
    assert send(peer).retry_after == retry_after
    ((headers, body),) = peer.requests
    assert (headers["X-Key"], body) == ("k", b"body")


@pytest.mark.parametrize("peer", [(204, {})], indirect=True)
def test_an_address_that_is_not_public_is_forbidden(peer: Peer) -> None:
    with pytest.raises(PostForbidden, match="not a public address"):
        send(peer, "")
    assert peer.requests == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://user:hunter2@hooks.example.com/x", "may not carry a user name"),
        ("https://10.0.0.7/x", "10.0.0.7 is not a public address"),
        ("https://127.0.0.1/x", "127.0.0.1 is not a public address"),
        ("https://[::1]/x", "::1 is not a public address"),
        ("https://169.254.169.254/latest", "169.254.169.254 is not a public address"),
        ("https://localhost/x", "localhost leads to .* is not a public address"),
        ("ftp://example.com/x", "must begin with http"),
    ],
)
def test_a_check_forbids_what_a_post_would_not_reach(url: str, reason: str) -> None:
    for ask in (Poster().check, lambda url, seconds: Poster().post(url, {}, b"", seconds=seconds)):
        with pytest.raises(PostForbidden, match=reason) as caught:
            ask(url, seconds=5)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("peer", [(204, {})], indirect=True)
def test_a_check_of_a_permitted_address_sends_nothing(peer: Peer) -> None:
    Poster("127.0.0.1").check(peer.url, seconds=5)
    assert peer.requests == []


def test_a_check_of_a_name_without_an_address_is_no_answer() -> None:
    with pytest.raises(PostUnanswered, match="cannot resolve"):
        Poster().check("https://interlock.invalid/x", seconds=5)


@pytest.mark.parametrize("peer", [(302, {"Location": "/y"})], indirect=True)
def test_a_redirect_to_a_get_is_forbidden(peer: Peer) -> None:
    with pytest.raises(PostForbidden, match="answered 302"):
        send(peer)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("peer", [(204, {}, False)], indirect=True)
def test_a_lost_answer_is_no_answer(peer: Peer) -> None:
    with pytest.raises(PostUnanswered):
        send(peer)
    assert len(peer.requests) == 1


def test_a_closed_port_is_no_answer() -> None:
    with pytest.raises(PostUnanswered, match="cannot connect"):
        Poster("127.0.0.1").post("http://127.0.0.1:1/x", {}, b"", seconds=1)


def test_an_invalid_allow_list_is_rejected() -> None:
    with pytest.raises(AllowListError):
        Poster("*.internal")
