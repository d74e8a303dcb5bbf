"""The AWS-compatible server as a child process: its start, its end and its files."""

import contextlib
import fcntl
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from interlock_local import LocalStackError
from interlock_local.keys import ACCESS_KEY, REGION, StackKey, announce, key_of_home, withdraw
from interlock_local.stack._signed import ask_server

HOST = "127.0.0.1"
# The server reads the access key as the account.
ACCOUNT = ACCESS_KEY

_SERVER = "interlock_local.server"
_GUARD = Path(__file__).with_name("_guard.py")
_GRACE = 20.0
_MEMORY = Path("/dev/shm")  # noqa: S108 (a temporary folder is made in it)
_MEMORY_NEEDED = 2 * 1024**3
# Seconds in which the processes of a stack whose command was killed have ended, also on a busy machine.
_LOCK_PATIENCE = 10.0
_TAIL_LINES = 5
_CHANCES = 3
# The variables of the caller's environment that the server and its jobs get. Credentials are not among them.
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Ministack:
    """One ministack server on loopback, in its own processes, which never outlive this process.

    With ``data_dir`` the server restores its state from there at the start, and each acknowledged write is there before
    its answer. Without it all state is deleted. The server accepts only requests that ``key`` has signed. With ``port``
    None the server uses the last port of this data directory if that is free, otherwise any free port. ``settings`` are
    further environment variables for the server.

    As a context manager it starts on entry and stops on exit. It is for one thread. Only ``failure`` and ``wait`` may
    be used by several threads.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        ready_timeout: float = 60.0,
    ) -> None:
        self._data_dir = data_dir.absolute() if data_dir is not None else None
        self._wanted_port = port
        self._settings = dict(settings or {})
        self._ready_timeout = ready_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._home: Path | None = None
        self._scratch: Path | None = None
        self._temporary: Path | None = None
        self._lock: IO[bytes] | None = None
        self._port = 0
        self._ended = threading.Event()
        self._stopping = False
        self._failure: str | None = None
        self._key: StackKey | None = None

    @property
    def key(self) -> StackKey:
        """The credentials that the server accepts. Only after ``start``."""
        if self._key is None:
            raise LocalStackError("The local stack is not running.")
        return self._key

    @property
    def endpoint_url(self) -> str:
        """The address of the server. Only after ``start``."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The port of the server. Only after ``start``."""
        return self._port

    @property
    def home(self) -> Path:
        """The directory with state and log: the data directory or a temporary one. Only after ``start``."""
        if self._home is None:
            raise LocalStackError("The local stack is not running.")
        return self._home

    @property
    def log_path(self) -> Path:
        """The file with the output of the server and the functions."""
        return self.home / "ministack.log"

    @property
    def failure(self) -> str | None:
        """The reason why the server ended by itself, or None."""
        return self._failure

    def check(self) -> None:
        """Check the conditions of a start.

        Raises:
            LocalStackError: the package is missing, or the wanted port is taken.
        """
        if importlib.util.find_spec("ministack") is None:
            raise LocalStackError("The local stack needs ministack: pip install interlock-local.")
        if self._wanted_port is not None:
            _check_free(self._wanted_port)

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            LocalStackError: the package is missing, the port or the data directory is in use, or the server ends or
                does not answer within ``ready_timeout`` seconds. Then no process is left.
        """
        self.check()
        try:
            self._take_home()
            for chance in range(_CHANCES):
                self._port = self._choose_port()
                self._spawn()
                if self._await_ready(last_chance=chance + 1 == _CHANCES or self._wanted_port is not None):
                    self._announce()
                    return
        except BaseException:
            self.stop(grace=2.0)
            raise

    def stop(self, grace: float = _GRACE) -> None:
        """End the server, which saves its state first, and all its processes. A second call does nothing."""
        self._stopping = True
        if self._process is not None:
            _end(self._process, grace)
            self._ended.wait(5.0)
        self._process = None
        if self._key is not None:
            withdraw(self._port, self._key)
        self._leave_home()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the server, for any reason. False after ``timeout`` seconds."""
        return self._ended.wait(timeout)

    def configure(self, values: Mapping[str, object]) -> None:
        """Set values of the running server through its admin endpoint.

        Raises:
            LocalStackError: the server does not know one of the values.
        """
        applied = self._ask("POST", "/_ministack/config", values)["applied"]
        if len(applied) != len(values):
            raise LocalStackError(f"The local stack did not accept the setting {json.dumps(values)}.")

    def backlog(self, table: str) -> list[dict[str, Any]]:
        """The stream records of a table that a former process has written and its pump has not handled.

        The records have the form of GetRecords, oldest first, with the times of their writes (UTC).
        """
        if self._data_dir is None:
            return []
        records: list[dict[str, Any]] = self._ask("GET", f"/_interlock/backlog?table={table}")["Records"]
        for record in records:
            change = record["dynamodb"]
            change["ApproximateCreationDateTime"] = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)
        return records

    def repeat_lost(self) -> int:
        """Send the events and messages again that a crash may have taken from the queues, and return their number."""
        return 0 if self._data_dir is None else int(self._ask("POST", "/_interlock/repeat")["repeated"])

    def _ask(self, method: str, path: str, body: object = None, timeout: float = 60.0) -> Any:
        return ask_server(f"{HOST}:{self._port}", self.key, method, path, body, timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Files

    def _announce(self) -> None:
        try:
            announce(self._port, self.key)
        except OSError as error:
            raise LocalStackError(f"The key of the local stack cannot be kept for its commands: {error}.") from None

    def _take_home(self) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="interlock-local-", dir=_throwaway_place()))
        if self._data_dir is None:
            self._home = self._scratch
        else:
            try:
                self._data_dir.mkdir(parents=True, exist_ok=True)
                # It contains the key, and each value that a config took from a variable.
                self._data_dir.chmod(0o700)
            except OSError as error:
                raise LocalStackError(
                    f"The data directory {self._data_dir} cannot be used: {error.strerror}."
                ) from None
            self._lock = _locked(self._data_dir)
            self._home = self._data_dir
        self._key = key_of_home(self._home)
        for name in ("state", "s3", "home"):
            (self._home / name).mkdir(exist_ok=True)
        self._temporary = self._scratch / "tmp"
        self._temporary.mkdir()
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def _leave_home(self) -> None:
        self._home = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _choose_port(self) -> int:
        memory = self.home / "port"
        port = self._wanted_port or _last_port(memory) or _free_port()
        memory.write_text(f"{port}\n")
        return port

    # The process

    def _spawn(self) -> None:
        home = self.home
        command = [sys.executable, "-I", str(_GUARD), str(_GRACE), str(self._scratch), sys.executable, "-m", _SERVER]
        # The guard keeps the lock on the data directory as long as the server may write there.
        held = () if self._lock is None else (self._lock.fileno(),)
        with self.log_path.open("wb") as log:
            self._ended.clear()
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
                env=self._environment(),
                start_new_session=True,
                pass_fds=held,
            )
        threading.Thread(target=self._watch, args=(self._process,), name="ministack", daemon=True).start()

    def _environment(self) -> dict[str, str]:
        home = self.home
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {
            **inherited,
            "HOME": str(home / "home"),
            "TMPDIR": str(self._temporary),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "PERSIST_STATE": "0" if self._data_dir is None else "1",
            "STATE_DIR": str(home / "state"),
            "S3_PERSIST": "0" if self._data_dir is None else "1",
            "S3_DATA_DIR": str(home / "s3"),
            "LAMBDA_EXECUTOR": "local",
            # Otherwise the server removes containers of other servers, and opens ports for devices and SFTP.
            "DOCKER_HOST": f"unix://{home / 'no-docker'}",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AWS_ACCESS_KEY_ID": self.key.access_key,
            "AWS_SECRET_ACCESS_KEY": self.key.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            **({} if self._data_dir is None else {"LOCAL_STACK_HOME": str(home)}),
            **self._settings,
        }

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        if code < 0:
            # The guard itself was killed, so its processes are ended here. Their group has its process id.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        if not self._stopping:
            # The guard answers for a killed server as a shell does.
            killed = f", killed by signal {code - 128}" if code > 128 else ""
            self._failure = f"The local stack ended by itself (exit code {code}{killed}){self._last_error()}."
        self._ended.set()

    def _await_ready(self, *, last_chance: bool) -> bool:
        """Wait for an answer. False if another process took the free port before the server."""
        for _ in _until(self._ready_timeout):
            if self._ended.is_set():
                lines = self._last_lines()
                if "already in use" in lines and not last_chance:
                    return False
                raise LocalStackError(f"The local stack did not start: {lines}")
            if self._answers() and not self._ended.is_set():
                return True
        raise LocalStackError(f"The local stack did not answer within {self._ready_timeout:g} s: {self._last_lines()}")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, LocalStackError):
            self._ask("GET", "/_ministack/health", timeout=2.0)
            return True
        return False

    def _last_lines(self) -> str:
        with contextlib.suppress(OSError, LocalStackError):
            text = self.log_path.read_bytes()[-4096:].decode("utf-8", "replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines:
                return " / ".join(lines[-_TAIL_LINES:])
        return "its log is empty."

    def _last_error(self) -> str:
        """The last error in the server's log, and the path of the log if it is kept."""
        try:
            found = _errors(self.log_path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, LocalStackError):
            return ""
        last = f": {found[-1][:300]}" if found else ""
        return f"{last} (log: {self.log_path})" if self._data_dir is not None else last


def _errors(text: str) -> list[str]:
    """The lines of a log that report an error."""
    return [
        line.strip() for line in text.splitlines() if any(word in line for word in (" ERROR ", " CRITICAL ", "Error:"))
    ]


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    """Let the guard end everything in order within `grace` seconds, and kill it after 5 s more."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.write(b"q")
            process.stdin.flush()
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(grace + 5.0)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _throwaway_place() -> str | None:
    """The folder in memory for temporary files, or None for the usual folder if memory is short.

    Each worker of a function unpacks a thousand files. Some disks need a minute to write and delete them.
    """
    try:
        roomy = shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED
    except OSError:
        return None
    return str(_MEMORY) if roomy and os.access(_MEMORY, os.W_OK) else None


def _locked(data_dir: Path) -> IO[bytes]:
    """The lock file of the data directory, locked. It is never removed, since a removed file excludes no process."""
    lock = (data_dir / "lock").open("a+b")
    for _ in _until(_LOCK_PATIENCE):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n".encode())
            lock.flush()
            return lock
    lock.seek(0)
    owner = lock.read(20).decode("ascii", "replace").strip()
    lock.close()
    raise LocalStackError(f"The data directory {data_dir} is in use by another local stack (process {owner}).")


def _last_port(memory: Path) -> int | None:
    """The port of the last start, so that addresses in the state stay valid. None if it is in use."""
    with contextlib.suppress(OSError, ValueError, LocalStackError):
        port = int(memory.read_text())
        _check_free(port)
        return port
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise LocalStackError(
                f"Port {port} needs more rights than this user has. Choose a port above 1023."
            ) from None
        except (OSError, OverflowError):
            raise LocalStackError(
                f"Port {port} is in use. Choose another port, or stop the process that listens there."
            ) from None


def _until(timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
