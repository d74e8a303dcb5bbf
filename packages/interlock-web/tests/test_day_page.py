"""A day on a time axis: each run from arrival to close, deadlines as lines, in one query and two batches."""

import re
from datetime import timedelta
from typing import Any

import pytest

from interlock_lifecycle import RunKey, RunStatus
from interlock_lifecycle.runs import open_run
from interlock_sla import parse_execution_date
from interlock_store import Commit

KEY = RunKey("p", "stream", parse_execution_date("2026-03-03"))


def lines(text: str) -> dict[str, list[tuple[str, float, float]]]:
    """The bars of each pipeline: kind, begin and end."""
    found = {}
    for row in text.split('<tr><th scope="row"')[1:]:
        name = re.findall(r'class="name"><a href="[^"]+">([^<]+)<', row)[0]
        bars = re.findall(r'class="bar ([a-z-]+)" x="([\d.]+)" y="3" width="([\d.]+)"', row)
        found[name] = [(kind, float(x), float(x) + float(width)) for kind, x, width in bars]
    return found


def marks(text: str, kind: str) -> list[float]:
    return [float(x) for x in re.findall(rf'class="mark {kind}" x1="([\d.]+)"', text)]


def test_each_run_is_drawn_from_its_arrival_to_its_close(site: Any, client: Any) -> None:
    site.pipeline("done")
    run = site.begin("done", at=site.now - timedelta(hours=3))
    site.start_job(run)
    site.close(site.run(run.key), at=site.now - timedelta(hours=1))
    site.pipeline("held")
    site.hold(site.begin("held", at=site.now - timedelta(hours=2)))
    text = client.get("/day?until=2026-03-03").text
    found = lines(text)
    assert list(found) == ["held", "done"]
    assert [kind for kind, _, _ in found["done"]] == ["arrival", "hold", "completed"]
    assert [kind for kind, _, _ in found["held"]] == ["arrival", "hold"]
    (now,) = set(marks(text, "now"))
    assert found["held"][-1][2] == pytest.approx(now, abs=0.2)
    assert found["done"][-1][2] < now < marks(text, "deadline")[0]
    # The deadline at 08:00 of the next day, and its warning twenty minutes before it.
    assert len(marks(text, "deadline")) == len(marks(text, "warning")) == 2


def test_a_day_costs_one_query_and_two_batches(site: Any, open_fresh: Any) -> None:
    for number in range(60):
        site.pipeline(f"p{number:03d}")
        site.close(site.begin(f"p{number:03d}"))
    site.tables.requests.clear()
    text = open_fresh().get("/day?until=2026-03-03").text
    assert sorted(site.tables.requests) == ["batch", "batch", "query CONFIG", "query DAY"]
    assert len(lines(text)) == 50
    assert 'href="/day?until=2026-03-03&amp;offset=50"' in text


@pytest.mark.parametrize(("minutes", "form"), [(4, r"\d\d:\d\d:\d\dZ"), (40, r"03-03 \d\d:\d\dZ")])
def test_a_short_day_has_seconds(site: Any, client: Any, minutes: int, form: str) -> None:
    begin = site.now - timedelta(minutes=minutes)
    start = open_run(KEY, decided_at=begin, execution_timeout=timedelta(hours=4), arrived_at=begin)
    assert site.store.commit(start) is Commit.COMMITTED
    ticks = re.findall(r'class="tick-text"[^>]*>([^<]+)<', client.get("/day?until=2026-03-03").text)
    assert len(set(ticks)) == 5
    assert all(re.fullmatch(form, tick) for tick in ticks)


def test_pipelines_that_have_not_begun_are_named(site: Any, client: Any) -> None:
    site.all_states()
    text = client.get("/day?until=2026-03-03").text
    assert re.findall(r"<p>Not begun: (.*)</p>", text) == [
        '<a href="/run?pipeline=quiet&amp;date=2026-03-03">quiet</a>'
    ]
    assert "quiet" not in lines(text)
    assert "Not begun" not in client.get("/day?until=2026-03-03&owner=team-b").text


def test_the_overview_leads_to_each_day(site: Any, client: Any) -> None:
    site.all_states()
    assert 'href="/day?owner=team-b&amp;until=2026-03-01"' in client.get("/?owner=team-b&days=3").text


def test_a_day_without_runs_is_said(site: Any, client: Any) -> None:
    site.all_states()
    assert "No run of this day." in client.get("/day?until=2026-02-01").text


def test_a_breach_without_a_run_has_no_bar(site: Any, client: Any) -> None:
    site.all_states()
    found = lines(client.get("/day?until=2026-03-03").text)
    assert found["breached"] == []
    assert found["failed"] != []


def test_an_hourly_pipeline_has_its_hours_in_one_line(site: Any, client: Any) -> None:
    site.pipeline("hourly")
    for hour in range(3):
        run = site.begin("hourly", f"2026-03-03T0{hour}", site.now - timedelta(hours=9 - hour))
        site.close(run, RunStatus.COMPLETED, at=site.now - timedelta(hours=8 - hour))
    found = lines(client.get("/day?until=2026-03-03").text)
    assert len(found["hourly"]) == 6


def test_an_invalid_day_is_rejected(client: Any) -> None:
    assert client.get("/day?until=soon").status == 400
