"""`interlock import airflow` of files: each DAG becomes a valid draft or is listed with its reason."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec.yaml
import pytest
from click.testing import CliRunner, Result

from interlock_cli import main

DAGS = Path(__file__).with_name("dags")
OF_AIRFLOW_2 = Path(__file__).with_name("dags_of_airflow_2")
LEFT_OUT = {
    "DAG(f'{TEAM}_{account}', schedule='0 2 * * *', start_date=BEGIN)": "does not state its id and its arguments: acc",
    "ledger_from_outside": "does not state its schedule: os.environ.get('LEDGER_CRON', '0 1 * * *') (line 22)",
    "ledger_by_hand": "it has no schedule",
    "ledger_feed": "fires more often than once an hour",
    "ledger_always": "@continuous starts a run whenever the last one ends",
    "ledger_drifting": "a timedelta without catchup counts from the last run",
    "ledger_default_zone": "its zone is not known: name the default zone of Airflow with --zone",
    "stock_thrice": "it has several crons",
    "reports": "its zone is not known",
}
HEAD = "from datetime import datetime, timedelta\nimport pendulum\nfrom airflow.sdk import DAG, dag, Asset\n"
LATE = "DeadlineAlert(reference=DeadlineReference.{}, interval=timedelta({}), callback=None)"


def invoke(*words: str, code: int = 0, **environment: str) -> Result:
    variables = {"NO_COLOR": "1", "COLUMNS": "80", "INTERLOCK_AIRFLOW_AUTHORIZATION": "", **environment}
    done = CliRunner().invoke(main, ["import", "airflow", *words], env=variables)
    assert done.exit_code == code, done.output
    return done


def imported(tmp_path: Path, text: str, *words: str, code: int = 0) -> dict[str, Any]:
    """The result for a file of this text behind the usual imports, as JSON with the drafts' texts."""
    file = tmp_path / "dags.py"
    file.write_text(HEAD + text)
    found: dict[str, Any] = json.loads(invoke(str(file), "--dry-run", "--json", *words, code=code).stdout)
    return found


def one(tmp_path: Path, arguments: str, before: str = "", *words: str) -> tuple[dict[str, Any], list[str]]:
    """The values and the differences of the draft of a DAG with these arguments."""
    found = imported(tmp_path, f"{before}\ndag = DAG('a', {arguments})\n", "--zone", "UTC", *words)
    return msgspec.yaml.decode(found["drafts"][0]["text"]), found["drafts"][0]["differences"]


def reason(tmp_path: Path, arguments: str, before: str = "") -> str:
    """The reason why a DAG with these arguments has no draft."""
    found = imported(tmp_path, f"{before}\ndag = DAG('a', {arguments})\n", code=1)
    assert found["drafts"] == []
    return str(found["left_out"][0]["reason"])


def test_dags_become_valid_files_or_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    words = (str(DAGS), str(OF_AIRFLOW_2), "--folder", str(folder), "--json")
    found = json.loads(invoke(*words, code=1).stdout)
    assert {one["text"] for one in found["left_out"]} == set(LEFT_OUT)
    for left in found["left_out"]:
        assert LEFT_OUT[left["text"]] in left["reason"]
    assert len(found["drafts"]) == 9
    assert all(one["differences"] for one in found["drafts"])
    done = CliRunner().invoke(main, ["validate", str(folder)])
    assert done.exit_code == 0, done.output
    assert "9 files: 0 errors" in done.stdout


def test_a_dag_file_is_never_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    text = f"open({str(mark)!r}, 'w').close()\nraise SystemExit(3)\ndag = DAG('a', schedule='0 5 * * *')\n"
    found = imported(tmp_path, text, "--zone", "UTC")
    assert [one["pipeline"] for one in found["drafts"]] == ["a"]
    assert not mark.exists()
    assert "airflow" not in sys.modules


def test_a_draft_has_the_facts_of_its_dag() -> None:
    found = json.loads(invoke(str(DAGS / "orders_daily.py"), "--dry-run", "--json").stdout)
    file = msgspec.yaml.decode(found["drafts"][0]["text"])
    assert file == {
        "pipeline": {
            "id": "orders_daily",
            "owner": "data-platform",
            "description": "Orders of the shops, one day per run",
        },
        "schedule": {"cron": "30 4 * * *", "timezone": "Europe/Berlin", "maxOpenDates": 2},
        "sla": {"deadline": "06:45"},
        "validation": {"rules": [{"key": "orders_daily-input", "check": "exists"}]},
        "job": {
            "type": "airflow",
            "config": {
                "url": "${INTERLOCK_AIRFLOW_URL}",
                "dagID": "orders_daily",
                "headers": {"Authorization": "${INTERLOCK_AIRFLOW_AUTHORIZATION}"},
            },
            "maxRetries": 0,
            "maxCodeRetries": 0,
            "jobPollWindowSeconds": 10800,
        },
    }
    differences = " ".join(found["drafts"][0]["differences"])
    for said in (
        "depends_on_past",
        "catchup",
        "Tags: bronze, orders",
        "reads ds (line 35)",
        "the day in Europe/Berlin",
    ):
        assert said in differences


def test_the_date_of_a_run_is_compared_by_an_example() -> None:
    drafts = json.loads(invoke(str(DAGS / "stock_interval.py"), "--dry-run", "--json", code=1).stdout)["drafts"]
    said = {one["pipeline"]: " ".join(one["differences"]) for one in drafts}
    assert (
        "due at 2026-03-03 06:00 has the logical date 2026-03-02 06:00. Here it is 2026-03-03."
        in (said["stock_interval"])
    )
    assert "Here it is 2026-03-02T02." in said["stock.hourly-snapshot"]


def test_assets_become_the_trigger_and_the_rules() -> None:
    drafts = json.loads(invoke(str(DAGS / "marts_on_assets.py"), "--dry-run", "--json").stdout)["drafts"]
    files = {one["pipeline"]: msgspec.yaml.decode(one["text"]) for one in drafts}
    rules = [{"key": "asset-s3-lake-bronze-orders", "check": "exists"}, {"key": "asset-stock", "check": "exists"}]
    assert files["mart_revenue"]["schedule"]["trigger"] == rules[0]
    assert files["mart_revenue"]["validation"] == {"rules": rules}
    assert files["mart_revenue"]["sla"] == {"maxDuration": "90m"}
    assert files["mart_search"]["schedule"]["trigger"]["key"] == "mart_search-input"
    assert files["mart_search"]["validation"] == {"trigger": "ANY", "rules": rules}
    assert files["stock_report"]["validation"] == {"rules": rules[1:]}
    assert files["mart_mail"]["schedule"]["cron"] == "0 7 * * *"
    mail = next(one for one in drafts if one["pipeline"] == "mart_mail")
    assert any("Updates of s3://lake/bronze/orders started the DAG too" in note for note in mail["differences"])


@pytest.mark.parametrize(
    ("arguments", "cron"),
    [
        ("schedule='@daily'", "0 0 * * *"),
        ("schedule='@quarterly'", "0 0 1 */3 *"),
        ("schedule=timedelta(days=7), start_date=pendulum.datetime(2025, 1, 1, 4, 5), catchup=True", "5 4 * * WED"),
        ("schedule=timedelta(hours=8), start_date=pendulum.datetime(2025, 1, 1, 4), catchup=True", "0 4,12,20 * * *"),
        ("schedule=timedelta(minutes=60), start_date='2025-01-01T00:10Z', catchup=True", "10 * * * *"),
    ],
)
def test_a_schedule_becomes_a_cron(tmp_path: Path, arguments: str, cron: str) -> None:
    assert one(tmp_path, arguments)[0]["schedule"]["cron"] == cron


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        ("pendulum.datetime(2025, 1, 1)", "UTC"),
        ("pendulum.datetime(2025, 1, 1, tz='Asia/Tokyo')", "Asia/Tokyo"),
        ("datetime(2025, 1, 1, tzinfo=pendulum.timezone('Asia/Tokyo'))", "Asia/Tokyo"),
        ("datetime(2025, 1, 1, tzinfo=pendulum.UTC)", "UTC"),
        ("datetime(2025, 1, 1)", "Europe/Paris"),
        ("pendulum.today('Asia/Tokyo').add(days=-2)", "Asia/Tokyo"),
        ("pendulum.today('Asia/Tokyo') - timedelta(days=2)", "Asia/Tokyo"),
        ("None", "Europe/Paris"),
    ],
)
def test_the_zone_is_that_of_the_start_date(tmp_path: Path, start: str, zone: str) -> None:
    text = f"dag = DAG('a', schedule='0 5 * * *', start_date={start})\n"
    draft = imported(tmp_path, text, "--zone", "Europe/Paris")["drafts"][0]
    assert msgspec.yaml.decode(draft["text"])["schedule"]["timezone"] == zone


@pytest.mark.parametrize("start", ["datetime.now()", "pendulum.now()", "START", "'2025-01-01T00:00+02:00'"])
def test_a_zone_that_is_not_stated_is_never_guessed(tmp_path: Path, start: str) -> None:
    said = reason(tmp_path, f"schedule='0 5 * * *', start_date={start}")
    assert said.startswith("the file does not state the zone of start_date: ")


@pytest.mark.parametrize(
    ("before", "schedule"),
    [
        ("CRON = '0 5 * * *'\nCRON = '0 6 * * *'", "CRON"),
        ("if DEBUG:\n    CRON = '0 5 * * *'", "CRON"),
        ("CRON = '0 5 * * *'\ndef change():\n    global CRON\n    CRON = '0 6 * * *'", "CRON"),
        ("def cron():\n    return '0 5 * * *'", "cron()"),
        ("", "'0 5 * * *' if PROD else None"),
        ("CRONS = {'a': '0 5 * * *'}", "CRONS['a']"),
        ("A = B\nB = A", "A"),
        ("", "'{} 5 * * *'.format(minute)"),
    ],
)
def test_a_schedule_that_is_not_stated_is_never_guessed(tmp_path: Path, before: str, schedule: str) -> None:
    assert reason(tmp_path, f"schedule={schedule}", before).startswith("the file does not state its schedule: ")


@pytest.mark.parametrize(
    ("before", "schedule"),
    [
        ("CRON = '0 5 * * *'", "CRON"),
        ("HOUR = 5", "f'0 {HOUR} * * *'"),
        ("CRON: str = '0 ' + '5 * * *'", "CRON"),
    ],
)
def test_constants_are_read(tmp_path: Path, before: str, schedule: str) -> None:
    assert one(tmp_path, f"schedule={schedule}", before)[0]["schedule"]["cron"] == "0 5 * * *"


def test_a_changed_mapping_is_no_constant(tmp_path: Path) -> None:
    text = "ARGS = {'owner': 'data', 'retries': 2}\nARGS['owner'] = team()\n"
    file, notes = one(tmp_path, "schedule='0 5 * * *', default_args=ARGS", text)
    assert "owner" not in file["pipeline"]
    assert any("does not state default_args: ARGS (line 7)" in note for note in notes)


def test_each_unknown_default_is_named_alone(tmp_path: Path) -> None:
    arguments = "schedule='0 5 * * *', default_args={**BASE, 'retries': int(tries), 'depends_on_past': True}"
    file, notes = one(tmp_path, arguments, "BASE = dict(owner='data')")
    assert file["pipeline"]["owner"] == "data"
    assert any("does not state retries: int(tries)" in note for note in notes)
    assert any(note.startswith("depends_on_past: ") for note in notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from ours import DAG\ndag = DAG('a', schedule='@daily')", "the file imports it from ours"),
        ("from .base import DAG\ndag = DAG('a', schedule='@daily')", "the file imports it from .base"),
        ("@dag(schedule='@daily')\ndef a(): ...", "defines a as a DAG, and does not call it"),
        ("def make(schedule):\n    return DAG('a', schedule=schedule)", "does not state its schedule: schedule"),
        ("dag = DAG('a', **options())", "does not state its id and its arguments: options()"),
        ("dag = DAG('a')", "it has no schedule"),
        ("dag = DAG('a', schedule=Asset('x') & (Asset('y') | Asset('z')))", "joined by both & and |"),
        ("from ours import Often\ndag = DAG('a', schedule=Often())", "does not state its schedule: Often()"),
        ("from airflow.sdk import EventsTimetable as E\nd = DAG('a', schedule=E(x))", "EventsTimetable has no counter"),
        ("dag = DAG('a', schedule='@once')", "@once is one run"),
        ("dag = DAG('a', schedule='0 0 5 * * *', start_date='2025-01-01T00:00Z')", "write five fields"),
        ("dag = DAG('a', schedule=timedelta(hours=5), start_date='2025-01-01T00:00Z', catchup=True)", "no cron fires"),
        ("dag = DAG('a', schedule='@daily', start_date=pendulum.datetime(2025, 1, 1, tz='Mars/Base'))", "Mars/Base"),
    ],
)
def test_a_dag_without_a_counterpart_is_named(tmp_path: Path, text: str, said: str) -> None:
    found = imported(tmp_path, text, code=1)
    assert found["drafts"] == []
    assert said in found["left_out"][0]["reason"]


@pytest.mark.parametrize(
    ("cron", "late", "deadline"),
    [
        ("0 5 * * *", LATE.format("DAGRUN_LOGICAL_DATE", "hours=3"), "08:00"),
        ("30 23 * * *", LATE.format("DAGRUN_QUEUED_AT", "minutes=45"), "00:15"),
        ("10 * * * *", LATE.format("DAGRUN_QUEUED_AT", "minutes=55"), ":05"),
        (
            "0 5 * * *",
            f"[{LATE.format('DAGRUN_QUEUED_AT', 'hours=3')}, {LATE.format('DAGRUN_QUEUED_AT', '0, 60')}]",
            "05:01",
        ),
    ],
)
def test_a_deadline_becomes_a_clock_time(tmp_path: Path, cron: str, late: str, deadline: str) -> None:
    before = "from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference"
    file, _ = one(tmp_path, f"schedule={cron!r}, deadline={late}", before)
    assert file["sla"]["deadline"] == deadline


@pytest.mark.parametrize(
    ("cron", "late", "said"),
    [
        ("0 5 * * *", LATE.format("DAGRUN_LOGICAL_DATE", "hours=24"), "has no counterpart for this cron"),
        ("10 * * * *", LATE.format("DAGRUN_QUEUED_AT", "minutes=20"), "has no counterpart for this cron"),
        ("0 5 * * *", LATE.format("AVERAGE_RUNTIME(3)", "hours=1"), "refers to AVERAGE_RUNTIME"),
        ("0 5 * * *", LATE.format("DAGRUN_QUEUED_AT", "hours=n"), "does not state deadline: n"),
    ],
)
def test_a_deadline_without_a_counterpart_is_named(tmp_path: Path, cron: str, late: str, said: str) -> None:
    before = "from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference"
    file, notes = one(tmp_path, f"schedule={cron!r}, deadline={late}", before)
    assert "sla" not in file
    assert any(said in note for note in notes)


def test_the_deadline_counts_from_the_interval(tmp_path: Path) -> None:
    before = (
        "from airflow.sdk import CronDataIntervalTimetable as T\n"
        "from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference"
    )
    late = LATE.format("DAGRUN_LOGICAL_DATE", "hours=27")
    file, _ = one(tmp_path, f"schedule=T('0 5 * * *', timezone='UTC'), deadline={late}", before)
    assert file["sla"]["deadline"] == "08:00"


def test_the_sla_of_airflow_2_counts_from_the_fire() -> None:
    found = invoke(str(OF_AIRFLOW_2), "--zone", "UTC", "--dry-run", "--json").stdout
    draft = json.loads(found)["drafts"][0]
    file = msgspec.yaml.decode(draft["text"])
    assert file["sla"]["deadline"] == "01:15"
    assert "owner" not in file["pipeline"]
    said = " ".join(draft["differences"])
    assert "In Airflow the sla is that of each task" in said
    assert "catchup" in said
    assert "Here it is 2026-03-03." in said
    assert "Airflow 3 names a run by its fire" not in said


def test_ids_are_valid_and_collisions_are_named(tmp_path: Path) -> None:
    long = "x" * 70
    text = "".join(f"DAG({name!r}, schedule='0 5 * * *')\n" for name in ("a.b_c", "a.b_c", long, f"{long}y"))
    found = imported(tmp_path, text, "--zone", "UTC", code=1)
    assert [one["pipeline"] for one in found["drafts"]] == ["a.b_c", "x" * 64, "x" * 62 + "-2"]
    assert "has a DAG of the same id" in found["left_out"][0]["reason"]
    assert found["left_out"][0]["reason"].startswith(str(tmp_path / "dags.py"))
    for draft in found["drafts"][1:]:
        assert "The id of a pipeline has at most 64." in draft["differences"][0]


@pytest.mark.parametrize(("before", "said"), [("if PROD:\n    ", "a condition"), ("def make():\n    ", "a function")])
def test_a_dag_under_a_condition_says_so(tmp_path: Path, before: str, said: str) -> None:
    text = f"{before}dag = DAG('a', schedule='0 5 * * *')\n"
    draft = imported(tmp_path, text, "--zone", "UTC")["drafts"][0]
    assert any(f"The DAG is within {said} (line 4)" in note for note in draft["differences"])


def test_a_text_of_a_dag_never_leaves_its_comment(tmp_path: Path) -> None:
    text = "dag = DAG('a', schedule='0 5 * * *', tags=['x\\njob: {type: command}'], description='a: b #c')\n"
    draft = imported(tmp_path, text, "--zone", "UTC")["drafts"][0]
    file = msgspec.yaml.decode(draft["text"])
    assert file["job"]["type"] == "airflow"
    assert file["pipeline"]["description"] == "a: b #c"


def test_bad_files_are_one_error_each(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("with DAG(:\n")
    (tmp_path / "b.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "c.py").write_text("x = " + "(" * 300 + ")" * 300)
    (tmp_path / "d.py").write_text("dag = 1\n")
    done = invoke(str(tmp_path), str(tmp_path / "none"), "--zone", "Berlin", "--url", "ftp://x", code=2)
    lines = done.stderr.splitlines()
    said = (
        "--zone is 'Berlin'",
        "--url is 'ftp://x'",
        "none does not exist",
        "a.py: line 1: ",
        "b.py: it is not UTF-8",
    )
    assert len(lines) == 6
    for line, part in zip(lines, (*said, "c.py: "), strict=True):
        assert line.startswith("error: ")
        assert part in line


def test_files_without_a_dag_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / ".airflowignore").write_text("a\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b.py").write_text("with DAG(:\n")
    done = invoke(str(tmp_path))
    assert "1 of 1 files make no DAG" in done.stdout
    assert ".airflowignore is not read" in done.stdout


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    words = (str(DAGS / "orders_daily.py"), "--folder", str(tmp_path))
    invoke(*words)
    assert "exists already, and is not replaced" in invoke(*words, code=2).stderr
