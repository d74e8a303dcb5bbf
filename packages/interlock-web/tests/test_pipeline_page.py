"""The page of a pipeline: its config without secrets, its next dates, its verdicts, and its distance to deadlines."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from interlock_lifecycle import Pause, RunKey, RunStatus
from interlock_lifecycle.reports import explain_date
from interlock_lifecycle.runs import open_run
from interlock_sla import Outcome, parse_execution_date
from interlock_store import Commit, read_date

from .conftest import NAMES, NOW

KEY = RunKey("p", "cron", parse_execution_date("2026-03-03"))

CRON = """
pipeline: {id: NAME, owner: OWNER, description: "Loads <orders>"}
schedule: {cron: "0 6 * * 1-5", timezone: Asia/Kolkata, exclude: {dates: ["2026-03-05"]}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


def test_the_config_is_shown_without_its_secrets(site: Any, client: Any) -> None:
    site.pipeline("held")
    page = client.get("/pipeline?id=held").text
    assert "&#34;command&#34;: &#34;load --password=…&#34;" in page
    assert "hunter2" not in page


def test_the_time_of_the_reading_is_shown(site: Any, client: Any) -> None:
    site.pipeline("held")
    page = client.get("/pipeline?id=held").text
    assert 'read 2026-03-03 13:00 CET (12:00Z) <a href="/pipeline?id=held">read again</a>' in page


def test_next_dates_leave_out_excluded_days(site: Any, client: Any) -> None:
    site.pipeline("cron", text=CRON)
    page = client.get("/pipeline?id=cron").text
    assert "2026-03-03, 2026-03-04, 2026-03-06, 2026-03-09" in page
    assert "Loads &lt;orders&gt;" in page


def test_verdicts_and_distances_of_the_newest_dates(site: Any, client: Any) -> None:
    site.pipeline("late")
    for back in range(5):
        day = site.now - timedelta(days=back)
        site.close(site.begin("late", f"{day:%Y-%m-%d}", day), outcome=Outcome.BREACH if back == 2 else Outcome.MET)
    page = client.get("/pipeline?id=late").text
    assert "deadlines of the newest 5 dates: 4 met, 1 breached" in page
    # Each run closed two hours after the deadline of its verdict.
    columns = re.findall(r'class="column (late|early)"', page)
    assert columns == ["late"] * 5
    assert "2026-03-01: 2h00m late" in page


def test_a_date_with_two_deadlines_is_one_date(site: Any, client: Any) -> None:
    site.pipeline("two")
    site.close(site.begin("two"))
    judged = {"outcome": "met", "deadline": "2026-03-03T13:30:00Z", "at": "2026-03-03T12:00:00Z"}
    site.row({"PK": "PIPELINE#two", "SK": "VERDICT#stream#2026-03-03", "absolute": judged, "relative": judged})
    assert "deadlines of the newest date: 2 met, 0 breached" in client.get("/pipeline?id=two").text


@pytest.mark.parametrize(
    ("status", "words"),
    [(RunStatus.COMPLETED, ["completed", "late"]), (RunStatus.FAILED_FINAL, ["failed", "breached"])],
)
@pytest.mark.parametrize("outcome", [Outcome.MET, Outcome.BREACH])
def test_a_breach_is_a_word_of_the_state(
    site: Any, client: Any, status: RunStatus, words: list[str], outcome: Outcome
) -> None:
    site.pipeline("p")
    site.close(site.begin("p"), status, outcome=outcome)
    expected = words if outcome is Outcome.BREACH else words[:1]
    title = client.get("/run?pipeline=p&date=2026-03-03").text.partition("<h1>")[2].partition("</h1>")[0]
    assert re.findall(r'class="state ([a-z-]+)">([a-z ]+)</span>', title) == [(word, word) for word in expected]
    assert lines(client.get("/pipeline?id=p").text)[0][:2] == ["2026-03-03", " ".join(expected)]


def test_columns_meet_at_the_deadline(site: Any, client: Any) -> None:
    site.pipeline("both")
    for back, minutes in ((0, 30), (1, -90)):
        day = site.now - timedelta(days=back)
        site.close(site.begin("both", f"{day:%Y-%m-%d}", day), at=day + timedelta(minutes=minutes), deadline=day)
    page = client.get("/pipeline?id=both").text
    zero = float(re.findall(r'class="mark deadline" x1="0" x2="760" y1="([\d.]+)"', page)[0])
    shape = r'class="column (late|early)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"'
    columns = {kind: (float(y), float(height)) for kind, y, height in re.findall(shape, page)}
    assert columns == {"late": (zero - 30, 30.0), "early": (zero, 90.0)}
    assert "30m00s late" in page
    assert "1h30m early" in page


def test_a_close_before_its_deadline_goes_down(site: Any, client: Any) -> None:
    site.pipeline("early")
    run = site.begin("early", "2026-03-03")
    site.close(run)
    site.row(
        {
            "PK": "PIPELINE#early",
            "SK": "VERDICT#stream#2026-03-03",
            "absolute": {"outcome": "met", "deadline": "2026-03-03T13:30:00Z", "at": "2026-03-03T12:00:00Z"},
        }
    )
    page = client.get("/pipeline?id=early").text
    assert re.findall(r'class="column (late|early)"', page) == ["early"]
    assert "2026-03-03: 1h30m early" in page


def test_a_pause_and_a_failure_are_shown(site: Any, client: Any) -> None:
    site.pipeline("failed")
    site.close(site.begin("failed"), RunStatus.FAILED_FINAL, "exit code 3")
    assert site.store.pause("failed", Pause(None, "ops", "upgrade"))
    page = client.get("/pipeline?id=failed").text
    assert "paused until it is resumed by ops: upgrade" in page
    assert "interlock resume" in page
    assert "exit code 3" in page


def test_unreadable_rows_are_listed(site: Any, client: Any) -> None:
    site.pipeline("broken")
    site.row({"PK": "PIPELINE#broken", "SK": "TRIGGER#stream#2026-03-03", "status": "fine"})
    site.row({"PK": "PIPELINE#broken", "SK": "TRIGGER#stream#someday", "status": "RUNNING"})
    page = client.get("/pipeline?id=broken").text
    assert "row PIPELINE#broken / TRIGGER#stream#2026-03-03" in page
    assert [line[:2] for line in lines(page)[:2]] == [["someday", "unreadable"], ["2026-03-03", "unreadable"]]
    assert "date=someday" not in page


def lines(text: str) -> list[list[str]]:
    """The cells of the newest dates."""
    rows = re.findall(r"<tr><td>.*?</tr>", text.partition('id="dates"')[2].partition("</tbody>")[0])
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in re.findall(r"<td.*?</td>", row)] for row in rows
    ]


@pytest.mark.parametrize("case", ["committed", "held", "paused", "evaluating", "running", "failed", "not begun"])
def test_a_date_has_the_state_and_the_reason_of_its_own_page(site: Any, client: Any, case: str) -> None:
    site.pipeline("p", text=CRON)
    if case == "committed":
        start = open_run(KEY, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None)
        assert site.store.commit(start) is Commit.COMMITTED
    elif case != "not begun":
        run = site.begin("p")
    if case == "paused":
        assert site.store.pause("p", Pause(None, "ops", "upgrade"))
    elif case == "evaluating":
        site.store.put_sensor("p", "landing", {"date": "2026-03-03"})
    elif case == "running":
        site.start_job(run)
    elif case == "failed":
        site.close(run, RunStatus.FAILED_FINAL, "exit code 3")
    facts = read_date(site.store, "p", KEY.date)
    explanation = explain_date(facts, site.now)
    assert explanation.state == ("held" if case == "paused" else case)
    first = lines(client.get("/pipeline?id=p").text)[0]
    assert first[:2] == ["2026-03-03", explanation.state]
    assert explanation.reason
    assert first[-1].endswith(explanation.reason)


def test_verdicts_and_open_deadlines_of_a_date_are_shown(site: Any, client: Any) -> None:
    site.pipeline("p")
    site.hold(site.begin("p", "2026-03-02"))
    site.breach("p", "2026-03-01")
    site.begin("p", "2026-03-01")
    found = {line[0]: line[5] for line in lines(client.get("/pipeline?id=p").text)}
    assert found["2026-03-03"] == "absolute open"
    assert found["2026-03-02"] == "absolute open, overdue"
    assert found["2026-03-01"] == "absolute breach"


def test_runs_of_both_schedules_have_their_own_lines(site: Any, client: Any) -> None:
    site.pipeline("p")
    site.close(site.begin("p"), RunStatus.FAILED_FINAL, "exit code 3")
    row = site.tables.get(NAMES.control, "PIPELINE#p", "TRIGGER#stream#2026-03-03")
    site.row({**row, "SK": "TRIGGER#cron#2026-03-03", "attempt": 4, "closeReason": "exit code 9"})
    found = [line for line in lines(client.get("/pipeline?id=p").text) if line[0] == "2026-03-03"]
    assert sorted((line[2], line[6]) for line in found) == [("0", "exit code 3"), ("4", "exit code 9")]


def test_requests_do_not_grow_with_the_history(site: Any, client: Any) -> None:
    site.pipeline("p")
    counted = []
    for begin, end in ((1, 5), (5, 40)):
        for back in range(begin, end):
            day = site.now - timedelta(days=back)
            site.close(site.begin("p", f"{day:%Y-%m-%d}", day))
        site.tables.requests.clear()
        client.get("/pipeline?id=p")
        counted.append(len(site.tables.requests) - site.tables.requests.count("batch"))
    site.hold(site.begin("p"))
    site.tables.requests.clear()
    client.get("/pipeline?id=p")
    counted.append(len(site.tables.requests) - site.tables.requests.count("batch"))
    # A batch has a hundred rows.
    assert site.tables.requests.count("batch") == 5
    assert counted == [6, 6, 7]
