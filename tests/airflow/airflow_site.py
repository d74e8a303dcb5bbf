"""Runs a real Airflow on loopback (API server, scheduler, DAG processor) and ends it with all its child processes."""

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DAG_ID, PRODUCER_ID, PAGE_ID = "interlock_probe", "interlock_producer", "orders"
IMPORTED = Path(__file__).parents[2] / "packages" / "interlock-cli" / "tests" / "dags"
"""The DAG files that `interlock import airflow` also reads without Airflow."""

_PATIENCE = 180.0
_GRACE = 15.0


class Site:
    """A running Airflow. `executable` is the `airflow` of its environment, `home` is an empty directory."""

    def __init__(self, executable: Path, home: Path) -> None:
        self.home = home
        self.port = _free_port()
        self.users = {"interlock": secrets.token_urlsafe(12), "reader": secrets.token_urlsafe(12)}
        self.seconds: dict[str, float] = {}
        self._executable = executable
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (home / "released").mkdir()
        shutil.copytree(Path(__file__).parent / "dags", home / "dags")
        shutil.copytree(IMPORTED, home / "dags", dirs_exist_ok=True)
        (home / "dags" / "page.py").write_text(_program_of_the_page())
        (home / "passwords.json").write_text(json.dumps(self.users))
        self._environment = _environment(executable, home, self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def version(self) -> str:
        """The version that the server reports."""
        return str(self._exchange("GET", "/api/v2/version")["version"])

    def __enter__(self) -> "Site":
        try:
            with self._timed("database"):
                self._run("db", "migrate")
            with self._timed("API and DAGs"):
                self._start("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
                self._start("scheduler", "--skip-serve-logs")
                self._start("dag-processor")
                self._await("the API", self._answers)
                self._await("the DAGs", self._knows_the_dags)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            _signal_group(process.pid, signal.SIGTERM)
        end = time.monotonic() + _GRACE
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, end - time.monotonic()))
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        for pid in self.left_over():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def left_over(self) -> list[int]:
        """The live processes with this Airflow's home in their environment (Linux)."""
        mark = f"AIRFLOW_HOME={self.home}".encode()
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in pids if mark in _environment_of(pid)]

    def ask(self, path: str, user: str = "interlock", *, body: Any = None) -> Any:
        """The API's answer to a GET, or to a POST of a body, as this user and without the package under test."""
        return self._exchange("POST" if body else "GET", f"/api/v2{path}", token=self.token(user), body=body)

    def unpause(self, dag_id: str) -> None:
        """Let the runs of a DAG start."""
        self._exchange("PATCH", f"/api/v2/dags/{dag_id}", token=self.token("interlock"), body={"is_paused": False})

    def token(self, user: str) -> str:
        """A token from the login."""
        login = {"username": user, "password": self.users[user]}
        return str(self._exchange("POST", "/auth/token", body=login)["access_token"])

    def dag_run_ids(self) -> list[str]:
        """The ids of all runs of the DAG."""
        runs = self.ask(f"/dags/{DAG_ID}/dagRuns?limit=1000")["dag_runs"]
        return [run["dag_run_id"] for run in runs]

    def ran(self) -> list[str]:
        """The run ids that the DAG's task wrote, one for each time that it ran."""
        noted = self.home / "ran.txt"
        return noted.read_text().split() if noted.exists() else []

    def release(self, run_id: str) -> None:
        """Let the task of a held run go on."""
        (self.home / "released" / run_id).touch()

    def _exchange(self, method: str, path: str, *, token: str = "", body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Content-Type": "application/json"} if body else {}
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status >= 300:
            raise ConnectionError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return json.loads(content)

    def _answers(self) -> bool:
        return bool(self.version)

    def _knows_the_dags(self) -> bool:
        # A file that is still parsed takes the processor from the first test.
        if errors := self.ask("/importErrors")["import_errors"]:
            raise RuntimeError(f"Airflow cannot import a DAG: {errors}")
        known = {dag["relative_fileloc"] for dag in self.ask("/dags?limit=100")["dags"]}
        files = {file.name for file in (self.home / "dags").glob("*.py")}
        return known >= files and self.ask(f"/dags/{DAG_ID}")["is_paused"] is False

    def _await(self, what: str, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if condition():
                    return
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"airflow {name} ended: {self._log(name)}")
            time.sleep(0.2)
        raise TimeoutError(f"{what} is not available after {_PATIENCE:.0f} s: {[*map(self._log, self._processes)]}")

    def _start(self, name: str, *arguments: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [self._executable, name, *arguments],
                env=self._environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _run(self, *arguments: str) -> None:
        words = [str(self._executable), *arguments]
        done = subprocess.run(
            words, env=self._environment, cwd=self.home, capture_output=True, text=True, timeout=_PATIENCE
        )
        if done.returncode != 0:
            raise RuntimeError(f"airflow {' '.join(arguments)} failed: {(done.stdout + done.stderr)[-2000:]}")

    def _log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")[-2000:]

    @contextlib.contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds[what] = round(time.monotonic() - begun, 1)


def _program_of_the_page() -> str:
    """The DAG in the page about tools."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-sensor-from-your-tool.md"
    [program] = [text for text in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL) if "@dag" in text]
    return str(program)


def _environment(executable: Path, home: Path, port: int) -> dict[str, str]:
    """A clean environment with settings that access no external network."""
    settings = {
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__SECRET_KEY": secrets.token_hex(32),
        "API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__FERNET_KEY": "",
        "CORE__HOSTNAME_CALLABLE": "platform.node",  # the default queries name servers
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__PARALLELISM": "2",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "interlock:admin,reader:viewer",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # no file changes
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {f"AIRFLOW__{name}": value for name, value in settings.items()} | {
        "AIRFLOW_HOME": str(home),
        # The tests of producers write the keys of their local stack to this file.
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        "HOME": str(home),
        "PATH": f"{executable.parent}{os.pathsep}{os.defpath}",
        "TMPDIR": str(home),
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _environment_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
