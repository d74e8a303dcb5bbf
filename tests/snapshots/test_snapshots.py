"""Two environments that AWS restores from one snapshot share nothing that must be their own, and both answer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from deadlines.surroundings import ACCOUNT, NAMES, REGION, answering_tables

from interlock_store import to_wire

PLAY = Path(__file__).with_name("play.py")
OFFERED = ("orchestrator", "sla-monitor", "stream-router")
RUN = {"pipelineId": "bronze", "scheduleId": "stream", "date": "2026-03-03"}
PING = {"__ping__": True}
SENSOR = {"PK": "PIPELINE#bronze", "SK": "SENSOR#ready"}
RECORD = {
    "eventID": "e1",
    "eventName": "INSERT",
    "eventSource": "aws:dynamodb",
    "dynamodb": {
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": 1_772_539_200,
        "Keys": to_wire(SENSOR),
        "NewImage": to_wire({**SENSOR, "data": {"date": "2026-03-03"}}),
    },
}
EVENTS: dict[str, Any] = {
    "orchestrator": {
        "mode": "evaluate",
        **RUN,
        "runToken": "t1",
        "startedAt": "2026-03-03T12:00:00Z",
        "config": {
            "evaluationIntervalSeconds": 300,
            "evaluationWindowSeconds": 3600,
            "jobCheckIntervalSeconds": 60,
            "jobPollWindowSeconds": 3600,
        },
    },
    "sla-monitor": {"mode": "calculate", **RUN, "deadline": "08:00", "expectedDuration": "30m"},
    "stream-router": {"Records": [RECORD]},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "orchestrator": {"status": "superseded"},
    "sla-monitor": {"warningAt": "2026-03-04T07:30:00+00:00", "breachAt": "2026-03-04T08:00:00+00:00"},
    "stream-router": {"batchItemFailures": []},
}


class Credentials(BaseHTTPRequestHandler):
    """The address at which AWS gives a restored function its credentials."""

    def do_GET(self) -> None:
        """Answer with temporary credentials."""
        if self.headers["Authorization"] != "of-the-function":
            self.send_error(401)
            return
        body = {
            "AccessKeyId": "AK",
            "SecretAccessKey": "s",
            "Token": "t",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def credentials() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/credentials"
        server.shutdown()


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The URL of an account with all that the functions use."""
    with answering_tables() as url:
        keys: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        made: Any = {
            name: boto3.client(name, endpoint_url=url, config=Config(proxies={}), **keys)
            for name in ("events", "scheduler", "stepfunctions")
        }
        made["events"].create_event_bus(Name="bus")
        made["scheduler"].create_schedule_group(Name="timers")
        definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
        role = f"arn:aws:iam::{ACCOUNT}:role/machine"
        made["stepfunctions"].create_state_machine(name="machine", definition=definition, roleArn=role)
        yield url


def _environment(aws: str, credentials: str) -> dict[str, str]:
    """The variables of a restored function. AWS sets no key and no log stream."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OTEL_"))}
    return kept | {
        "HOME": "/nowhere",
        "PYTHONPATH": str(PLAY.parents[1]),
        "NO_PROXY": "127.0.0.1",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_LAMBDA_FUNCTION_NAME": "test-interlock-function",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of-the-function",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": aws,
        "CONTROL_TABLE": NAMES.control,
        "JOBLOG_TABLE": NAMES.joblog,
        "RERUN_TABLE": NAMES.rerun,
        "EVENT_BUS_NAME": "bus",
        "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine",
        "SLA_MONITOR_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sla-monitor:live",
        "SCHEDULER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/timers",
        "SCHEDULER_GROUP_NAME": "timers",
    }


@pytest.fixture(scope="module", params=OFFERED)
def played(request: pytest.FixtureRequest, aws: str, credentials: str) -> dict[str, Any]:
    """The report of a service."""
    command = [sys.executable, str(PLAY), request.param, json.dumps([PING, EVENTS[request.param]])]
    environment = _environment(aws, credentials)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert [one.get("error") for one in found["restored"]] == [None, None], done.stderr
    return {"service": request.param, **found}


def test_a_snapshot_holds_no_connection_and_no_thread(played: dict[str, Any]) -> None:
    assert played["snapshot"] == {"acts": [], "sockets": 0, "threads": 1, "tasks": 1}


def test_restored_environments_draw_different_values(played: dict[str, Any]) -> None:
    first, second = (one["draws"] for one in played["restored"])
    assert len(first) == 7
    assert [name for name in first if first[name] == second[name]] == []


def test_each_restored_environment_answers(played: dict[str, Any]) -> None:
    for one in played["restored"]:
        ping, answer = one["answers"]
        assert ping["status"] == "healthy", ping
        assert answer.items() >= ANSWERS[played["service"]].items()


def test_each_environment_fetches_its_own_credentials(played: dict[str, Any], credentials: str) -> None:
    port = int(credentials.rpartition(":")[2].partition("/")[0])
    for one in played["restored"]:
        assert f"connect ('127.0.0.1', {port})" in one["connections"]


def test_a_restored_environment_imports_nothing(played: dict[str, Any]) -> None:
    assert [one["imported"] for one in played["restored"]] == [[], []]


def test_without_the_hook_environments_share_their_dice(played: dict[str, Any]) -> None:
    """If a library draws from the entropy of the system one day, its name leaves this set."""
    first, second = played["without_hooks"]
    shared = {name for name in first if first[name] == second[name]}
    assert shared == {"random", "delay of a retry", "dice of the triggers", "trace id", "span id"}
