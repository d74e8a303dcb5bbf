"""The page of a pipeline: its config without secrets, its next dates, its verdicts, and its distance to deadlines."""

import re
from datetime import timedelta
from typing import Any

from interlock_lifecycle import Pause, RunStatus
from interlock_sla import Outcome

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
    assert "4 met, 1 breached, of the newest 5 dates" in page
    # Each run closed two hours after the deadline of its verdict.
    columns = re.findall(r'class="column (late|early)"', page)
    assert columns == ["late"] * 5
    assert "2026-03-01: 2h00m late" in page


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


def test_a_pipeline_without_a_config_still_shows_its_runs(site: Any, client: Any) -> None:
    site.close(site.begin("removed"))
    page = client.get("/pipeline?id=removed")
    assert page.status == 200
    assert "the pipeline has no config" in page.text
    assert "2026-03-03" in page.text


def test_unreadable_rows_are_listed(site: Any, client: Any) -> None:
    site.pipeline("broken")
    site.row({"PK": "PIPELINE#broken", "SK": "TRIGGER#stream#2026-03-03", "status": "fine"})
    assert "row PIPELINE#broken / TRIGGER#stream#2026-03-03" in client.get("/pipeline?id=broken").text
