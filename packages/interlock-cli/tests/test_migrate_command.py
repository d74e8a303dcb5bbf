"""interlock migrate, called as from a shell: listed, applied, interrupted and continued."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto.server import ThreadedMotoServer

from interlock_cli import main
from interlock_cli._deployment._deployment import Deployment
from interlock_cli._rows._migrate import Tally, work_through
from interlock_config import decode_yaml, encode_json
from interlock_store import (
    DynamoTables,
    MigrationPage,
    Position,
    Store,
    TableBusy,
    TableNames,
)

NAMES = TableNames.of_environment("old")
PIPELINE = """
pipeline: {id: bronze}
schedule: {trigger: {key: ready, check: exists}, exclude: {holidays: us}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
CALENDAR = "name: us\ndates: ['2026-07-04']\n"
RUN = {
    "PK": {"S": "PIPELINE#bronze"},
    "SK": {"S": "TRIGGER#stream#2026-03-03"},
    "status": {"S": "RUNNING"},
    "ttl": {"N": "1772560000"},
}
BROKEN = {"PK": {"S": "PIPELINE#broken"}, "SK": {"S": "CONFIG"}, "config": {"S": "[not json]"}}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    made = boto3.client("dynamodb", endpoint_url=endpoint, region_name="us-east-1", **keys)
    parts = ("PK", "SK", "GSI1PK", "GSI1SK")
    made.create_table(
        TableName=NAMES.control,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in parts],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "GSI1",
                "KeySchema": [
                    {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                    {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    yield made
    made.delete_table(TableName=NAMES.control)


@pytest.fixture
def store(client: Any) -> Store:
    """An older deployment with one pipeline whose calendar is missing, one run under way, one request."""
    config = {"PK": RUN["PK"], "SK": {"S": "CONFIG"}, "config": {"S": encode_json(decode_yaml(PIPELINE, "x.yaml"))}}
    request = {"PK": RUN["PK"], "SK": {"S": "RERUN_REQUEST#stream#2026-03-01"}}
    for row in (config, RUN, request):
        client.put_item(TableName=NAMES.control, Item=row)
    return Store(DynamoTables(client), NAMES)


@pytest.fixture
def calendars(tmp_path: Path) -> Path:
    folder = tmp_path / "calendars"
    folder.mkdir()
    (folder / "us.yaml").write_text(CALENDAR)
    return folder


@pytest.fixture
def run(endpoint: str) -> Any:
    def invoke(*arguments: str) -> Result:
        environment = {"AWS_ENDPOINT_URL": endpoint, "NO_COLOR": "1", "COLUMNS": "200", "INTERLOCK_ENVIRONMENT": "old"}
        return CliRunner().invoke(main, ["migrate", *arguments], env=environment)

    return invoke


def test_without_apply_changes_are_listed_and_not_written(run: Any, store: Store, calendars: Path) -> None:
    done = run("--calendars", str(calendars))
    assert done.exit_code == 0, done.output
    assert "indexed, first seen now" in done.output
    assert "PIPELINE#bronze / TRIGGER#stream#2026-03-03" in done.output
    assert "its lease ends at 2026-03-03T17:46:40Z" in done.output
    for line in (
        "3 rows of old-interlock-control read",
        "1 config to be indexed",
        "1 running run to be given a lease",
        "1 calendar to be written",
        "0 problems",
        "1 rerun request without an answer kept",
        "nothing was written; use --apply to write the changes",
    ):
        assert line in done.output
    assert (store.pipelines(), store.running()) == ([], [])
    assert store.config("bronze").config is None


def test_older_dates_are_counted_and_not_listed(run: Any, store: Store, client: Any, calendars: Path) -> None:
    closed = {**RUN, "SK": {"S": "TRIGGER#stream#2026-03-02"}, "status": {"S": "COMPLETED"}}
    client.put_item(TableName=NAMES.control, Item=closed)
    done = run("--calendars", str(calendars))
    assert "1 date to be indexed by its day" in done.output
    assert "TRIGGER#stream#2026-03-02" not in done.output


def test_apply_writes_the_changes_once(run: Any, store: Store, calendars: Path) -> None:
    done = run("--calendars", str(calendars), "--apply")
    assert done.exit_code == 0, done.output
    assert "1 config indexed" in done.output
    assert "--apply" not in done.output
    assert store.pipelines() == ["bronze"]
    assert len(store.running()) == 1
    assert store.config("bronze").config is not None
    again = run("--calendars", str(calendars), "--apply")
    assert again.exit_code == 0
    for line in ("0 configs indexed", "0 running runs given a lease", "0 calendars written"):
        assert line in again.output


def test_problems_are_listed_and_exit_with_one(run: Any, store: Store, client: Any) -> None:
    client.put_item(TableName=NAMES.control, Item=BROKEN)
    done = run("--apply")
    assert done.exit_code == 1
    assert "problem: PIPELINE#bronze / CONFIG: the config names calendars without a row: us" in done.output
    assert "problem: PIPELINE#broken / CONFIG: config of broken" in done.output
    assert sorted(store.pipelines()) == ["broken", "bronze"]


def test_as_json(run: Any, store: Store) -> None:
    done = run("--json")
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert {name: answer[name] for name in ("environment", "applied", "rowsRead", "rerunRequestsLeft", "stopped")} == {
        "environment": "old",
        "applied": False,
        "rowsRead": 3,
        "rerunRequestsLeft": 1,
        "stopped": None,
    }
    assert answer["counts"] == {"index-config": 1, "adopt-run": 1, "index-day": 0, "write-calendar": 0}
    assert {change["sk"] for change in answer["changes"]} == {"CONFIG", "TRIGGER#stream#2026-03-03"}
    assert [problem["pk"] for problem in answer["problems"]] == ["PIPELINE#bronze"]


NIGHTLY = """
pipeline: {id: nightly}
schedule: {cron: "0 0 * * *"}
validation: {rules: [{key: ready, check: exists, field: count}]}
job: {type: command, config: {command: "true"}}
"""
ANYTIME = """
pipeline: {id: anytime}
schedule: {trigger: {key: ready, check: exists}}
sla: {deadline: "10:00"}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


def test_notices_are_listed_and_keep_the_exit_code(run: Any, store: Store, calendars: Path) -> None:
    for text in (ANYTIME, NIGHTLY):
        store.put_config(decode_yaml(text, "x.yaml"))
    store.put_sensor("nightly", "ready", {"date": "2001-01-01"})
    store.put_sensor("anytime", "ready", {"date": "tomorrow"})
    done = run("--calendars", str(calendars))
    assert done.exit_code == 0, done.output
    noticed = [line for line in done.output.splitlines() if line.startswith(("held:", "meaning:"))]
    held_by_cron, held, meaning_of_cron, meaning = noticed
    assert re.fullmatch(
        r"held: nightly \(cron\): validation\.rules\[0\]: a run of 20\d\d-\d\d-\d\d would be held: "
        r"ready is of 2001-01-01 \[SENSOR#ready\]",
        held_by_cron,
    )
    assert held.startswith("held: anytime: schedule.trigger: row ready opens no run: its date is 'tomorrow',")
    assert held.endswith("[SENSOR#ready]")
    assert meaning_of_cron.startswith('meaning: nightly (cron): validation.rules[0].field = "count": exists asks for')
    assert meaning.startswith('meaning: anytime: sla.deadline = "10:00": is on the day after the execution date')
    assert "2 pipelines would be held by the dates of their rows: write a row per period" in done.output
    notices = json.loads(run("--calendars", str(calendars), "--json").stdout)["notices"]
    assert [(one["kind"], one["pk"], one["path"], one["rows"], one["has_cron"]) for one in notices] == [
        ("held", "PIPELINE#nightly", "validation.rules[0]", ["ready"], True),
        ("held", "PIPELINE#anytime", "schedule.trigger", ["ready"], False),
        ("meaning", "PIPELINE#nightly", "validation.rules[0].field", [], True),
        ("meaning", "PIPELINE#anytime", "sla.deadline", [], False),
    ]


def test_deadlines_that_excluded_days_move_are_listed(run: Any, store: Store, calendars: Path) -> None:
    trigger = "check: exists, deadline: '06:00'}, exclude: {weekends: true}}"
    store.put_config(decode_yaml(ANYTIME.replace("check: exists}}", trigger, 1), "x.yaml"))
    done = run("--calendars", str(calendars))
    moved = [line for line in done.output.splitlines() if line.startswith("moved:")]
    for line, path in zip(moved, (r"sla\.deadline", r"schedule\.trigger\.deadline"), strict=True):
        assert re.match(rf"moved: anytime: {path}: the deadline of 20\d\d-\d\d-\d\d moves from ", line)


def test_lease_of_a_run_without_expiry_follows_the_timeout(run: Any, store: Store, client: Any) -> None:
    client.put_item(TableName=NAMES.control, Item={name: RUN[name] for name in ("PK", "SK", "status")})
    ends = [json.loads(run("--json", "--execution-timeout", text).stdout)["changes"] for text in ("1h", "24h")]
    (short, long) = (next(one["says"] for one in changes if one["action"] == "adopt-run") for changes in ends)
    assert short < long


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "here"), "--from: 'here' is not a position"),
        (("--from", '["a"]'), "is not a position"),
        (("--execution-timeout", "soon"), "--execution-timeout: "),
        (("--execution-timeout", "0s"), "is not between 1s and 8760h"),
        (("--execution-timeout", "9000h"), "is not between 1s and 8760h"),
        (("--calendars", "nowhere"), "no such file or folder"),
        (("--environment", "prod"), "there is no deployment called 'prod'"),
        (("bronze",), "unexpected extra argument"),
    ],
)
def test_invalid_usage_is_an_error_and_writes_nothing(
    run: Any, store: Store, arguments: tuple[str, ...], said: str
) -> None:
    done = run("--apply", *arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert (store.pipelines(), store.running()) == ([], [])


def test_absent_server_writes_nothing(run: Any, store: Store) -> None:
    done = run("--apply", "--endpoint-url", "http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "no server answers at http://127.0.0.1:9" in done.output
    assert (store.pipelines(), store.running()) == ([], [])


@pytest.mark.parametrize(("text", "said"), [(PIPELINE, "is a pipeline, not a calendar"), ("name: [", "error")])
def test_file_other_than_a_calendar_is_rejected_before_any_read(
    run: Any, store: Store, calendars: Path, text: str, said: str
) -> None:
    (calendars / "x.yaml").write_text(text)
    done = run("--apply", "--calendars", str(calendars))
    assert done.exit_code == 2
    assert said in done.output
    assert store.pipelines() == []


def test_calendar_error_in_line_100_shows_the_line_number(run: Any, store: Store, calendars: Path) -> None:
    (calendars / "us.yaml").write_text("\n" * 98 + CALENDAR.replace("2026-07-04", "2026-07-32"))
    done = run("--calendars", str(calendars))
    assert done.exit_code == 2
    assert f"error: {calendars}/us.yaml:100: dates[0]" in done.stderr


def test_empty_path_migrates_no_calendar_of_current_folder(
    run: Any, store: Store, calendars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(calendars)
    done = run("--apply", "--calendars", "")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: '': is not a path; is a variable of the shell unset?\n")
    assert store.pipelines() == []


def test_unreadable_calendar_prevents_all_writes(run: Any, store: Store, calendars: Path) -> None:
    (calendars / "de.yaml").symlink_to("gone.yaml")
    done = run("--apply", "--calendars", str(calendars))
    assert done.exit_code == 2
    assert f"error: {calendars}/de.yaml: is a broken link\n" in done.stderr
    assert store.pipelines() == []


def pages(*ends: BaseException) -> Iterator[MigrationPage]:
    for number in range(1, 4):
        yield MigrationPage(Position("PIPELINE#a", str(number)), looked_at=1000)
    for end in ends:
        raise end


def test_progress_is_printed_from_time_to_time() -> None:
    said: list[str] = []
    ticks = iter([0.0, 1.0, 2.0, 2.0, 3.0])
    work_through(Tally(), pages(), Deployment("old", None), said.append, lambda: next(ticks))
    assert said == ["2,000 rows read, 0 to change, 0 problems"]


@pytest.mark.parametrize(
    ("end", "stopped", "code"),
    [(KeyboardInterrupt(), "interrupted", 130), (TableBusy("the table was busy"), "the table was busy", 1)],
)
def test_early_end_keeps_the_sums_so_far(end: BaseException, stopped: str, code: int) -> None:
    tally = Tally()
    work_through(tally, pages(end), Deployment("old", None), lambda line: None)
    assert (tally.stopped, tally.code, tally.looked_at) == (stopped, code, 3000)
    assert tally.position == Position("PIPELINE#a", "3")


class Dynamo(ThreadingHTTPServer):
    """A DynamoDB whose table has one page, followed by the answer that a test sets."""

    daemon_threads = True

    def __init__(self, second: tuple[int, dict[str, Any]] | None) -> None:
        super().__init__(("127.0.0.1", 0), _Scan)
        self.second = second
        self.asked: list[dict[str, Any]] = []
        self.waits, self.ended = threading.Event(), threading.Event()


class _Scan(BaseHTTPRequestHandler):
    server: Dynamo

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Amz-Target"].endswith(".DescribeTable"):
            self._answer(200, {"Table": {"TableName": asked["TableName"]}})
            return
        self.server.asked.append(asked)
        if "ExclusiveStartKey" not in asked:
            last = {"PK": {"S": "PIPELINE#it's"}, "SK": {"S": "CONFIG"}}
            self._answer(200, {"Items": [BROKEN], "ScannedCount": 7, "LastEvaluatedKey": last})
        elif self.server.second is not None:
            self._answer(*self.server.second)
        else:
            self.server.waits.set()
            self.server.ended.wait(30)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the base names it so)
        """Log nothing."""


@pytest.fixture
def dynamo(request: pytest.FixtureRequest) -> Iterator[Dynamo]:
    server = Dynamo(request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


# SIGINT has its default effect in the command, also if a shell started the tests in the background and ignores it.
INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('interlock_cli', run_name='__main__', alter_sys=True)"
)


def command(server: Dynamo, *arguments: str) -> subprocess.Popen[str]:
    words = ["migrate", "-e", "old", *arguments, "--endpoint-url", f"http://127.0.0.1:{server.server_port}"]
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        | {"NO_COLOR": "1", "COLUMNS": "200"},
    )


@pytest.mark.parametrize("dynamo", [None], indirect=True)
def test_interruption_prints_how_to_continue(dynamo: Dynamo) -> None:
    process = command(dynamo)
    waits = dynamo.waits.wait(300)
    process.send_signal(signal.SIGINT)
    assert waits
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert "stopped: interrupted; continue with:" in output
    url = f"http://127.0.0.1:{dynamo.server_port}"
    again = output.strip().splitlines()[-1].strip()
    assert again.startswith(f"interlock migrate --environment old --endpoint-url {url} --from ")
    assert "1 problem\n" in output
    position = subprocess.run(
        ["sh", "-c", f"printf %s {again.partition('--from ')[2]}"], capture_output=True, text=True
    )
    assert json.loads(position.stdout) == ["PIPELINE#it's", "CONFIG"]


@pytest.mark.parametrize(
    "dynamo", [(400, {"__type": "x#AccessDeniedException", "message": "no longer"})], indirect=True
)
def test_failure_in_the_middle_prints_how_to_continue(dynamo: Dynamo) -> None:
    process = command(dynamo, "--json")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 1, errors
    answer = json.loads(output)
    assert "no longer" in answer["stopped"]
    assert answer["rowsRead"] == 7
    assert json.loads(answer["position"]) == ["PIPELINE#it's", "CONFIG"]
    assert answer["goOnWith"].startswith("interlock migrate ")


@pytest.mark.parametrize("dynamo", [(200, {"Items": [], "ScannedCount": 5})], indirect=True)
def test_only_the_rest_after_a_position_is_read(dynamo: Dynamo) -> None:
    process = command(dynamo, "--from", '["PIPELINE#a", "CONFIG"]')
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "5 rows of old-interlock-control read" in output
    (asked,) = dynamo.asked
    assert asked["ExclusiveStartKey"] == {"PK": {"S": "PIPELINE#a"}, "SK": {"S": "CONFIG"}}
    assert asked["ConsistentRead"] is True
