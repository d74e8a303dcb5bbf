"""The stream of changes: only changed rows are sent, viewers share the queries, and the stream ends with the server."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest

from interlock_lifecycle import Pause, RunStatus
from interlock_web import Reader
from interlock_web._board import Choice, make_board
from interlock_web._commands import Shell
from interlock_web._links import ServerLinks
from interlock_web._live import MOST_STREAMS, Streams, message
from interlock_web._pages import Pages, View, anchor_of
from interlock_web._views import read_board

from .conftest import NAMES
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


async def first(streams: Streams, seen: str, **options: Any) -> str:
    """The event of the first look of a page with this mark."""
    stream = streams.follow(ALL, here, seen, **options)
    return [await anext(stream), await anext(stream)][1]


def test_a_change_before_the_first_look_is_sent(site: Any, reader: Reader, streams: Streams) -> None:
    site.all_states()
    mark = streams.remember(read_board(reader, ALL))
    assert anyio.run(first, streams, mark) == ": no change\n\n"
    site.close(site.begin("quiet", "2026-03-02"), RunStatus.FAILED_FINAL)
    event = anyio.run(first, streams, mark)
    assert event.startswith("event: rows\n")
    assert names(event.replace("data: ", "")) == ["quiet"]


def test_a_viewer_goes_on_after_its_last_event(site: Any, reader: Reader, streams: Streams) -> None:
    site.all_states()
    mark = streams.remember(read_board(reader, ALL))
    site.breach("quiet")
    later = re.findall(r"^id: (\S+)$", anyio.run(first, streams, mark), re.MULTILINE)
    assert later == [read_board(reader, ALL).mark]
    assert anyio.run(first, streams, later[0]) == ": no change\n\n"
    # The page goes back to a state that it had before.
    site.row({"PK": "PIPELINE#quiet", "SK": "VERDICT#stream#2026-03-03"})
    assert names(anyio.run(first, streams, later[0]).replace("data: ", "")) == ["quiet"]


def test_a_page_that_is_not_known_is_loaded_again(site: Any, reader: Reader, streams: Streams) -> None:
    site.all_states()
    mark = read_board(reader, ALL).mark
    assert anyio.run(first, streams, mark) == ": no change\n\n"
    site.breach("quiet")
    assert anyio.run(first, streams, mark).startswith("event: reload\n")


def test_a_new_day_loads_the_page_again(site: Any, streams: Streams) -> None:
    site.all_states()

    def later() -> None:
        site.now += timedelta(days=1)

    assert events(streams, [later])[1].startswith("event: reload\n")


def test_many_changes_load_the_page_again(site: Any, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_web._live._MOST_CHANGES", 2)
    site.all_states()

    def breach(*pipelines: str) -> Callable[[], None]:
        return lambda: [site.breach(name, "2026-03-01") for name in pipelines] and None

    few, many = events(streams, [breach("quiet", "held"), breach("failed", "missed", "late")])[1:]
    assert few.startswith("event: rows\n")
    assert many.startswith("event: reload\n")


def test_a_row_that_is_chosen_no_longer_is_gone(site: Any, streams: Streams) -> None:
    site.all_states()
    _, event = events(streams, [lambda: repair(site, "failed")], View(Choice(state="failed")))
    assert names(event.replace("data: ", "")) == []
    assert f'<i class="gone" data-row="{anchor_of("failed")}"></i>' in event


def repair(site: Any, name: str) -> None:
    """The run of a date completes in a further attempt."""
    row = site.tables.get(NAMES.control, f"PIPELINE#{name}", "TRIGGER#stream#2026-03-03")
    site.row({**row, "status": "COMPLETED", "attempt": 1, "GSI2SK": f"9#{name}"})


def test_a_changed_row_names_its_place(site: Any, streams: Streams) -> None:
    for number in range(120):
        site.pipeline(f"p{number:03d}")
    for name in ("p003", "p110"):
        site.close(site.begin(name), RunStatus.FAILED_FINAL)
    steps = [
        lambda: site.close(site.begin("p070"), RunStatus.FAILED_FINAL),
        lambda: repair(site, "p003"),
        lambda: repair(site, "p070"),
    ]
    assert [places(event) for event in events(streams, steps)[1:]] == [
        [("p070", 1, "p003", "")],
        [("p003", 5, "p002", "")],
        # The first part of the rows lost one, so that the first row of the next part came into it.
        [("p048", 49, "p047", "moved"), ("p070", 71, "p069", "")],
    ]


def places(event: str) -> list[tuple[str, int, str, str]]:
    """The sent rows: the pipeline, its place, the pipeline before it, and whether it only moved."""
    known = {anchor_of(f"p{number:03d}"): f"p{number:03d}" for number in range(120)}
    found = re.findall(r'<tr id="(\S+)" data-place="(\d+)" data-after="(\S*)" ?(?:data-)?(\w*)>', event)
    return [(known[row], int(place), known.get(after, ""), moved) for row, place, after, moved in found]


def test_a_changed_reason_is_sent(site: Any, streams: Streams) -> None:
    site.all_states()

    def hold_by_another_rule() -> None:
        row = site.tables.get(NAMES.control, "PIPELINE#held", "WAIT#stream#2026-03-03")
        site.row({**row, "held": {"landing age lt 3600": "2026-03-03T09:00:00Z"}})

    _, event, quiet = events(streams, [hold_by_another_rule, lambda: None])
    assert names(event.replace("data: ", "")) == ["held"]
    assert "landing age lt 3600 (2026-03-03)" in event
    assert quiet == ": no change\n\n"


def test_a_look_without_a_change_makes_no_board(site: Any, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    site.all_states()
    made: list[Any] = []
    monkeypatch.setattr("interlock_web._views.make_board", lambda *facts: made.append(facts) or make_board(*facts))
    events(streams, [lambda: None, lambda: None, lambda: site.breach("quiet"), lambda: None])
    assert len(made) == 2


def test_a_pause_ends_in_a_board_without_other_changes(site: Any, reader: Reader) -> None:
    site.pipeline("p")
    assert site.store.pause("p", Pause(site.now + timedelta(minutes=2), "ops", ""))
    found = []
    for _ in range(2):
        (row,) = read_board(reader, ALL).rows
        found.append(row.is_paused)
        site.now += timedelta(minutes=2)
    assert found == [True, False]


def test_rows_without_a_change_are_shared_by_boards(site: Any, reader: Reader) -> None:
    site.all_states()
    before = read_board(reader, ALL)
    site.breach("quiet")
    after = read_board(reader, ALL)
    known = {row.pipeline: row for row in before.rows}
    assert [row.pipeline for row in after.rows if known[row.pipeline] is not row] == ["quiet"]


def test_a_page_that_was_hidden_is_looked_at_once(site: Any, reader: Reader) -> None:
    site.all_states()
    slow = Streams(reader, Pages(Shell("test"), ServerLinks()), poll_seconds=3600)
    mark = slow.remember(read_board(reader, ALL))

    async def at_once() -> str:
        with anyio.fail_after(10):
            return await first(slow, mark, at_once=True)

    assert anyio.run(at_once) == ": no change\n\n"


def test_a_stream_takes_the_last_event_of_its_browser(site: Any, open_page: Any) -> None:
    page = open_page()
    asked: list[Any] = []

    async def follow(*arguments: Any, **options: Any) -> AsyncIterator[str]:
        asked.append((arguments[2], options["at_once"]))
        yield ""

    page.app.state.streams.follow = follow
    answer = page.get("/events?seen=one")
    page.get("/events?seen=one&again=1", headers=[(b"last-event-id", b"two")])
    assert asked == [("one", False), ("two", True)]
    assert answer.headers["x-accel-buffering"] == "no"


def test_a_filter_also_chooses_the_changes(site: Any, streams: Streams) -> None:
    site.all_states()
    view = View(Choice(owner="team-b"))
    _, event = events(streams, [lambda: site.breach("quiet")], view)
    assert event == ": no change\n\n"


def test_a_look_costs_one_query_per_day_and_four_requests(site: Any, streams: Streams) -> None:
    site.all_states()
    events(streams, [site.tables.requests.clear, lambda: None])
    counted = site.tables.requests
    looks = counted.count("query DAY") // View().days
    # The reasons of all held runs are one batch.
    unfinished = ["query RUNNING", "query WAITING"]
    expected = sorted(["batch", *["query DAY"] * 14, *unfinished] * looks)
    assert sorted(one for one in counted if one != "query CONFIG") == expected
    assert looks


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
