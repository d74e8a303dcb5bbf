"""The commands, called as from a shell, with DynamoDB as moto serves it over HTTP."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto.server import ThreadedMotoServer

from interlock_cli import main
from interlock_config import alerts_schema, decode_alerts_yaml, decode_yaml
from interlock_lifecycle import RunKey
from interlock_lifecycle.runs import decide_started, open_run
from interlock_sla import parse_execution_date
from interlock_store import DynamoTables, Store, TableNames, read_rerun_request

PIPELINE = """
pipeline: {id: bronze}
schedule:
  timezone: Europe/Berlin
  trigger: {key: ready, check: exists}
sla: {maxDuration: 1h}
validation: {trigger: ALL, rules: [{key: ready, check: gte, field: count, value: 100}]}
job: {type: command, config: {command: "true"}}
"""
NAMES = TableNames.of_environment("local")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint: str) -> Iterator[Store]:
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for name in (NAMES.control, NAMES.joblog, NAMES.rerun, NAMES.events):
        _create(client, name)
    yield Store(DynamoTables(client), NAMES)
    for name in (NAMES.control, NAMES.joblog, NAMES.rerun, NAMES.events):
        client.delete_table(TableName=name)


def _create(client: Any, name: str) -> None:
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": part, "AttributeType": "S"} for part in ("PK", "SK", "GSI1PK", "GSI1SK")
        ],
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "GSI1",
                "KeySchema": [
                    {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                    {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    client.create_table(**request)


@pytest.fixture
def run(endpoint: str) -> Any:
    def invoke(*arguments: str, at: str | None = None) -> Result:
        environment = {"AWS_ENDPOINT_URL": at or endpoint, "NO_COLOR": "1", "COLUMNS": "200"}
        return CliRunner().invoke(main, list(arguments), env=environment)

    return invoke


@pytest.fixture
def bronze(store: Store) -> Store:
    store.put_config(decode_yaml(PIPELINE, "bronze.yaml"))
    return store


def test_push_writes_every_pipeline_of_a_folder(run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "bronze.yaml").write_text(PIPELINE)
    (tmp_path / "silver.yml").write_text(PIPELINE.replace("bronze", "silver"))
    done = run("push", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert store.pipelines() == ["bronze", "silver"]
    assert "2 pipelines" in done.output


def test_one_invalid_file_prevents_all_writes(run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PIPELINE)
    (tmp_path / "b.yaml").write_text(PIPELINE.replace("bronze", "b").replace("gte", "greater").replace("1h", "soon"))
    done = run("push", str(tmp_path))
    assert done.exit_code == 2
    assert store.pipelines() == []
    assert "2 errors in 1 file; nothing was written" in done.output
    assert "greater" in done.output
    assert "soon" in done.output


ALERTS = "version: 1\ntargets: {data-team: {slack: C0123456789}}\nroutes: [{to: [data-team]}]\n"


def test_push_writes_the_routing_of_alerts_with_the_files(run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "bronze.yaml").write_text(PIPELINE)
    (tmp_path / "alerts.yaml").write_text(ALERTS)
    done = run("push", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "1 pipeline and 0 calendars written" in done.output
    assert "routing of alerts written in local-interlock-events" in done.output
    again = json.loads(run("push", str(tmp_path), "--json").output)
    assert (again["alerts"], again["pipelines"], again["calendars"]) == ("unchanged", ["bronze"], [])
    (tmp_path / "alerts.yaml").write_text(ALERTS.replace("data-team", "team"))
    assert "routing of alerts written" in run("push", str(tmp_path / "alerts.yaml")).output


def test_push_without_a_routing_leaves_the_stored_one(run: Any, store: Store, tmp_path: Path) -> None:
    store.put_alerts(decode_alerts_yaml(ALERTS), datetime(2026, 3, 3, tzinfo=UTC))
    (tmp_path / "bronze.yaml").write_text(PIPELINE)
    assert json.loads(run("push", str(tmp_path), "--json").output)["alerts"] is None
    assert store.put_alerts(decode_alerts_yaml(ALERTS), datetime(2026, 3, 4, tzinfo=UTC)) is False


def test_a_wrong_routing_prevents_all_writes(run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "bronze.yaml").write_text(PIPELINE)
    (tmp_path / "alerts.yaml").write_text(ALERTS.replace("[data-team]", "[team]"))
    done = run("push", str(tmp_path))
    assert done.exit_code == 2
    assert "alerts.yaml:3: routes[0].to[0]" in done.output
    assert store.pipelines() == []
    assert "Traceback" not in done.output


def test_schema_prints_the_schema_of_the_routing(run: Any) -> None:
    assert json.loads(run("schema", "--alerts").output) == alerts_schema()
    both = run("schema", "--alerts", "--calendar")
    assert both.exit_code == 2
    assert "exclude each other" in both.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pipeline: [", "b.yaml"),
        ("", "b.yaml"),
        ("just text", "b.yaml"),
    ],
)
def test_malformed_file_is_rejected_with_its_name(run: Any, store: Store, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "b.yaml").write_text(text)
    done = run("push", str(tmp_path / "b.yaml"))
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_error_in_line_100_shows_the_line_number(run: Any, store: Store, tmp_path: Path) -> None:
    wrong = PIPELINE.replace("gte", "greater")
    line = wrong[: wrong.index("greater")].count("\n") + 1
    (tmp_path / "b.yaml").write_text("\n" * (100 - line) + wrong)
    done = run("push", str(tmp_path))
    assert done.exit_code == 2
    assert f"error: {tmp_path}/b.yaml:100: validation.rules[0].check" in done.stderr


def test_warning_in_line_100_shows_the_line_number(run: Any, store: Store, tmp_path: Path) -> None:
    warned = PIPELINE.replace("  trigger: {key: ready, check: exists}\n", "").replace("sla: {maxDuration: 1h}\n", "")
    line = warned[: warned.index("schedule")].count("\n") + 1
    (tmp_path / "b.yaml").write_text("\n" * (100 - line) + warned)
    done = run("push", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert f"warning: {tmp_path}/b.yaml:100: schedule: has neither cron nor trigger" in done.stdout


def test_unreadable_path_prevents_all_writes(run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PIPELINE)
    (tmp_path / "b.yaml").write_text(PIPELINE.replace("bronze", "b").replace("gte", "greater"))
    done = run("push", str(tmp_path), str(tmp_path / "nowhere"))
    assert done.exit_code == 2
    assert store.pipelines() == []
    first, second, last = done.stderr.splitlines()
    assert first == f"error: {tmp_path}/nowhere: no such file or folder"
    assert second.startswith(f"error: {tmp_path}/b.yaml:")
    assert last == "2 errors in 2 files; nothing was written"


def test_broken_link_prevents_all_writes(run: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PIPELINE)
    (tmp_path / "team").symlink_to("gone")
    done = run("push", str(tmp_path))
    assert done.exit_code == 2
    assert store.pipelines() == []
    assert f"error: {tmp_path}/team: is a broken link\n" in done.stderr


def test_empty_path_pushes_no_file_of_the_current_folder(
    run: Any, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    done = run("push", "")
    assert done.exit_code == 2
    assert store.pipelines() == []
    assert done.stderr.startswith("error: '': is not a path; is a variable of the shell unset?\n")


@pytest.mark.parametrize("name", ["a\\[/x]", "a\\[red]", ":100:", "[bold]"])
def test_error_shows_the_argument_unchanged(run: Any, store: Store, name: str) -> None:
    done = run("status", name)
    said = f"error: there is no pipeline {name!r} in 'local', which has no pipelines\n"
    assert (done.exit_code, done.stderr) == (2, said)


def test_error_escapes_control_characters(run: Any, store: Store) -> None:
    done = run("sensor", "put", "bronze", "ready", "\x1b[31mcount=many")
    assert done.exit_code == 2
    assert done.stderr.startswith(r"error: \u001b[31mcount=many: 'many' is not JSON")


def test_missing_path_is_an_error(run: Any, tmp_path: Path) -> None:
    done = run("push", str(tmp_path / "nowhere"))
    assert done.exit_code == 2
    assert "no such file or folder" in done.output


def test_a_sensor_is_written_as_an_external_process_would(run: Any, bronze: Store) -> None:
    done = run("sensor", "put", "bronze", "ready#2026-03-03", "count=120", "ratio=0.5", "ok=true", 'date="2026-03-03"')
    assert done.exit_code == 0, done.output
    assert done.output == "written bronze SENSOR#ready#2026-03-03\n"
    fields = dict(bronze.all_sensors("bronze")["ready#2026-03-03"])
    written_at = datetime.fromisoformat(str(fields.pop("updatedAt")))
    assert timedelta() <= datetime.now(UTC) - written_at < timedelta(minutes=1)
    assert {name: str(value) for name, value in fields.items()} == {
        "count": "120",
        "ratio": "0.5",
        "ok": "True",
        "date": "2026-03-03",
    }


def test_repeated_reading_differs_by_its_time(run: Any, bronze: Store) -> None:
    times = set()
    for _ in range(2):
        assert run("sensor", "put", "bronze", "ready", "count=120").output == "written bronze SENSOR#ready\n"
        times.add(bronze.all_sensors("bronze")["ready"]["updatedAt"])
    assert len(times) == 2


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (("count=120", "--no-timestamp"), {"count": 120}),
        (("count=120", 'updatedAt="2026-03-03T07:00:00Z"'), {"count": 120, "updatedAt": "2026-03-03T07:00:00Z"}),
        (("count=120", "updatedAt=null"), {"count": 120, "updatedAt": None}),
    ],
)
def test_reading_without_a_change_is_unchanged(
    run: Any, bronze: Store, arguments: tuple[str, ...], fields: dict[str, Any]
) -> None:
    first, again, as_json = (
        run("sensor", "put", "bronze", "ready", *arguments, *more) for more in ((), (), ("--json",))
    )
    assert first.output == "written bronze SENSOR#ready\n"
    head, why = again.output.splitlines()
    assert head == "unchanged bronze SENSOR#ready"
    assert "makes no stream record of a write that changes nothing, so the write starts nothing" in why
    assert json.loads(as_json.output) == {"pipeline": "bronze", "key": "ready", "data": fields, "result": "unchanged"}
    assert {first.exit_code, again.exit_code, as_json.exit_code} == {0}
    assert bronze.all_sensors("bronze") == {"ready": fields}
    other = run("sensor", "put", "bronze", "ready", "count=121", "--json")
    assert json.loads(other.output)["result"] == "written"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bronze", "ready", "count=many"), "'many' is not JSON"),
        (("bronze", "ready", "count=NaN"), "'NaN' is not JSON"),
        (("bronze", "ready", "count"), "'count' is not FIELD=VALUE"),
        (("bronze", "ready", "a=x", "b=y"), "'y' is not JSON"),
        (("bronze", "ready", "count=1e400"), "too large or too exact"),
        (("bronze", "ready", "count=" + "9" * 45), "too large or too exact"),
        (("silver", "ready", "count=1"), "there is no pipeline 'silver' in 'local'; known: bronze"),
        (("bronze", "first-sensor-arrival", "count=1"), "written by Interlock itself"),
        (("bronze", "", "count=1"), "empty"),
    ],
)
def test_invalid_sensor_is_rejected_and_not_written(
    run: Any, bronze: Store, arguments: tuple[str, ...], said: str
) -> None:
    done = run("sensor", "put", *arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert bronze.all_sensors("bronze") == {}


def open_held_run(store: Store) -> RunKey:
    key = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
    now = datetime.now(UTC)
    start = open_run(key, decided_at=now, execution_timeout=timedelta(hours=4), arrived_at=now)
    store.commit(start)
    marked = decide_started(start.run, start.run.run_token, now=now, execution_timeout=timedelta(hours=4))
    store.commit(marked)  # type: ignore[arg-type]
    return key


def test_status_shows_the_reason_and_the_time_left(run: Any, bronze: Store) -> None:
    open_held_run(bronze)
    bronze.put_sensor("bronze", "ready", {"count": 40})
    done = run("status", "bronze")
    assert done.exit_code == 0, done.output
    assert "held" in done.output
    assert "40" in done.output
    assert "100" in done.output
    assert "59m" in done.output or "1h00m" in done.output
    assert "relative" in done.output


def test_status_as_json(run: Any, bronze: Store) -> None:
    open_held_run(bronze)
    (shown,) = json.loads(run("status", "--json").stdout)
    assert shown["pipeline"] == "bronze"
    assert shown["runs"][0]["progress"] == "held"
    assert shown["runs"][0]["sla"][0]["verdict"] == "open"


def test_status_of_an_unknown_pipeline(run: Any, bronze: Store) -> None:
    done = run("status", "gold")
    assert done.exit_code == 2
    assert "there is no pipeline 'gold' in 'local'" in done.output


def test_unreadable_config_does_not_hide_other_pipelines(run: Any, bronze: Store) -> None:
    client = bronze._tables._client  # type: ignore[attr-defined]
    client.update_item(
        TableName=NAMES.control,
        Key={"PK": {"S": "PIPELINE#broken"}, "SK": {"S": "CONFIG"}},
        UpdateExpression="SET config = :c, GSI1PK = :p, GSI1SK = :i",
        ExpressionAttributeValues={":c": {"S": "{}"}, ":p": {"S": "CONFIG"}, ":i": {"S": "broken"}},
    )
    done = run("status")
    assert done.exit_code == 0
    assert "config invalid" in done.output
    assert "bronze" in done.output


def put_event(store: Store, number: int, kind: str = "JOB_FAILED") -> None:
    stamp = 1_772_539_200_000 + number
    store._tables._client.put_item(  # type: ignore[attr-defined]
        TableName=NAMES.events,
        Item={
            "PK": {"S": "PIPELINE#bronze"},
            "SK": {"S": f"{stamp}#{kind}#id{number}"},
            "eventType": {"S": kind},
            "pipelineId": {"S": "bronze"},
            "date": {"S": "2026-03-03"},
            "message": {"S": f"message {number}"},
            "timestamp": {"N": str(stamp)},
            "detail": {"S": "{}"},
        },
    )


def test_events_are_printed_oldest_first_in_utc(run: Any, bronze: Store) -> None:
    for number in range(5):
        put_event(bronze, number)
    done = run("events", "--last", "3")
    lines = done.output.strip().splitlines()
    assert [line.split()[-1] for line in lines] == ["2", "3", "4"]
    assert lines[0].startswith("2026-03-03 12:00:00Z JOB_FAILED")


def test_events_of_an_unknown_pipeline(run: Any, bronze: Store) -> None:
    done = run("events", "gold")
    assert done.exit_code == 2
    assert "there is no pipeline 'gold' in 'local'" in done.output


def test_events_as_json_lines(run: Any, bronze: Store) -> None:
    put_event(bronze, 1)
    line = json.loads(run("events", "--json").stdout)
    assert (line["eventType"], line["timestamp"], line["detail"]) == ("JOB_FAILED", 1_772_539_200_001, {})


def test_a_rerun_request_is_written(run: Any, bronze: Store) -> None:
    done = run("rerun", "bronze", "2026-03-03", "--reason", "fixed", "--note", "see ticket")
    assert done.exit_code == 0, done.output
    standing = bronze.standing_request(RunKey("bronze", "stream", parse_execution_date("2026-03-03")))
    assert standing is not None
    assert standing.waits


@pytest.mark.parametrize(("options", "abandons"), [((), False), (("--abandon-previous",), True)])
def test_rerun_request_abandons_the_previous_job_only_if_asked(
    run: Any, bronze: Store, options: tuple[str, ...], abandons: bool
) -> None:
    assert run("rerun", "bronze", "2026-03-03", *options).exit_code == 0
    row = bronze._tables.get(bronze.names.control, "PIPELINE#bronze", "RERUN_REQUEST#stream#2026-03-03")
    assert row is not None
    assert read_rerun_request(row, datetime.now(UTC)).abandon_previous is abandons
    assert row.get("abandonPrevious", False) is abandons


@pytest.mark.parametrize(("date", "said"), [("tomorrow", "tomorrow"), ("2026-02-30", "2026-02-30")])
def test_rerun_of_an_invalid_date_is_rejected(run: Any, bronze: Store, date: str, said: str) -> None:
    done = run("rerun", "bronze", date)
    assert done.exit_code == 2
    assert said in done.output


def test_reserved_rerun_reason_is_rejected(run: Any, bronze: Store) -> None:
    done = run("rerun", "bronze", "2026-03-03", "--reason", "job-fail-retry")
    assert done.exit_code != 0
    assert "give another reason" in " ".join(done.output.split())
    assert bronze.standing_request(RunKey("bronze", "stream", parse_execution_date("2026-03-03"))) is None


CRON_PIPELINE = """
pipeline: {id: nightly}
schedule: {cron: "0 0 * * *", calendar: us}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bronze.yaml").write_text(PIPELINE)
    (tmp_path / "nightly.yaml").write_text(CRON_PIPELINE)
    (tmp_path / "us.yaml").write_text("name: us\ndates: ['2020-07-04']\n")
    return tmp_path


def test_files_are_compared_with_the_rows_of_a_deployment(run: Any, store: Store, files: Path) -> None:
    store.put_sensor("nightly", "ready", {"date": "2001-01-01"})
    store.put_sensor("bronze", "ready#20260230", {})
    assert "0 warnings" in run("validate", str(files)).output
    done = run("validate", str(files), "--environment", "local")
    first, second, summary = done.output.splitlines()
    assert done.exit_code == 0
    said = r"validation\.rules\[0\]: a run of \d{4}-\d\d-\d\d would be held: ready is of 2001-01-01"
    assert re.fullmatch(rf"warning: .*nightly\.yaml: {said} \(environment local, SENSOR#ready\)", first)
    unreadable = "its key is '20260230', which is not a day or hour from 1900 to 9998"
    said = f"schedule.trigger: row ready#20260230 opens no run: {unreadable}"
    assert second.endswith(f"bronze.yaml: {said} (environment local, SENSOR#ready#20260230)")
    assert summary == "3 files: 0 errors, 2 warnings"
    assert run("validate", str(files), "--environment", "local", "--strict").exit_code == 2
    store.put_sensor("nightly", "ready", {"count": 1})
    assert "1 warning" in run("validate", str(files), "--environment", "local").output


def test_moved_deadline_is_a_warning_until_it_is_in_effect(run: Any, store: Store, tmp_path: Path) -> None:
    text = PIPELINE.replace("schedule:", "schedule:\n  exclude: {weekends: true}", 1).replace(
        "maxDuration: 1h", "deadline: '10:00'"
    )
    text = text.replace("id: bronze", "id: moving")
    (tmp_path / "moving.yaml").write_text(text)
    arguments = ("validate", str(tmp_path), "--environment", "local")
    assert "moves from" not in run(*arguments).output
    store.put_config(decode_yaml(text))
    instant = r"\d{4}-\d\d-\d\dT\d\d:00:00Z"
    said = rf"the deadline of \d{{4}}-\d\d-\d\d moves from {instant} to {instant}, over excluded days"
    assert re.search(rf'sla\.deadline = "10:00": {said} \(environment local\)\n', run(*arguments).output)
    store.note_config("moving", datetime.now(UTC))
    assert "moves from" not in run(*arguments).output


def test_a_pipeline_whose_calendar_is_missing_is_not_compared(run: Any, store: Store, files: Path) -> None:
    store.put_sensor("nightly", "ready", {"date": "2001-01-01"})
    done = run("validate", str(files / "nightly.yaml"), "--environment", "local")
    assert done.exit_code == 2
    assert "1 error, 0 warnings" in done.output


def test_validate_reports_a_missing_deployment(run: Any, store: Store, files: Path) -> None:
    done = run("validate", str(files), "--environment", "prod")
    assert done.exit_code == 2
    assert "there is no deployment called 'prod'" in done.output


@pytest.mark.parametrize("command", [("status",), ("events",), ("sensor", "put", "p", "k", "a=1")])
def test_missing_local_stack_is_reported(run: Any, command: tuple[str, ...]) -> None:
    done = run(*command, at="http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "no server answers at http://127.0.0.1:9. Start the local stack with `interlock up`" in done.output


def test_missing_deployment_is_reported(run: Any, store: Store) -> None:
    done = run("status", "--environment", "prod")
    assert done.exit_code == 2
    assert "there is no deployment called 'prod'" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "command", ["push", "sensor put", "status", "events", "rerun", "migrate", "validate", "schema", "demo"]
)
def test_help_of_each_command_has_an_example(run: Any, command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert "Example" in done.output
    assert f"interlock {command}" in done.output
