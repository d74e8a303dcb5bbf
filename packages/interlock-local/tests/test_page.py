"""The page of the local stack: another package serves it, and the stack works without one."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from interlock_local.commands import _page
from interlock_local.commands._page import PAGES, served_page

ended: list[str] = []


class Page:
    """A page that is served at a fixed address."""

    url = "http://127.0.0.1:4580"

    def stop(self) -> None:
        ended.append(self.url)


class Stack:
    """A stack whose client is its name."""

    def client(self, service: str) -> str:
        return f"client of {service}"


def serve(client: Any, environment: str, program: str) -> Page:
    assert (client, environment, program) == ("client of dynamodb", "local", "interlock")
    return Page()


def fail(*_: Any) -> Page:
    raise OSError("no port is free")


@pytest.fixture(autouse=True)
def _no_end() -> None:
    ended.clear()


def offer(monkeypatch: pytest.MonkeyPatch, served: Any) -> None:
    class Offered(EntryPoint):
        def load(self) -> Any:
            return served

    entries = [] if served is None else [Offered("page", "page:serve", PAGES)]
    monkeypatch.setattr(_page, "entry_points", lambda group: entries if group == PAGES else [])


def test_the_page_is_served_while_the_stack_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, serve)
    with served_page(Stack(), "local", "interlock") as text:  # type: ignore[arg-type]
        assert text == Page.url
        assert ended == []
    assert ended == [Page.url]


def test_the_page_ends_with_an_interrupted_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, serve)
    with pytest.raises(KeyboardInterrupt), served_page(Stack(), "local", "interlock"):  # type: ignore[arg-type]
        raise KeyboardInterrupt
    assert ended == [Page.url]


def test_without_the_package_there_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, None)
    with served_page(Stack(), "local", "interlock") as text:  # type: ignore[arg-type]
        assert text == ""


def test_a_page_that_cannot_be_served_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, fail)
    with served_page(Stack(), "local", "interlock") as text:  # type: ignore[arg-type]
        assert text == "(not served: no port is free)"
