"""The overview: the order of the pipelines, the filters, the parts, and the number of requests."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from interlock_lifecycle import Pause, RunStatus


def names(text: str) -> list[str]:
    """The pipelines of a page in their order."""
    return re.findall(r'<tr id="row-[a-z2-7]+"[^>]*>\s*<th scope="row" class="name"><a href="[^"]*">([^<]+)</a>', text)


def cells(text: str, pipeline: str) -> list[str]:
    """The states of the cells of a pipeline, newest day first."""
    row = text[text.index(f">{pipeline}</a>") :].partition("</tr>")[0]
    return re.findall(r'class="cell ([a-z-]+)"', row)


def test_the_most_urgent_pipelines_come_first(site: Any, client: Any) -> None:
    site.all_states()
    assert names(client.get("/").text) == [
        "failed",
        "breached",
        "missed",
        "held",
        "running",
        "completed",
        "late",
        "quiet",
    ]


@pytest.mark.parametrize("state", ["failed", "breached", "missed", "held", "running", "late", "completed"])
def test_each_state_has_its_sign(site: Any, client: Any, state: str) -> None:
    site.all_states()
    assert cells(client.get("/").text, state)[0] == state


def test_a_newer_failure_comes_before_an_older_one(site: Any, client: Any) -> None:
    for name, date in (("a-older", "2026-02-27"), ("b-newer", "2026-03-02")):
        site.pipeline(name)
        site.close(site.begin(name, date), RunStatus.FAILED_FINAL)
    assert names(client.get("/").text) == ["b-newer", "a-older"]


def test_the_reason_of_a_hold_and_of_a_failure_is_shown(site: Any, client: Any) -> None:
    site.all_states()
    text = client.get("/").text
    assert "landing count gte 1000 (2026-03-03)" in text
    assert "exit code 3 (2026-03-03)" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("owner=team-b", ["held"]),
        ("state=failed", ["failed"]),
        ("state=late", ["late"]),
        ("state=completed&days=1", ["completed", "late"]),
        ("state=running", ["running"]),
        ("state=missed", ["missed"]),
        ("state=not+begun&days=1", ["breached", "missed", "quiet"]),
        ("state=excluded", []),
        ("pipeline=COMPLET", ["completed"]),
        ("pipeline=*ed", ["failed", "breached", "missed", "completed"]),
        ("pipeline=h*d", ["held"]),
        ("pipeline=held&owner=team-a", []),
        ("until=2026-03-02", ["breached", "completed", "failed", "held", "late", "missed", "quiet", "running"]),
    ],
)
def test_filters_choose_pipelines(site: Any, client: Any, query: str, found: list[str]) -> None:
    site.all_states()
    text = client.get(f"/?{query}").text
    assert names(text) == found
    assert ('id="empty" hidden>No pipeline is chosen.' in text) is (found != [])


def test_an_excluded_day_and_a_date_without_data_are_shown(site: Any, client: Any) -> None:
    site.pipeline("shop")
    site.pipeline("closed", text=CLOSED)
    text = client.get("/?days=3").text
    assert cells(text, "shop") == ["not-begun", "not-begun", "not-begun"]
    assert cells(text, "closed") == ["not-begun", "not-begun", "excluded"]
    assert "excluded: " in text


CLOSED = """
pipeline: {id: NAME, owner: OWNER}
schedule: {trigger: {key: landing, check: exists}, exclude: {dates: ["2026-03-01"]}}
sla: {deadline: "08:00"}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


def test_an_unreadable_config_and_a_pause_are_said(site: Any, client: Any) -> None:
    site.pipeline("paused")
    assert site.store.pause("paused", Pause(None, "someone", "a migration"))
    site.row({"PK": "PIPELINE#broken", "SK": "CONFIG", "config": "[]", "GSI1PK": "CONFIG", "GSI1SK": "broken"})
    text = client.get("/").text
    assert "the pipeline is paused until it is resumed by someone: a migration" in text
    assert "config of broken" in text


def test_a_paused_pipeline_has_its_reason_too(site: Any, client: Any) -> None:
    site.pipeline("p")
    site.close(site.begin("p"), RunStatus.FAILED_FINAL, "exit code 3")
    assert site.store.pause("p", Pause(None, "someone", "a migration"))
    notes = re.findall(r'<span class="note">([^<]+)</span>', client.get("/").text)
    assert notes == ["the pipeline is paused until it is resumed by someone: a migration", "exit code 3 (2026-03-03)"]


def test_pauses_are_counted_and_dry_runs_are_marked(site: Any, client: Any) -> None:
    for name in ("paused", "live"):
        site.pipeline(name)
    site.pipeline("dry", text=f"{CLOSED}dryRun: true\n")
    assert site.store.pause("paused", Pause(None, "someone", ""))
    assert "paused</li>" not in client.get("/?pipeline=live").text
    text = client.get("/").text
    assert '<li class="plain">1 paused</li>' in text
    rows = {name: text[text.index(f">{name}</a>") :].partition("</tr>")[0] for name in ("paused", "live", "dry")}
    assert {name: re.findall(r'class="tag">([^<]+)', row) for name, row in rows.items()} == {
        "paused": ["paused"],
        "live": [],
        "dry": ["dry run"],
    }


def test_an_unreadable_run_comes_first_with_its_problem(site: Any, client: Any) -> None:
    site.all_states()
    site.row(
        {
            "PK": "PIPELINE#quiet",
            "SK": "TRIGGER#stream#2026-03-03",
            "status": "fine",
            "GSI2PK": "DAY#2026-03-03",
            "GSI2SK": "1#quiet",
        }
    )
    text = client.get("/").text
    assert names(text)[:2] == ["failed", "quiet"]
    assert "is not one of" in text


def test_hours_of_a_day_are_one_cell_with_the_worst_state(site: Any, client: Any) -> None:
    site.pipeline("hourly")
    for hour in range(3):
        run = site.begin("hourly", f"2026-03-03T0{hour}")
        site.close(run, RunStatus.FAILED_FINAL if hour == 1 else RunStatus.COMPLETED)
    text = client.get("/").text
    assert cells(text, "hourly")[0] == "failed"
    assert "<sub>3</sub>" in text
    assert "1 failed, 2 completed" in text
    assert "/run?pipeline=hourly&amp;date=2026-03-03T01" in text


def test_fifty_pipelines_come_first_and_the_rest_follows(site: Any, client: Any) -> None:
    for number in range(120):
        site.pipeline(f"p{number:03d}")
    first = client.get("/").text
    assert names(first) == [f"p{number:03d}" for number in range(50)]
    assert (
        'hx-get="/rows?days=14&amp;offset=50"' in first.replace("days=14&amp;", "days=14&amp;") or "offset=50" in first
    )
    second = client.get("/rows?offset=50").text
    assert names(second) == [f"p{number:03d}" for number in range(50, 100)]
    assert 'hx-get="/rows?offset=100"' in second
    last = client.get("/rows?offset=100").text
    assert names(last) == [f"p{number:03d}" for number in range(100, 120)]
    assert "hx-get" not in last
    # Without a script the same part is a page of its own.
    assert names(client.get("/?offset=100").text) == names(last)


def test_requests_do_not_grow_with_the_history(site: Any, open_fresh: Callable[[], Any]) -> None:
    counted = []
    for name in (f"p{number:03d}" for number in range(8)):
        site.pipeline(name)
    for begin, end in ((0, 10), (10, 100)):
        for back in range(begin, end):
            day = site.now - timedelta(days=back)
            for number in range(8):
                run = site.begin(f"p{number:03d}", f"{day:%Y-%m-%d}", day)
                if back or number:
                    site.close(run)
        site.now += timedelta(minutes=1)
        site.tables.requests.clear()
        page = open_fresh().get("/?days=10")
        assert page.text.count('<a class="cell completed"') == 8 * 10 - 1
        counted.append(sorted(site.tables.requests))
    unfinished = ["query RUNNING", "query WAITING"]
    assert counted[0] == sorted(["batch", "query CONFIG", *["query DAY"] * 10, *unfinished])
    assert len(counted[0]) == 10 + 4
    assert counted[1] == counted[0]


def test_a_day_with_many_rows_is_read_in_parts(site: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_web._reader.ROWS_OF_A_DAY", 60)
    for number in range(130):
        name = f"p{number:03d}"
        site.pipeline(name)
        run = site.begin(name)
        if number != 129:
            site.close(run)
    first = client.get("/?days=1").text
    assert names(first)[0] == "p129"
    assert cells(first, "p129") == ["held"]
    assert "more rows than the first view reads" in first
    assert cells(client.get("/rows?days=1&offset=100").text, "p128") == ["completed"]
    site.tables.requests.clear()
    client.get("/rows?days=5&offset=100")
    # Four of the five days are whole after their first part, and only one is read again.
    assert site.tables.requests.count("query DAY") == 5 + 1


WORDS = "failed, unreadable, breached, missed, held, not begun, running, late, completed, excluded"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("days=99", "days is &#39;99&#39;, must be a whole number from 1 to 31"),
        ("days=0", "must be a whole number"),
        ("days=%D9%A3", "must be a whole number"),
        ("offset=-1", "offset is &#39;-1&#39;"),
        ("until=tomorrow", "until is &#39;tomorrow&#39;, must be a date"),
        (f"pipeline={'x' * 201}", "pipeline is longer than 200 characters"),
        ("state=bogus", f"state is &#39;bogus&#39;, must be one of {WORDS}</p>"),
        ("state=not+read", f"state is &#39;not read&#39;, must be one of {WORDS}</p>"),
        (
            "state=committed",
            f"state is &#39;committed&#39;, must be one of {WORDS}. A date before its job is held here",
        ),
        (f"state={'x' * 5000}", f"state is &#39;{'x' * 200}&#39;, must be one of"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/rows", "/day"])
def test_an_invalid_query_is_rejected_with_its_problem(client: Any, path: str, query: str, problem: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert answer.status == 400
    assert problem in answer.text


@pytest.mark.parametrize("path", ["/", "/rows", "/day"])
def test_an_owner_without_a_pipeline_is_rejected(site: Any, client: Any, path: str) -> None:
    site.all_states()
    answer = client.get(f"{path}?owner=%3Cteam-z%3E")
    assert answer.status == 404
    assert "No pipeline has the owner &#39;&lt;team-z&gt;&#39;.</p><p>Owners: team-a, team-b.</p>" in answer.text
    assert client.get(f"{path}?owner=team-a&pipeline=nothing").status == 200


def test_an_unreadable_config_may_have_any_owner(site: Any, client: Any) -> None:
    site.row({"PK": "PIPELINE#broken", "SK": "CONFIG", "config": "[]", "GSI1PK": "CONFIG", "GSI1SK": "broken"})
    assert client.get("/?owner=team-z").status == 200


def test_all_problems_of_a_query_are_said_at_once(client: Any) -> None:
    text = client.get("/?days=99&until=x&offset=y").text
    assert all(f"{name} is " in text for name in ("days", "until", "offset"))


def test_the_first_days_of_the_calendar_have_no_days_before(client: Any) -> None:
    assert client.get("/?until=0001-01-02").status == 200


def test_tables_that_do_not_answer_are_said(
    site: Any, client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no <route>")

    monkeypatch.setattr(site.tables, "query", fail)
    answer = client.get("/")
    assert answer.status == 502
    assert "ConnectionError: no &lt;route&gt;" in answer.text
    assert "failed" in caplog.text
