"""Dates with several states: the filter, the counts and the text have all of them, and the sign the most urgent one."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_config import decode_yaml
from interlock_lifecycle import RunStatus
from interlock_sla import Outcome
from interlock_store import StoredConfig
from interlock_web._expected import ExpectedDates

from .conftest import NOW, PIPELINE
from .test_overview import cells, names

CRON = """
pipeline: {id: NAME, owner: OWNER}
schedule: {cron: "CRON", timezone: UTC}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
HOURLY, MORNING = CRON.replace("CRON", "0 * * * *"), CRON.replace("CRON", "0 6 * * *")
FAR = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
"""Zones with the earliest and the latest begin of a day."""


def counts(text: str) -> dict[str, int]:
    """The counts of the summary."""
    return {state: int(number) for number, state in re.findall(r"<b>(\d+)</b> ([a-z ]+)</a>", text)}


def titles(text: str, pipeline: str) -> list[str]:
    """The texts of a pipeline's cells, newest day first."""
    row = text[text.index(f">{pipeline}</a>") :].partition("</tr>")[0]
    return re.findall(r'title="\d{4}-\d\d-\d\d: ([^"]*)"', row)


def breached_in_each_state(site: Any) -> None:
    for name in ("failed", "held", "running", "late", "absent", "broken"):
        site.pipeline(name)
    for name in ("held", "running", "absent", "broken"):
        site.breach(name)
    site.close(site.begin("failed"), RunStatus.FAILED_FINAL, outcome=Outcome.BREACH)
    site.begin("held")
    site.start_job(site.begin("running"))
    site.close(site.begin("late"), outcome=Outcome.BREACH)
    index = {"GSI2PK": "DAY#2026-03-03", "GSI2SK": "1#broken"}
    site.row({"PK": "PIPELINE#broken", "SK": "TRIGGER#stream#2026-03-03", "status": "fine", **index})


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("failed", ["failed"]),
        ("unreadable", ["broken"]),
        ("breached", ["failed", "broken", "absent", "held", "running"]),
        ("held", ["held"]),
        ("running", ["running"]),
        ("not begun", ["absent"]),
        ("late", ["late"]),
        ("completed", ["late"]),
        ("missed", []),
    ],
)
def test_a_date_with_a_breach_is_found_by_each_of_its_states(
    site: Any, client: Any, state: str, found: list[str]
) -> None:
    breached_in_each_state(site)
    text = client.get(f"/?days=1&state={state}").text
    assert names(text) == found
    assert counts(text).get(state, 0) == len(found)


def test_a_text_has_all_states_and_a_sign_the_most_urgent_one(site: Any, client: Any) -> None:
    breached_in_each_state(site)
    text = client.get("/?days=1").text
    known = {name: (cells(text, name), titles(text, name)[0]) for name in ("failed", "held", "late", "absent")}
    assert known == {
        "failed": (["failed"], "failed, breached, closed 03-03 12:00Z, deadline 03-03 10:00Z"),
        "held": (["breached"], "breached, held, since 03-03 09:00Z, deadline 03-03 11:00Z"),
        "late": (["late"], "late, completed, closed 03-03 12:00Z, deadline 03-03 10:00Z"),
        "absent": (["breached"], "breached, not begun, deadline 03-03 11:00Z"),
    }


def test_each_hour_is_counted(site: Any, client: Any) -> None:
    site.now = datetime(2026, 3, 3, 3, 30, tzinfo=UTC)
    site.pipeline("hourly", text=HOURLY)
    site.close(site.begin("hourly", "2026-03-03T00"), outcome=Outcome.BREACH)
    site.close(site.begin("hourly", "2026-03-03T02"))
    text = client.get("/?days=1").text
    assert counts(text) == {"not begun": 2, "late": 1, "completed": 2}
    assert titles(text, "hourly") == ["2 not begun, 1 late, 2 completed"]
    assert cells(text, "hourly") == ["not-begun"]
    assert "/run?pipeline=hourly&amp;date=2026-03-03T01" in text


def test_a_date_begins_with_its_fire(site: Any, client: Any) -> None:
    site.pipeline("morning", text=MORNING)
    found = []
    for hour, minute in ((5, 59), (6, 0)):
        site.now = datetime(2026, 3, 3, hour, minute, 59, tzinfo=UTC)
        found.append(cells(client.get("/?days=1").text, "morning"))
    assert found == [["none"], ["not-begun"]]


@pytest.mark.parametrize("text", [HOURLY, MORNING, *(HOURLY.replace("UTC", zone) for zone in FAR), PIPELINE])
def test_followed_dates_are_those_that_are_computed_at_once(text: str) -> None:
    config = decode_yaml(text.replace("NAME", "p"), "p.yaml")
    pipelines = {"p": StoredConfig(config, created_at=NOW - timedelta(days=20))}
    followed, first = ExpectedDates(), NOW.date() - timedelta(days=13)
    for minutes in (0, 1, 29, *range(60, 48 * 60, 119), 100 * 60):
        now = NOW + timedelta(minutes=minutes)
        assert followed.begun_by(now, pipelines, first) == ExpectedDates().begun_by(now, pipelines, first)


def test_dates_that_are_too_old_are_forgotten() -> None:
    pipelines = {"p": StoredConfig(decode_yaml(MORNING, "p.yaml"), created_at=NOW - timedelta(days=100))}
    followed = ExpectedDates()
    found = [followed.begun_by(NOW + timedelta(days=days), pipelines, NOW.date())["p"] for days in (0, 20, 40)]
    assert [len(dates) for dates in found] == [1, 21, 27]


def test_a_longer_view_after_a_shorter_one_has_its_dates(site: Any, client: Any) -> None:
    site.pipeline("morning", text=MORNING)
    found = [cells(client.get(f"/?days={days}").text, "morning") for days in (2, 7, 2)]
    assert found == [["not-begun"] * 2, ["not-begun"] * 7, ["not-begun"] * 2]


def test_dates_of_an_earlier_week_are_found(site: Any, client: Any) -> None:
    site.pipeline("hourly", text=HOURLY)
    text = client.get("/?days=1&until=2026-02-20&state=not+begun").text
    assert titles(text, "hourly") == ["24 not begun"]


def test_absent_dates_move_no_pipeline_up(site: Any, client: Any) -> None:
    site.pipeline("a-quiet")
    site.pipeline("b-running")
    site.start_job(site.begin("b-running"))
    assert names(client.get("/").text) == ["b-running", "a-quiet"]


def test_filters_by_computed_states_need_no_request(site: Any, open_fresh: Callable[[], Any]) -> None:
    site.all_states()
    counted = []
    for query in ("", "&state=not+begun", "&state=excluded"):
        site.tables.requests.clear()
        open_fresh().get(f"/?days=3{query}")
        counted.append([one for one in site.tables.requests if one != "batch"])
    unfinished = ["query RUNNING", "query WAITING"]
    assert [sorted(each) for each in counted] == [["query CONFIG", *["query DAY"] * 3, *unfinished]] * 3


def test_a_completed_date_behind_the_read_rows_is_not_breached(
    site: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock_web._reader.ROWS_OF_A_DAY", 5)
    for number in range(8):
        site.pipeline(f"p{number}")
        site.close(site.begin(f"p{number}"), outcome=Outcome.BREACH if number == 7 else Outcome.MET)
    site.miss("p6", "2026-03-03")
    text = client.get("/?days=1").text
    assert "more rows than the first view reads" in text
    assert (cells(text, "p7"), cells(text, "p6")) == (["late"], ["completed"])
    assert "breached" not in counts(text)


def test_a_date_whose_run_is_unread_is_not_called_absent(
    site: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock_web._reader.ROWS_OF_A_DAY", 1)
    monkeypatch.setattr("interlock_web._reader._MOST_UNKNOWN", 0)
    site.pipeline("held")
    site.breach("held")
    site.begin("held")
    assert titles(client.get("/?days=1").text, "held") == ["breached, deadline 03-03 11:00Z"]


def test_the_mark_of_an_overview_has_each_state(site: Any, client: Any) -> None:
    site.pipeline("p")
    site.breach("p")
    run = site.begin("p")
    marks = [re.findall(r'data-seen="([a-z0-9]+)"', client.get("/?days=1").text)]
    site.start_job(run)
    text = client.get("/?days=1").text
    assert cells(text, "p") == ["breached"]
    assert [re.findall(r'data-seen="([a-z0-9]+)"', text)] != marks
