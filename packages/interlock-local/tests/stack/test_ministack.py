"""The server as a child process: it answers, keeps its state, and leaves no process. Needs ministack."""

import fcntl
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
import pytest
from botocore.config import Config

from interlock_local import LocalStackError
from interlock_local.stack._ministack import Ministack

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def client(server: Ministack, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=server.key.access_key,
        aws_secret_access_key=server.key.secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def eventually(condition: Callable[[], bool], timeout: float = 300.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def living(marker: str) -> list[int]:
    """The processes, except zombies, with this text in their arguments or environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            text = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
        except OSError:
            continue
        if state != "Z" and marker.encode() in text and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def is_unlocked(data_dir: Path) -> bool:
    """Whether no process has the lock. An ending process loses its environment before it closes its files."""
    with (data_dir / "lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def server_process(server: Ministack) -> int:
    (pid,) = [
        pid
        for pid in living(f"GATEWAY_PORT={server.port}")
        if b"-I" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]
    return pid


def deploy(server: Ministack, code: str) -> Any:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", code)
    functions = client(server, "lambda")
    functions.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/probe",
        Handler="main.handle",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
    )
    return functions


def test_server_answers_on_loopback_only_and_ends_completely() -> None:
    with Ministack() as server:
        assert client(server, "dynamodb").list_tables()["TableNames"] == []
        with pytest.raises(OSError, match=r"Connection refused|unreachable|assign"):
            socket.create_connection(("127.0.0.2", server.port), timeout=2)
        home, port = server.home, server.port
    assert living(f"GATEWAY_PORT={port}") == []
    assert not home.exists()
    assert server.failure is None


def test_state_and_port_survive_an_orderly_stop(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Ministack(data_dir=data) as first:
        client(first, "sqs").create_queue(QueueName="alerts")
        port = first.port
    with Ministack(data_dir=data) as second:
        assert second.port == port
        assert client(second, "sqs").get_queue_url(QueueName="alerts")["QueueUrl"].endswith("/alerts")
    assert not (data / "tmp").exists()


def test_port_in_use_is_an_error_and_starts_no_process() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalStackError, match=rf"^Port {port} is in use"):
            Ministack(port=port).start()
    assert living(f"GATEWAY_PORT={port}") == []


def test_the_wanted_port_is_used() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Ministack(port=port) as server:
        assert server.endpoint_url == f"http://127.0.0.1:{port}"


def test_data_directory_has_one_stack_at_a_time(tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path), pytest.raises(LocalStackError, match="in use by another local stack"):
        Ministack(data_dir=tmp_path).start()
    with Ministack(data_dir=tmp_path):
        pass


def test_data_directory_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalStackError, match="cannot be used"):
        Ministack(data_dir=tmp_path / "file" / "data").start()


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack", None)
    with pytest.raises(LocalStackError, match=r"pip install interlock-local"):
        Ministack().start()


def test_server_that_cannot_start_reports_the_reason() -> None:
    with pytest.raises(LocalStackError, match=r"did not start.*not-a-number"):
        Ministack(settings={"GATEWAY_PORT": "not-a-number"}).start()


def test_a_server_that_does_not_answer_in_time_is_ended() -> None:
    server = Ministack(settings={"GATEWAY_PORT": "0", "MARK": "silent-server"}, ready_timeout=0.5)
    with pytest.raises(LocalStackError, match=r"did not answer within 0\.5 s"):
        server.start()
    assert living("MARK=silent-server") == []


def test_interrupt_during_the_start_leaves_no_process() -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            Ministack(settings={"GATEWAY_PORT": "0", "MARK": "interrupted-server"}).start()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert living("MARK=interrupted-server") == []


def test_failure_of_a_dead_server_names_its_log(tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path / "data", settings={"MARK": "dying-server"}) as server:
        os.kill(server_process(server), signal.SIGKILL)
        assert server.wait(300)
        assert server.failure is not None
        assert "ended by itself (exit code 137, killed by signal 9)" in server.failure
        assert str(server.log_path) in server.failure
        assert "Running on" not in server.failure
    assert living("MARK=dying-server") == []


def test_the_workers_of_a_dead_guard_are_ended_too() -> None:
    with Ministack(settings={"MARK": "guardless-server"}) as server:
        deploy(server, "def handle(event, context): return 1").invoke(FunctionName="probe")
        (guard,) = set(living("MARK=guardless-server")) & set(living("_guard.py"))
        os.kill(guard, signal.SIGKILL)
        assert server.wait(300)
        assert eventually(lambda: living("MARK=guardless-server") == [])


def test_stop_ends_processes_of_functions_in_other_sessions() -> None:
    code = (
        "import subprocess, time\n"
        "def handle(event, context):\n"
        "    subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "    return 1\n"
    )
    with Ministack(settings={"MARK": "busy-server"}) as server:
        functions = deploy(server, code)
        assert json.loads(functions.invoke(FunctionName="probe")["Payload"].read()) == 1
        # The guard, the server, the worker of the function, and the process that the function started.
        assert len(living("MARK=busy-server")) == 4
    assert living("MARK=busy-server") == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_no_process_outlives_an_owner_that_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    mark = f"owner-{number.name}"
    script = (
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        # A shell that runs the tests in the background lets them and their children ignore interrupts.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from interlock_local.stack._ministack import Ministack\n"
        f"with Ministack(data_dir=Path(sys.argv[1]), settings={{'MARK': '{mark}'}}) as server:\n"
        "    print(server.port, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().strip().isdigit()
        owner.send_signal(number)
        owner.wait()
    assert eventually(lambda: living(f"MARK={mark}") == [])
    assert eventually(lambda: is_unlocked(tmp_path))
    orderly = "shutting down" in (tmp_path / "ministack.log").read_text()
    assert orderly == (number == signal.SIGINT), "after a kill there is nothing to wait for"
    with Ministack(data_dir=tmp_path):
        pass


def test_functions_get_no_variable_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
    monkeypatch.setenv("DATABASE_PASSWORD", "another")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    with Ministack() as server:
        code = "import os\ndef handle(event, context): return dict(os.environ)"
        seen = json.loads(deploy(server, code).invoke(FunctionName="probe")["Payload"].read())
        assert seen["AWS_ENDPOINT_URL"] == server.endpoint_url
        assert seen["AWS_REGION"] == "us-east-1"
        assert seen["TMPDIR"] == str(server.home / "tmp")
        assert not {"DATABASE_PASSWORD", "HTTPS_PROXY"} & seen.keys()
        assert "a-real-secret" not in seen.values()


def test_settings_reach_the_running_server() -> None:
    with Ministack() as server:
        server.configure({"stepfunctions._SFN_WAIT_SCALE": 0})
        with pytest.raises(LocalStackError, match="did not accept the setting"):
            server.configure({"no.such.setting": 1})
