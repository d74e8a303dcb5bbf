"""Commands run without a shell, with a limited environment, and leave no processes behind."""

import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from trigger_peers.server import wait_for

from interlock_triggers import (
    Attempt,
    Category,
    CheckFailed,
    Clients,
    OutcomeUnknown,
    Started,
    StartRejected,
    State,
    Status,
    check,
    start,
)

DAILY = Attempt("bronze-orders", "cron", "2026-03-03", 2, "key-1")
HOURLY = Attempt("bronze-orders", "stream", "2026-03-03T07", 0, "key-2")


def _run(
    command: str,
    attempt: Attempt = DAILY,
    seconds: float = 60.0,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> Status:
    path = {"PATH": os.environ["PATH"]}
    clients = Clients(environment=path | (environment or {}), working_directory=more.pop("directory", None))
    until = time.time() + seconds
    started = start("command", {"command": command} | more, attempt, until=until, clients=clients)
    assert started.run_id == "sync"
    assert started.status is not None
    return started.status


def _run_until(file: Path, command: str, attempt: Attempt = DAILY) -> Status:
    """The end of an endless command that writes a file. On a busy machine it needs more time for the file."""
    for seconds in (1.5, 6.0, 24.0):
        status = _run(command, attempt, seconds=seconds)
        if file.exists():
            return status
    raise AssertionError(f"{command} has not written {file}")


def _python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("{} a b", ["a", "b"]),
        ("{} 'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]),
        ("{}   a\tb\n", ["a", "b"]),
        ("{} '' x", ["", "x"]),
        ("{} $HOME `id` $(id) *.py ~", ["$HOME", "`id`", "$(id)", "*.py", "~"]),
        ("{} a; b | c > d && e #f", ["a;", "b", "|", "c", ">", "d", "&&", "e", "#f"]),
        ("{} ${{INTERLOCK_DATE}}", ["${INTERLOCK_DATE}"]),
    ],
)
def test_arguments_are_split_as_quoted_and_no_shell_sees_them(
    command: str, arguments: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "show"
    program.write_text(f"#!{sys.executable}\nimport sys; print(sys.argv[1:])\n")
    program.chmod(0o700)
    status = _run(command.format(program))
    assert status.state is State.SUCCEEDED
    assert status.details["output"].strip() == str(arguments)


@pytest.mark.parametrize("command", ["", "   ", "'unclosed", '"', "'' argument"])
def test_a_command_that_cannot_be_split_is_rejected(command: str) -> None:
    with pytest.raises(StartRejected) as rejected:
        _run(command)
    assert rejected.value.category is Category.PERMANENT


def test_the_environment_is_path_and_interlock_variables() -> None:
    inherited = {"INTERLOCK_STAGE": "test", "AWS_SECRET_ACCESS_KEY": "x", "HOME": "/h", "LD_PRELOAD": "x"}
    status = _run(_python("import os; print(sorted(os.environ.items()))"), environment=inherited)
    shown = dict(eval(status.details["output"]))
    shown.pop("LC_CTYPE", None)  # set by Python itself if the locale is C
    assert len(shown.pop("INTERLOCK_COMMAND_ID")) == 32
    assert shown == {
        "PATH": os.environ["PATH"],
        "INTERLOCK_STAGE": "test",
        "INTERLOCK_PIPELINE_ID": "bronze-orders",
        "INTERLOCK_SCHEDULE_ID": "cron",
        "INTERLOCK_DATE": "2026-03-03",
        "INTERLOCK_DAY": "2026-03-03",
        "INTERLOCK_PAR_DAY": "20260303",
        "INTERLOCK_ATTEMPT": "2",
        "INTERLOCK_JOB_KEY": "key-1",
    }


def test_an_hourly_run_has_its_hour_and_a_daily_run_no_hour() -> None:
    code = "import os; print(os.environ.get('INTERLOCK_PAR_DAY'), os.environ.get('INTERLOCK_PAR_HOUR'))"
    assert _run(_python(code), HOURLY).details["output"].split() == ["20260303", "07"]
    stale = {"INTERLOCK_PAR_HOUR": "23", "INTERLOCK_JOB_KEY": "older"}
    assert _run(_python(code), DAILY, environment=stale).details["output"].split() == ["20260303", "None"]


def test_a_command_gets_the_variables_of_its_run_and_of_no_other() -> None:
    code = "import os; print(*(os.environ.get(f'INTERLOCK_{n}', '-') for n in ('PERIOD_START', 'PERIOD_END', 'DATE')))"
    stale = {"INTERLOCK_PERIOD_START": "older", "INTERLOCK_PERIOD_END": "older", "INTERLOCK_DATE": "older"}
    given = {"INTERLOCK_PERIOD_START": "from", "INTERLOCK_PERIOD_END": "to", "INTERLOCK_DATE": "another"}
    attempt = structs.replace(DAILY, variables=given)
    assert _run(_python(code), attempt, environment=stale).details["output"].split() == ["from", "to", "2026-03-03"]
    assert _run(_python(code), DAILY, environment=stale).details["output"].split() == ["-", "-", "2026-03-03"]


@pytest.mark.parametrize(
    ("code", "state", "category"),
    [
        (0, State.SUCCEEDED, None),
        (1, State.FAILED, Category.TRANSIENT),
        (2, State.FAILED, Category.TRANSIENT),
        (125, State.FAILED, Category.TRANSIENT),
        (126, State.FAILED, Category.PERMANENT),
        (127, State.FAILED, Category.PERMANENT),
        (128, State.FAILED, Category.TRANSIENT),
        (255, State.FAILED, Category.TRANSIENT),
    ],
)
def test_exit_codes(code: int, state: State, category: Category | None) -> None:
    status = _run(f"sh -c 'echo said; exit {code}'")
    assert (status.state, status.category) == (state, category)
    assert status.details == {"output": "said\n", "exit_code": str(code)}
    assert status.duration is not None
    assert code == 0 or status.reason.startswith(f"sh: exit code {code}")


def test_a_command_that_a_signal_ends_has_failed() -> None:
    status = _run("sh -c 'kill -SEGV $$'")
    assert (status.state, status.category) == (State.FAILED, Category.TRANSIENT)
    assert "SIGSEGV" in status.reason


def test_a_missing_program_is_not_started() -> None:
    with pytest.raises(StartRejected) as rejected:
        _run("no-such-program-here --flag")
    assert rejected.value.category is Category.PERMANENT
    assert str(rejected.value) == "command: 'no-such-program-here': No such file or directory"


def test_a_file_without_execute_permission_is_not_started(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    with pytest.raises(StartRejected) as rejected:
        _run(str(file))
    assert rejected.value.category is Category.PERMANENT


def test_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    assert _run("pwd").details["output"].strip() == os.getcwd()
    assert _run("pwd", directory=str(tmp_path)).details["output"].strip() == str(tmp_path)
    below = str(tmp_path / "below")
    assert _run("pwd", directory=str(tmp_path), workingDirectory=below).details["output"].strip() == below
    with pytest.raises(StartRejected) as rejected:
        _run("pwd", workingDirectory=str(tmp_path / "gone"))
    assert "working directory" in str(rejected.value)


def test_the_end_of_long_output_is_kept() -> None:
    status = _run(_python("import sys; sys.stdout.write('x' * 5_000_000); sys.stderr.write('last words\\n')"))
    assert status.state is State.SUCCEEDED
    assert status.details["output"].endswith("xxx" + "last words\n")
    assert len(status.details["output"]) <= 2048


def test_binary_output_does_no_harm() -> None:
    status = _run(_python("import sys; sys.stdout.buffer.write(bytes(range(256))); sys.exit(3)"))
    assert "�" in status.details["output"]
    assert status.reason.isprintable()


def test_standard_input_is_empty() -> None:
    assert _run("cat").state is State.SUCCEEDED


def test_a_resumed_command_is_never_run_again(tmp_path: Path) -> None:
    file = tmp_path / "ran"
    resumed = Attempt("p", "cron", "2026-03-03", 0, "key-3", resumed=True)
    with pytest.raises(OutcomeUnknown):
        _run(f"touch {file}", resumed)
    assert not file.exists()


def test_nothing_is_run_when_no_time_is_left(tmp_path: Path) -> None:
    file = tmp_path / "ran"
    with pytest.raises(StartRejected) as rejected:
        _run(f"touch {file}", seconds=0.0)
    assert rejected.value.category is Category.TRANSIENT
    assert not file.exists()


def test_an_ended_command_cannot_be_checked_by_its_run_id() -> None:
    with pytest.raises(CheckFailed):
        check("command", {"command": "true"}, "sync", until=time.time() + 1)
    status = Status(State.SUCCEEDED)
    assert check("command", {"command": "true"}, Started("command", "sync", status), until=0) is status


def _pid_in(file: Path) -> int:
    assert wait_for(lambda: file.exists() and file.read_text().strip().isdigit())
    return int(file.read_text())


def _is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in ("Z", "X")
    except FileNotFoundError:
        return True


def _sh(script: str) -> str:
    return shlex.join(["sh", "-c", script])


def _stubborn(file: Path) -> str:
    """A shell that writes its id, ignores SIGTERM like its children, and does not end."""
    return _sh(f"trap '' TERM; echo $$ > {file}; while :; do sleep 1; done")


TREES: dict[str, Callable[[Path], str]] = {
    "the command itself ignores SIGTERM": _stubborn,
    "a child ignores SIGTERM": lambda file: _sh(f"{_stubborn(file)} & sleep 600"),
    "a grandchild ignores SIGTERM": lambda file: _sh(f"{_sh(f'{_stubborn(file)} & sleep 600')} & sleep 600"),
    "a child in a session of its own": lambda file: _sh(f"setsid {_stubborn(file)} & sleep 600"),
    "a grandchild in a session of its own, its parent gone": lambda file: _sh(
        f"(setsid {_stubborn(file)} &); sleep 600"
    ),
    "a child in a session of its own without its mark": lambda file: _sh(
        f"env -i PATH=$PATH setsid {_stubborn(file)} & sleep 600"
    ),
}


@pytest.fixture(scope="module")
def felled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Status, Path]]:
    """Every process tree at its deadline, all at once: its outcome, and the files with process ids."""
    files = {tree: tmp_path_factory.mktemp("tree") / "pid" for tree in TREES}

    def fell(tree: str) -> tuple[Status, Path]:
        attempt = Attempt("p", "cron", "2026-03-03", 0, f"tree-{list(TREES).index(tree)}")
        return _run_until(files[tree], TREES[tree](files[tree]), attempt), files[tree]

    with ThreadPoolExecutor(len(TREES)) as pool:
        return dict(zip(TREES, pool.map(fell, TREES), strict=True))


@pytest.mark.parametrize("tree", TREES)
def test_all_started_processes_end_at_the_deadline(tree: str, felled: dict[str, tuple[Status, Path]]) -> None:
    status, file = felled[tree]
    assert (status.state, status.category) == (State.FAILED, Category.TIMEOUT)
    assert "deadline" in status.reason
    pid = _pid_in(file)
    assert wait_for(lambda: _is_gone(pid))


@pytest.mark.parametrize("code", [0, 3])
def test_background_processes_end_with_their_command(code: int, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    background = _stubborn(file)
    script = f"{background} & while [ ! -s {file} ]; do sleep 0.02; done; exit {code}"
    status = _run(shlex.join(["sh", "-c", script]))
    assert status.details["exit_code"] == str(code)
    assert wait_for(lambda: _is_gone(_pid_in(file)))


def test_a_lost_exit_code_is_not_a_success() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        status = _run("sh -c 'exit 3'")
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (status.state, status.category) == (State.FAILED, Category.TRANSIENT)


def test_a_command_may_clean_up_when_it_is_asked_to_end(tmp_path: Path) -> None:
    file = tmp_path / "cleaned"
    status = _run_until(file, _sh(f"trap 'touch {file}; exit 0' TERM; while :; do sleep 0.05; done"))
    assert status.category is Category.TIMEOUT
    assert file.exists()


def test_other_processes_are_left_alone(tmp_path: Path) -> None:
    """A process of the caller with another attempt's key, or without a key, is not a part of the command."""
    import subprocess

    with subprocess.Popen(["sleep", "30"], env={**os.environ, "INTERLOCK_JOB_KEY": "key-11"}) as neighbour:
        _run("true")
        assert neighbour.poll() is None
        neighbour.kill()


def test_two_commands_with_one_job_key_do_not_end_each_other(tmp_path: Path) -> None:
    """Two environments on one machine can run the same attempt of the same pipeline."""
    file, ended = tmp_path / "pid", tmp_path / "ended"
    first = _sh(f"echo $$ > {file}; while [ ! -e {ended} ]; do sleep 0.02; done; echo whole")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_run, first)
        assert wait_for(lambda: file.exists() and bool(file.read_text()))
        _run("true")
        ended.touch()
        assert running.result().details["output"] == "whole\n"


def test_secret_variables_and_options_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    environment = {"INTERLOCK_DB_PASSWORD": "p4ss-w0rd-42"}
    command = "sh -c 'echo $INTERLOCK_DB_PASSWORD; echo \"$@\"; exit 4' x --token tok-en-4711 --api-key=k3y-k3y-k3y"
    status = _run(command, environment=environment)
    shown = f"{status!r} {status.reason} {caplog.text}"
    assert "***" in status.details["output"]
    assert not any(secret in shown for secret in ("p4ss-w0rd-42", "tok-en-4711", "k3y-k3y-k3y"))
