"""The unfinished runs of days that the overview does not show: chosen, bounded, followed live and exported."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import open_run
from interlock_sla import parse_execution_date
from interlock_store import Commit
from interlock_web import Reader, export_pages
from interlock_web._pages import View
from interlock_web._views import read_board

from .conftest import NAMES, NOW
from .test_export import links
from .test_live import events, streams  # noqa: F401 (a fixture)


def section(text: str) -> str:
    """The section of the unfinished runs of other days. It is empty if it is hidden."""
    found = re.search(r'<section id="elsewhere"[^>]*?( hidden)?>(.*?)</section>', text, re.DOTALL)
    assert found is not None
    return "" if found[1] else found[2]


def runs(text: str) -> list[str]:
    """The links of the section: the address, and the words."""
    found = re.findall(r'<a class="count [a-z]+" href="([^"]+)">(.*?)</a>', section(text))
    return [f"{unescape(address)} {words}" for address, words in found]


def said(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", section(text))).strip()


@pytest.fixture
def backfill(site: Any) -> Any:
    """Two runs of September, one of tomorrow and one of today, of two owners."""
    site.pipeline("p")
    site.pipeline("q", "team-b")
    site.hold(site.begin("p", "2025-09-02"))
    site.start_job(site.begin("q", "2025-09-01"))
    site.begin("p", "2026-03-04")
    site.begin("p", "2026-03-03")
    return site


P, Q = "/run?pipeline=p&date=2025-09-02 ‖ p 2025-09-02 held", "/run?pipeline=q&date=2025-09-01 ▸ q 2025-09-01 running"
TOMORROW = "/run?pipeline=p&date=2026-03-04 ‖ p 2026-03-04 held"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [Q, P, TOMORROW]),
        ("owner=team-b", [Q]),
        ("pipeline=P", [P, TOMORROW]),
        ("state=held", [P, TOMORROW]),
        ("state=running", [Q]),
        ("state=failed", []),
        ("until=2026-03-04", [Q, P]),
        ("until=2025-09-02&days=1", [Q, "/run?pipeline=p&date=2026-03-03 ‖ p 2026-03-03 held", TOMORROW]),
    ],
)
def test_unfinished_runs_of_other_days_are_shown(backfill: Any, client: Any, query: str, found: list[str]) -> None:
    text = client.get(f"/?{query}").text
    assert runs(text) == found
    assert bool(section(text)) is (found != [])


@pytest.mark.parametrize(("place", "shown"), [("PENDING", False), ("WAITING", True)])
def test_a_run_that_waits_for_a_slot_is_among_them(site: Any, client: Any, place: str, shown: bool) -> None:
    site.pipeline("p")
    key = RunKey("p", "stream", parse_execution_date("2025-09-01"))
    start = open_run(key, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None)
    assert site.store.commit(start) is Commit.COMMITTED
    row = site.tables.get(NAMES.control, "PIPELINE#p", "TRIGGER#stream#2025-09-01")
    assert row["GSI1PK"] == "PENDING"
    site.row({**row, "GSI1PK": place})
    site.row({"PK": "PIPELINE#p", "SK": "EVENT#01", "GSI1PK": place, "GSI1SK": "2026"})
    assert runs(client.get("/").text) == (["/run?pipeline=p&date=2025-09-01 ‖ p 2025-09-01 held"] if shown else [])


def test_unreadable_and_closed_rows_are_left_out(backfill: Any, client: Any) -> None:
    for date, changes in (("2025-09-02", {"status": "fine"}), ("2026-03-04", {"status": "COMPLETED"})):
        row = backfill.tables.get(NAMES.control, "PIPELINE#p", f"TRIGGER#stream#{date}")
        backfill.row({**row, **changes})
    assert runs(client.get("/").text) == [Q]


def test_the_oldest_twenty_are_links_and_the_rest_is_counted(site: Any, client: Any) -> None:
    site.pipeline("p")
    # The newest date is committed first.
    for day in range(25, 0, -1):
        site.begin("p", f"2025-09-{day:02d}", NOW - timedelta(minutes=day))
    text = client.get("/").text
    assert [line.split()[3] for line in runs(text)] == [f"2025-09-{day:02d}" for day in range(1, 21)]
    assert said(text).startswith("25 unfinished runs of days outside the table, the oldest first: ")
    assert said(text).endswith("and 5 more")


def test_a_limited_number_of_rows_is_read(site: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.pipeline("p")
    for day in range(1, 7):
        site.begin("p", f"2025-09-{day:02d}", NOW - timedelta(minutes=day))
    assert "or more" not in section(client.get("/").text)
    monkeypatch.setattr("interlock_web._elsewhere.MOST_ROWS", 4)
    text = said(client.get("/").text)
    assert text.startswith("4 or more unfinished runs")
    assert text.endswith("interlock status -e test has all of them.")


def test_a_day_and_a_part_of_the_rows_do_not_read_them(backfill: Any, open_fresh: Callable[[], Any]) -> None:
    for path in ("/day?until=2026-03-03", "/rows?offset=50"):
        backfill.tables.requests.clear()
        open_fresh().get(path)
        assert "query RUNNING" not in backfill.tables.requests


def test_viewers_share_the_queries(backfill: Any) -> None:
    now = [0.0]
    reader = Reader(backfill.tables, NAMES, clock=lambda: NOW, monotonic=lambda: now[0])
    counted = []
    for seconds in (0.0, 1.0, 2.5):
        now[0] = seconds
        backfill.tables.requests.clear()
        for days in (7, 14, 14):
            read_board(reader, View(days=days))
        counted.append([backfill.tables.requests.count(f"query {name}") for name in ("RUNNING", "WAITING")])
    assert counted == [[1, 1], [0, 0], [1, 1]]
    reader.close()


def test_an_open_overview_follows_them(backfill: Any, streams: Any) -> None:  # noqa: F811
    key = RunKey("q", "stream", parse_execution_date("2025-09-01"))
    first, closed, quiet, begun = events(
        streams,
        [lambda: backfill.close(backfill.run(key)), lambda: None, lambda: backfill.begin("q", "2025-09-03")],
    )
    assert first == quiet == ": no change\n\n"
    assert runs(closed.replace("data: ", "")) == [P, TOMORROW]
    assert len(runs(begun.replace("data: ", ""))) == 3


def test_a_change_before_the_first_look_changes_the_mark(backfill: Any, reader: Reader) -> None:
    before = read_board(reader, View()).mark
    assert read_board(reader, View()).mark == before
    backfill.start_job(backfill.run(RunKey("p", "stream", parse_execution_date("2026-03-04"))))
    assert read_board(reader, View()).mark != before


def test_an_export_has_their_pages(backfill: Any, reader: Reader, tmp_path: Path) -> None:
    backfill.begin("removed", "2025-09-05")
    folder = tmp_path / "pages"
    export_pages(reader, "test", folder, days=2)
    assert {link for _, link in links(folder) if not (folder / link).is_file()} == set()
    assert 'href="run-removed-2025-09-05.html"' in (folder / "index.html").read_text()
    assert (folder / "pipeline-removed.html").is_file()
