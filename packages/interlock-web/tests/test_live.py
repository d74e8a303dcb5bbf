"""The stream of changes: only changed rows are sent, viewers share the queries, and the stream ends with the server."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from interlock_lifecycle import RunStatus
from interlock_web import Reader
from interlock_web._board import Choice
from interlock_web._commands import Shell
from interlock_web._links import ServerLinks
from interlock_web._live import MOST_STREAMS, Streams, message
from interlock_web._pages import Pages, View
from interlock_web._views import read_board

from .test_overview import names

ALL = View()


@pytest.fixture
def streams(reader: Reader) -> Streams:
    return Streams(reader, Pages(Shell("test"), ServerLinks()), poll_seconds=0.01)


async def here() -> bool:
    return False


def events(streams: Streams, steps: list[Callable[[], Any]], view: View = ALL) -> list[str]:
    """The event of the first look, and the event after each step. The first look is after a pause."""
    found: list[str] = []

    async def follow() -> None:
        stream: AsyncIterator[str] = streams.follow(view, here)
        assert await anext(stream) == "retry: 5000\n\n"
        found.append(await anext(stream))
        for step in steps:
            step()
            found.append(await anext(stream))
        streams.is_ending = True
        assert [event async for event in stream] == []

    anyio.run(follow)
    return found


def test_only_the_changed_rows_are_sent(site: Any, streams: Streams) -> None:
    site.all_states()
    first, quiet, changed = events(
        streams, [lambda: None, lambda: site.close(site.begin("quiet", "2026-03-02"), RunStatus.FAILED_FINAL, "exit 4")]
    )
    assert first == ": no change\n\n"
    assert quiet == ": no change\n\n"
    assert changed.startswith("event: rows\n")
    assert names(changed.replace("data: ", "")) == ["quiet"]
    assert "exit 4 (2026-03-02)" in changed
    assert 'id="summary"' in changed


def test_a_change_before_the_first_look_is_sent(site: Any, reader: Reader, streams: Streams) -> None:
    site.all_states()
    board, _ = read_board(reader, ALL)

    async def first(seen: str) -> str:
        stream = streams.follow(ALL, here, seen)
        return [await anext(stream), await anext(stream)][1]

    assert anyio.run(first, board.mark) == ": no change\n\n"
    site.close(site.begin("quiet", "2026-03-02"), RunStatus.FAILED_FINAL)
    event = anyio.run(first, board.mark)
    assert event.startswith("event: rows\n")
    assert names(event.replace("data: ", ""))[:2] == ["failed", "quiet"]


def test_a_filter_also_chooses_the_changes(site: Any, streams: Streams) -> None:
    site.all_states()
    view = View(Choice(owner="team-b"))
    _, event = events(streams, [lambda: site.breach("quiet")], view)
    assert event == ": no change\n\n"


def test_a_look_costs_one_query_per_day(site: Any, streams: Streams) -> None:
    site.all_states()
    events(streams, [site.tables.requests.clear, lambda: None])
    counted = site.tables.requests
    assert [one for one in counted if one != "query CONFIG"] == ["query DAY"] * len(counted)
    assert len(counted) % View().days == 0


def test_viewers_of_the_same_days_share_the_queries(site: Any) -> None:
    site.all_states()
    now = [0.0]
    reader = Reader(site.tables, site.store.names, clock=lambda: site.now, monotonic=lambda: now[0])
    counted = []
    for seconds in (0.0, 1.0, 2.5, 30.0, 63.0):
        now[0] = seconds
        site.tables.requests.clear()
        for _ in range(3):
            reader.board(None, 14)
        counted.append(site.tables.requests.count("query DAY"))
    # The three newest days are read again after two seconds, and the others after a minute.
    assert counted == [14, 0, 3, 3, 14]
    reader.close()


def test_an_old_day_with_a_run_under_way_is_read_often(site: Any) -> None:
    site.all_states()
    site.begin("quiet", "2026-02-20")
    now = [0.0]
    reader = Reader(site.tables, site.store.names, clock=lambda: site.now, monotonic=lambda: now[0])
    reader.board(None, 14)
    now[0] = 3.0
    site.tables.requests.clear()
    reader.board(None, 14)
    assert site.tables.requests.count("query DAY") == 3 + 1
    reader.close()


def test_an_opened_page_makes_no_second_reading(site: Any, open_fresh: Callable[[], Any]) -> None:
    site.all_states()
    page = open_fresh()
    site.tables.requests.clear()
    page.get("/")

    async def first() -> str:
        return await anext(page.app.state.streams.follow(ALL, here))

    anyio.run(first)
    assert site.tables.requests.count("query DAY") == 14


def test_a_failed_look_is_said_and_the_stream_goes_on(
    site: Any, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.all_states()
    query = site.tables.query

    def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("secret <detail>")

    _, problem, quiet = events(
        streams,
        [
            lambda: monkeypatch.setattr(site.tables, "query", fail),
            lambda: monkeypatch.setattr(site.tables, "query", query),
        ],
    )
    assert problem == "event: problem\ndata: the tables cannot be read: ConnectionError\n\n"
    assert quiet == ": no change\n\n"


def test_a_viewer_that_is_gone_ends_its_stream(streams: Streams) -> None:
    async def gone() -> bool:
        return True

    async def follow() -> list[str]:
        return [event async for event in streams.follow(View(), gone)]

    assert anyio.run(follow) == []
    assert not streams.is_full


def test_a_server_takes_a_limited_number_of_streams(open_page: Any) -> None:
    page = open_page()
    page.app.state.streams._open = MOST_STREAMS
    assert page.get("/events").status == 503


def test_an_invalid_query_of_a_stream_is_rejected(client: Any) -> None:
    assert client.get("/events?days=0").status == 400


def test_a_text_cannot_end_its_event() -> None:
    assert message("rows", "a\n\nevent: x\r\nb") == "event: rows\ndata: a\ndata: \ndata: event: x\ndata: b\n\n"
