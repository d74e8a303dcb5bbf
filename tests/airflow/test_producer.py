"""Tasks of a real Airflow 3 write sensor rows: too few rows hold a run of the local stack, and enough rows start it."""

import contextlib
import uuid
from typing import Any

import pytest
from airflow_site import PAGE_ID, PRODUCER_ID, Site
from integration.conftest import Outside, await_that, folder, outside, pipeline, stack

from interlock_lifecycle import RunStatus

__all__ = ["folder", "outside", "stack"]

DAG, DATE = PRODUCER_ID, "2026-03-03"
# Half past midnight in Berlin, on the day before in UTC.
INTERVAL = {"data_interval_start": "2026-03-02T23:30:00Z", "data_interval_end": "2026-03-03T23:30:00Z"}


@pytest.fixture
def site(site: Site, outside: Outside) -> Site:
    """An Airflow whose tasks have the keys of the local stack."""
    key = outside.stack.key
    lines = ("[default]", f"aws_access_key_id = {key.access_key}", f"aws_secret_access_key = {key.secret}")
    (site.home / "credentials").write_text("\n".join(lines))
    return site


def run(site: Site, outside: Outside, *, logical: str | None, interval: Any = INTERVAL, **conf: Any) -> dict[str, str]:
    """Run the DAG, and return the state of each task at its end."""
    conf |= {"endpoint_url": outside.stack.endpoint_url, "region": outside.stack.key.region}
    run_id = f"run-{uuid.uuid4().hex}"
    body = {"dag_run_id": run_id, "logical_date": logical, "conf": conf, **interval}
    site.ask(f"/dags/{DAG}/dagRuns", body=body)
    await_that(lambda: has_ended(site, run_id), f"end of {run_id}", every=2)
    tasks = site.ask(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {task["task_id"]: task["state"] for task in tasks}


def has_ended(site: Site, run_id: str) -> bool:
    """Whether a run has ended. A busy Airflow may answer late."""
    with contextlib.suppress(TimeoutError):
        return site.ask(f"/dags/{DAG}/dagRuns/{run_id}")["state"] in ("success", "failed")
    return False


def rows(outside: Outside) -> dict[str, dict[str, Any]]:
    return {key: dict(fields) for key, fields in outside.store.all_sensors("flown").items()}


def test_a_run_is_held_and_started_by_rows_of_tasks(site: Site, outside: Outside) -> None:
    text = pipeline(outside.folder, "flown", rules="{key: landing, check: gte, field: count, value: 10}")
    trigger = "{key: landing, check: equals, field: complete, value: true}"
    outside.push("flown", text.replace("{key: ready, check: equals, field: ready, value: true}", trigger))

    states = run(site, outside, logical="2026-03-03T01:00:00Z", count=3)
    assert states == {"count": "success", "load": "success", "landing": "success"}
    await_that(lambda: "RUN_HELD" in outside.events("flown", DATE), "the hold")
    assert outside.starts("flown") == []
    found = rows(outside)
    assert (found[f"landing#{DATE}"]["count"], found[f"landing#{DATE}"]["date"]) == (3, DATE)
    assert (found[f"load#{DATE}"]["complete"], found[f"load#{DATE}"]["source"]) == (True, "sftp")
    assert found[f"hourly#{DATE}T00"]["hour"] == "00"

    run(site, outside, logical="2026-03-03T02:00:00Z", count=12)
    assert outside.closed("flown", DATE).status is RunStatus.COMPLETED
    assert outside.starts("flown") == [f"{DATE} 0"]

    states = run(site, outside, logical="2026-03-03T03:00:00Z", count=5, fail=True)
    assert (states["load"], states["landing"]) == ("failed", "upstream_failed")
    found = rows(outside)
    failed = found[f"load#{DATE}"]
    assert (failed["complete"], failed["count"]) == (False, 5)
    assert failed["error"] == "RuntimeError: the conf asks for a failure"
    state = found[f"task-state#{DATE}"]
    assert (state["complete"], state["task"], state["error"]) == (False, "load", failed["error"])


def test_the_dag_of_the_page_has_its_tasks(site: Site) -> None:
    tasks = {task["task_id"]: task for task in site.ask(f"/dags/{PAGE_ID}/tasks")["tasks"]}
    assert set(tasks) == {"load", "report"}
    assert tasks["report"]["operator_name"] == "PutSensorOperator"


def test_a_run_without_a_data_interval_writes_no_row(site: Site, outside: Outside) -> None:
    before = rows(outside)
    states = run(site, outside, logical=None, interval={}, count=4)
    assert states["load"] == "failed"
    assert rows(outside) == before
