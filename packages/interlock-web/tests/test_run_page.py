"""The page of a date: the same facts as `interlock why`, times in both zones, and commands to copy."""

import re
import shlex
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from msgspec.structs import replace

from interlock_lifecycle import CommitIntent, JobIntent, Pause, RunStatus
from interlock_lifecycle.reports import explain_date
from interlock_sla import Outcome, parse_execution_date
from interlock_store import Commit, TableNames, read_date
from interlock_store._write import Delete

NAMES = TableNames.of_environment("test")
HELD = "/run?pipeline=held&date=2026-03-03"


def words(text: str) -> str:
    """The text of a page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_a_held_run_is_explained_as_by_why(site: Any, client: Any) -> None:
    site.all_states()
    site.store.put_sensor("held", "landing", {"date": "2026-03-03", "count": 703, "updatedAt": "2026-03-03T11:00:00Z"})
    page = words(client.get(HELD).text)
    facts = read_date(site.store, "held", parse_execution_date("2026-03-03"))
    explanation = explain_date(facts, site.now)
    (rule,) = explanation.rules
    assert not rule.passed
    assert f"{rule.key} count {rule.needed} 703 {rule.gap} landing of 2026-03-03" in page
    for text in (explanation.reason, explanation.decision, *explanation.changes):
        assert text
        assert text in page
    assert "held since" in page


def test_a_completed_run_shows_the_rows_that_decided(site: Any, client: Any) -> None:
    site.pipeline("orders")
    run = site.begin("orders")
    site.passed(run, site.now - timedelta(hours=2), 1203)
    site.close(site.run(run.key))
    site.store.put_sensor("orders", "landing", {"date": "2026-03-03", "count": 7})
    page = words(client.get("/run?pipeline=orders&date=2026-03-03").text)
    assert "The rows that decided this attempt, 2026-03-03 11:00 CET (10:00Z)." in page
    assert "✓ yes landing count gte 1000 1203" in page
    site.tables.transact([Delete(NAMES.events, row["PK"], row["SK"]) for row in site.tables.rows_of(NAMES.events)])
    page = words(client.get("/run?pipeline=orders&date=2026-03-03").text)
    assert "The rows as they are now." in page
    assert "✕ no landing count gte 1000 7" in page


def test_a_row_without_a_date_says_that_it_counts_for_each_date(site: Any, client: Any) -> None:
    site.pipeline("orders", text=BY_DATA)
    site.store.put_sensor("orders", "landing", {"count": 2000, "updatedAt": "2026-03-03T11:00:00Z"})
    page = words(client.get("/run?pipeline=orders&date=2026-03-01").text)
    assert "No run exists. A run of this date would read its rules as follows now." in page
    assert "✓ yes landing count gte 1000 2000 landing without a date: it counts for each date" in page
    assert page.count("no row of 2026-03-01 has arrived: landing is of 2026-03-03") == 1


BY_DATA = """
pipeline: {id: NAME, owner: OWNER}
schedule: {trigger: {key: landing, check: exists}, exclude: {dates: ["2026-03-02"]}}
validation: {rules: [{key: landing, check: gte, field: count, value: 1000}]}
job: {type: command, config: {command: "true"}}
"""


def test_a_run_reads_its_rules_without_a_hint(site: Any, client: Any) -> None:
    site.all_states()
    page = words(client.get(HELD).text)
    assert "Rules (ALL must hold)" in page
    assert "No run exists" not in page


@pytest.mark.parametrize(
    ("name", "date", "shown"),
    [
        ("orders", "2026-03-02", False),
        ("cron", "2026-02-28", True),
        ("cron", "2020-01-04", False),
    ],
)
def test_rules_are_left_out_if_no_run_can_read_them(site: Any, client: Any, name: str, date: str, shown: bool) -> None:
    site.pipeline("orders", text=BY_DATA)
    site.pipeline("cron", text=BY_DATA.replace("schedule: {", 'schedule: {cron: "0 6 * * 1-5", '))
    page = words(client.get(f"/run?pipeline={name}&date={date}").text)
    assert ("excluded" if name == "orders" else "not expected") in page
    assert ("Rules (" in page) is shown


def test_deadlines_are_in_both_zones(site: Any, client: Any) -> None:
    site.all_states()
    page = words(client.get(HELD).text)
    assert "absolute 2026-03-04 07:40 CET (06:40Z) 2026-03-04 08:00 CET (07:00Z) open" in page


@pytest.mark.parametrize(
    ("name", "state", "text"),
    [
        ("failed", "failed", "exit code 3"),
        ("completed", "completed", "attempt 0 succeeded"),
        ("running", "running", "attempt"),
        ("breached", "not begun", "breach"),
        ("missed", "not begun", "landing"),
    ],
)
def test_each_state_is_named_with_its_reason(site: Any, client: Any, name: str, state: str, text: str) -> None:
    site.all_states()
    page = client.get(f"/run?pipeline={name}&date=2026-03-03").text
    assert f">{state}</span>" in page.partition("</h1>")[0]
    assert text in words(page)


def test_the_timeline_shows_hold_job_and_deadlines(site: Any, client: Any) -> None:
    site.pipeline("late")
    run = site.begin("late")
    site.start_job(run)
    site.close(site.run(run.key), outcome=Outcome.BREACH)
    page = client.get("/run?pipeline=late&date=2026-03-03").text
    bars = re.findall(r'class="bar ([a-z-]+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', page)
    assert [kind for kind, _, _ in bars] == ["arrival", "hold", "completed"]
    ends = [float(x) + float(width) for _, x, width in bars]
    assert ends == sorted(ends)
    assert all(8 <= float(x) <= 752 for _, x, _ in bars)
    assert 'class="mark deadline"' in page
    assert 'class="mark warning"' in page


def test_attempts_and_their_reasons_are_listed(site: Any, client: Any) -> None:
    site.all_states()
    page = words(client.get("/run?pipeline=failed&date=2026-03-03").text)
    assert "Job log" in page
    assert "success 0 1m00s" in page
    assert "exit code 3" in page


def test_events_of_the_date_are_listed_and_no_others(site: Any, client: Any) -> None:
    site.all_states()
    site.event("held", "waits for rows")
    site.event("held", "of another date", date="2026-03-02")
    page = client.get(HELD).text
    assert "waits for rows" in page
    assert "of another date" not in page


def test_events_of_an_old_date_are_found_behind_newer_ones(site: Any, client: Any) -> None:
    site.all_states()
    site.event("held", "long ago", at=site.now - timedelta(minutes=1))
    for number in range(250):
        later = site.now + timedelta(days=10, seconds=number)
        site.event("held", "newer", date="2026-03-13", kind=f"K{number}", at=later)
    assert "long ago" in client.get(HELD).text


def test_events_of_a_backfill_are_found_behind_newer_ones(site: Any, client: Any) -> None:
    site.pipeline("p")
    run = site.begin("p", "2026-01-05", at=site.now - timedelta(hours=3))
    site.event("p", "first attempt", date="2026-01-05", at=site.now - timedelta(hours=3))
    site.close(run, at=site.now - timedelta(hours=2))
    site.event("p", "closed", date="2026-01-05", at=site.now - timedelta(hours=2))
    url = "/run?pipeline=p&date=2026-01-05"
    assert "Further events" not in client.get(url).text
    for number in range(250):
        site.event("p", "newer", date="2026-03-03", kind=f"K{number}", at=site.now + timedelta(seconds=number))
    page = words(client.get(url).text)
    assert "first attempt" in page
    assert "closed" in page
    # Further ones may exist, such as those of an earlier request.
    assert "Further events of the date may exist: interlock events -e test p --date 2026-01-05" in page
    assert "Further events" not in client.get("/run?pipeline=p&date=2026-05-01").text


@pytest.mark.parametrize(
    ("pipeline", "status", "command"),
    [
        ("failed", RunStatus.FAILED_FINAL, ["interlock", "rerun", "-e", "test", "failed", "2026-03-03"]),
        ("held", RunStatus.RUNNING, ["interlock", "pause", "-e", "test", "held"]),
        ("running", RunStatus.RUNNING, ["interlock", "logs", "-e", "test", "running", "2026-03-03"]),
        ("quiet", None, ["interlock", "why", "-e", "test", "quiet", "2026-03-03"]),
        ("quiet", None, ["interlock", "rerun", "-e", "test", "quiet", "2026-03-03"]),
    ],
)
def test_commands_name_the_date_and_the_environment(
    site: Any, client: Any, pipeline: str, status: RunStatus | None, command: list[str]
) -> None:
    site.all_states()
    page = client.get(f"/run?pipeline={pipeline}&date=2026-03-03").text
    lines = [shlex.split(found) for found in re.findall(r'data-copy="([^"]+)"', page)]
    assert command in lines


def test_a_command_without_a_use_is_not_offered(site: Any, client: Any) -> None:
    site.all_states()
    assert "interlock logs" not in client.get(HELD).text
    assert site.store.pause("held", Pause(None, "ops", "upgrade"))
    page = client.get(HELD).text
    assert 'data-copy="interlock resume -e test held"' in page
    assert "interlock pause" not in page
    # A command in a text would name no environment.
    assert "to change the end of the pause landing: count gte 1000" in re.sub(r" +", " ", words(page))


@pytest.mark.parametrize(
    ("date", "before", "after"),
    [
        ("2026-03-01", "2026-02-28", "2026-03-02"),
        ("2026-03-03T00", "2026-03-02T23", "2026-03-03T01"),
        ("2026-12-31T23", "2026-12-31T22", "2027-01-01T00"),
        ("1900-01-01", None, "1900-01-02"),
        ("9998-12-31", "9998-12-30", None),
    ],
)
def test_the_dates_before_and_after_are_links(
    site: Any, client: Any, date: str, before: str | None, after: str | None
) -> None:
    site.pipeline("p", text=BY_DATA)
    page = client.get(f"/run?pipeline=p&date={date}").text
    found = dict(re.findall(r'href="/run\?pipeline=p&amp;date=[^"]+" rel="(\w+)">([^<]+)<', page))
    assert (found.get("prev"), found.get("next")) == (before, after)
    assert f'<a href="/run?pipeline=p&amp;date={date}">read again</a>' in page


def test_a_rerun_that_would_be_rejected_is_not_offered(site: Any, client: Any) -> None:
    site.all_states()
    site.store.put_sensor("completed", "landing", {"date": "2026-03-03", "updatedAt": "2026-03-03T01:00:00Z"})
    page = client.get("/run?pipeline=completed&date=2026-03-03").text
    assert "a manual request now is rejected: the run succeeded" in words(page)
    assert "interlock rerun" not in page


def test_an_unreadable_run_is_shown_with_its_row(site: Any, client: Any) -> None:
    site.pipeline("broken")
    site.row({"PK": "PIPELINE#broken", "SK": "TRIGGER#stream#2026-03-03", "status": "fine"})
    answer = client.get("/run?pipeline=broken&date=2026-03-03")
    assert answer.status == 200
    assert "PIPELINE#broken / TRIGGER#stream#2026-03-03" in answer.text


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ("/run?pipeline=nobody&date=2026-03-03", 404, "There is no such pipeline"),
        ("/run?pipeline=held&date=someday", 400, "someday"),
        ("/run?pipeline=held", 400, "date"),
        ("/run?date=2026-03-03", 400, "pipeline must be the id of a pipeline"),
        (f"/run?date=2026-03-03&pipeline={'x' * 2100}", 400, "pipeline must be the id"),
        ("/pipeline?id=nobody", 404, "There is no such pipeline"),
        ("/pipeline", 400, "id must be the id of a pipeline"),
        ("/other", 404, "There is no such page"),
    ],
)
def test_an_address_without_a_page_is_answered(site: Any, client: Any, url: str, status: int, text: str) -> None:
    site.all_states()
    answer = client.get(url)
    assert answer.status == status
    assert text in answer.text


def glue(site: Any, name: str = "glued", job: str = "load", run_id: str = "jr_8") -> None:
    """A run whose Glue job has started."""
    site.pipeline(name)
    run = site.begin(name)
    intent = JobIntent(0, "k", site.now, "glue", {"jobName": job}, run.committed_at)
    assert site.store.commit(CommitIntent(run, intent)) is Commit.COMMITTED
    answered = replace(intent, run_id=run_id, started_at=run.committed_at)
    assert site.store.commit(CommitIntent(site.run(run.key), answered)) is Commit.COMMITTED


def test_pages_of_the_job_are_links(site: Any, open_page: Any) -> None:
    glue(site)
    page = open_page(region="eu-west-1").get("/run?pipeline=glued&date=2026-03-03").text
    found = re.findall(r'attempt (\d): <a href="([^"]+)" rel="noreferrer noopener">([^<]+)</a>', page)
    assert [(attempt, label) for attempt, _, label in found] == [("0", "Glue run"), ("0", "CloudWatch logs")]
    assert unescape(found[0][1]) == (
        "https://eu-west-1.console.aws.amazon.com/gluestudio/home?region=eu-west-1#/job/load/run/jr_8"
    )


def test_deployment_outside_of_aws_has_no_console(site: Any, client: Any) -> None:
    glue(site)
    assert "Pages of the job" not in client.get("/run?pipeline=glued&date=2026-03-03").text


def test_hostile_config_makes_no_other_link(site: Any, open_page: Any) -> None:
    glue(site, job='x" onclick="alert(1)', run_id="<script>alert(1)</script>")
    page = open_page(region="eu-west-1").get("/run?pipeline=glued&date=2026-03-03").text
    assert "onclick" not in re.sub(r'href="[^"]*"', "", page)
    assert "<script>alert" not in page
    assert "#/job/x%22%20onclick%3D%22alert%281%29/run/%3Cscript%3E" in page
