"""`interlock import airflow` of a real Airflow 3, against its DAG files, and a DAG run by the job of a draft."""

import base64
import json
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec.yaml
import pytest
from airflow_site import IMPORTED, Site
from click.testing import CliRunner

from interlock_cli import main
from interlock_config import expand
from interlock_triggers import Attempt, Clients, State, check, start

RECORDED = json.loads((IMPORTED.parent / "airflow_3_details.json").read_text())["details"]
PATIENCE_SECONDS = 180.0


def authorization_of(site: Site, user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{site.users[user]}".encode()).decode()


def imported(*words: str, authorization: str = "") -> dict[str, Any]:
    variables = {"INTERLOCK_AIRFLOW_AUTHORIZATION": authorization}
    done = CliRunner().invoke(main, ["import", "airflow", *words, "--json"], env=variables)
    assert done.exit_code == 1, done.output
    assert not any(part in done.output for part in authorization.split()[1:])
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="session")
def with_dags(site: Site) -> Site:
    """The site, as soon as it has all DAGs of the files."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not RECORDED.keys() <= {dag["dag_id"] for dag in site.ask("/dags?limit=100")["dags"]}:
        assert time.monotonic() < end, "the DAG files are not parsed"
        time.sleep(0.5)
    assert site.ask("/importErrors")["total_entries"] == 0
    return site


def test_api_and_files_give_the_same_pipelines(with_dags: Site, tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    of_server = imported(with_dags.url, "--folder", str(folder), authorization=authorization_of(with_dags, "reader"))
    of_files = imported(str(IMPORTED), "--zone", "UTC", "--url", with_dags.url, "--dry-run")
    done = CliRunner().invoke(main, ["validate", str(folder)])
    assert done.exit_code == 0, done.output
    assert len(of_files["drafts"]) == 10
    for draft in of_files["drafts"]:
        file = msgspec.yaml.decode(draft["text"])
        other = msgspec.yaml.decode((folder / f"{draft['pipeline']}.yaml").read_text())
        if "maxOpenDates" not in file["schedule"]:
            del other["schedule"]["maxOpenDates"]
        assert other == file
    left_out = {one["text"] for one in of_server["left_out"]}
    assert left_out >= {"interlock_probe", "ledger_by_hand", "ledger_always", "ledger_feed", "stock_thrice"}


def test_recorded_answers_have_the_form_of_the_real_ones(with_dags: Site) -> None:
    for identifier, recorded in RECORDED.items():
        real = with_dags.ask(f"/dags/{identifier}/details")
        assert recorded.keys() <= real.keys()
        for name in ("timetable_summary", "timezone", "asset_expression", "catchup", "owners", "max_active_runs"):
            mine, its = (json.dumps(_without_ids(one[name]), sort_keys=True) for one in (recorded, real))
            assert mine == its, name


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(one) for name, one in value.items() if name != "id"}
    if isinstance(value, list):
        return sorted((_without_ids(one) for one in value), key=str)
    return value


def test_the_job_of_a_draft_runs_its_dag(with_dags: Site) -> None:
    drafts = imported(with_dags.url, "--dry-run", authorization=authorization_of(with_dags, "reader"))["drafts"]
    draft = next(one for one in drafts if one["pipeline"] == "mart_mail")
    variables = {"INTERLOCK_AIRFLOW_AUTHORIZATION": authorization_of(with_dags, "interlock")}
    config = expand(msgspec.yaml.decode(draft["text"])["job"]["config"], variables)
    clients = Clients(allowed_hosts="127.0.0.1", environment={})
    key = f"key-{uuid.uuid4().hex}"
    attempt = Attempt("mart_mail", "cron", "2026-03-03", 0, key)
    started = start("airflow", config, attempt, until=time.time() + 60, clients=clients)
    # A run of a paused DAG stays queued, as the output of the import states.
    time.sleep(10)
    assert with_dags.ask(f"/dags/mart_mail/dagRuns/{key}")["state"] == "queued"
    with_dags.unpause("mart_mail")
    end = time.monotonic() + PATIENCE_SECONDS
    while (status := check("airflow", config, started, until=time.time() + 60, clients=clients)).state is State.RUNNING:
        assert time.monotonic() < end, "the DAG run did not end"
        time.sleep(0.5)
    assert status.state is State.SUCCEEDED
    assert with_dags.ask(f"/dags/mart_mail/dagRuns/{key}")["logical_date"] is None
