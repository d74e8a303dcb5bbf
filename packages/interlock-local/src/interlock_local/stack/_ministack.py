"""The AWS-compatible server as a child process: how it is started, watched and ended, and where its files lie."""

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
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from interlock_local import LocalStackError

HOST = "127.0.0.1"
REGION = "us-east-1"
# An account in AWS's form; the server takes a twelve-digit access key as the account to act for.
ACCOUNT = "000000000000"

_GUARD = Path(__file__).with_name("_guard.py")
_GRACE = 20.0
_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own is made in it)
_MEMORY_NEEDED = 2 * 1024**3
_TAIL_LINES = 5
_CHANCES = 3
# What the server and the jobs it starts may see of the caller's environment; credentials are not among it.
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Ministack:
    """One ministack server on loopback, in processes of its own that never outlive this one.

    With ``data_dir`` its state is read from there at the start and saved there at an orderly stop, and only then;
    without one everything is thrown away. ``port`` None takes the port that this data directory had last if it
    is free, else any free one. ``settings`` are further environment variables for the server.

    Used as a context manager it starts on entry and stops on exit. Not for several threads, but ``failure`` and
    ``wait`` are.
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
        self._lock: IO[bytes] | None = None
        self._port = 0
        self._ended = threading.Event()
        self._stopping = False
        self._failure: str | None = None

    @property
    def endpoint_url(self) -> str:
        """Where clients find the server; only after ``start``."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on; only after ``start``."""
        return self._port

    @property
    def home(self) -> Path:
        """The directory with its state and log: the data directory, or a temporary one; only after ``start``."""
        if self._home is None:
            raise LocalStackError("The local stack is not running.")
        return self._home

    @property
    def log_path(self) -> Path:
        """What the server and the functions print."""
        return self.home / "ministack.log"

    @property
    def failure(self) -> str | None:
        """Why the server ended although nobody asked it to; None while all is well."""
        return self._failure

    def check(self) -> None:
        """Look at what can be known before a start.

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
            LocalStackError: the package is missing, the port or the data directory is taken, or the server ends or
                does not answer within ``ready_timeout`` seconds. Then nothing is left running.
        """
        self.check()
        try:
            self._take_home()
            for chance in range(_CHANCES):
                self._port = self._choose_port()
                self._spawn()
                if self._await_ready(last_chance=chance + 1 == _CHANCES or self._wanted_port is not None):
                    return
        except BaseException:
            self.stop(grace=2.0)
            raise

    def stop(self, grace: float = _GRACE) -> None:
        """End the server, which saves its state first, and whatever it has started; does nothing if it has ended."""
        self._stopping = True
        if self._process is not None:
            _end(self._process, grace)
            self._ended.wait(5.0)
        self._process = None
        self._leave_home()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server has ended, by itself or not; False when ``timeout`` seconds were not enough."""
        return self._ended.wait(timeout)

    def configure(self, values: Mapping[str, object]) -> None:
        """Set values of the running server through its own admin endpoint.

        Raises:
            LocalStackError: the server does not know one of them.
        """
        body = json.dumps(values)
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
        with contextlib.closing(connection):
            connection.request("POST", "/_ministack/config", body, {"Content-Type": "application/json"})
            applied = json.loads(connection.getresponse().read())["applied"]
        if len(applied) != len(values):
            raise LocalStackError(f"The local stack did not take the setting {body}.")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Files

    def _take_home(self) -> None:
        if self._data_dir is None:
            self._home = Path(tempfile.mkdtemp(prefix="interlock-local-", dir=_throwaway_place()))
        else:
            try:
                self._data_dir.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LocalStackError(
                    f"The data directory {self._data_dir} cannot be made: {error.strerror}."
                ) from None
            self._lock = _locked(self._data_dir)
            self._home = self._data_dir
        shutil.rmtree(self._home / "tmp", ignore_errors=True)
        for name in ("state", "s3", "tmp", "home"):
            (self._home / name).mkdir(exist_ok=True)
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def _leave_home(self) -> None:
        if self._home is not None:
            shutil.rmtree(self._home if self._data_dir is None else self._home / "tmp", ignore_errors=True)
        self._home = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _choose_port(self) -> int:
        memory = self.home / "port"
        port = self._wanted_port or _last_port(memory) or _free_port()
        memory.write_text(f"{port}\n")
        return port

    # The process

    def _spawn(self) -> None:
        home = self.home
        scratch = str(home if self._data_dir is None else home / "tmp")
        command = [sys.executable, "-I", str(_GUARD), str(_GRACE), scratch, sys.executable, "-m", "ministack"]
        # The guard holds the lock on the data directory for as long as the server may still write there.
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
            "TMPDIR": str(home / "tmp"),
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
            # Left alone it would clear away other servers' containers and open ports for devices and file transfer.
            "DOCKER_HOST": f"unix://{home / 'no-docker'}",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            **self._settings,
        }

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        if code < 0:
            # The guard itself was killed, so what it guarded is ended here: its group bears its process id.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        if not self._stopping:
            self._failure = f"The local stack ended by itself (exit code {code}){self._complaint()}."
        self._ended.set()

    def _await_ready(self, *, last_chance: bool) -> bool:
        """Wait for an answer; False when somebody else took the free port between our look and the server's."""
        for _ in _until(self._ready_timeout):
            if self._ended.is_set():
                words = self._last_words()
                if "already in use" in words and not last_chance:
                    return False
                raise LocalStackError(f"The local stack did not start: {words}")
            if self._answers() and not self._ended.is_set():
                return True
        raise LocalStackError(f"The local stack did not answer within {self._ready_timeout:g} s: {self._last_words()}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=2)
        try:
            with contextlib.closing(connection):
                connection.request("GET", "/_ministack/health")
                return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, LocalStackError):
            text = self.log_path.read_bytes()[-4096:].decode("utf-8", "replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines:
                return " / ".join(lines[-_TAIL_LINES:])
        return "it said nothing."

    def _complaint(self) -> str:
        """The last line of trouble in the server's log, and where that log is, if it is kept."""
        try:
            found = _complaints(self.log_path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, LocalStackError):
            return ""
        said = f": {found[-1][:300]}" if found else ", and its log tells of no trouble"
        return f"{said} (log: {self.log_path})" if self._data_dir is not None else said


def _complaints(text: str) -> list[str]:
    """The lines of a log that tell of trouble, without the chatter of a working server and its functions."""
    return [
        line.strip() for line in text.splitlines() if any(word in line for word in (" ERROR ", " CRITICAL ", "Error:"))
    ]


def _end(process: "subprocess.Popen[bytes]", grace: float) -> None:
    """Let the guard end everything in order, for `grace` seconds and what it needs itself."""
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
    """Memory where there is plenty, for files that nobody keeps; None for the usual temporary folder.

    Every worker of a function unpacks a thousand files, which costs some disks a minute to write and delete.
    """
    try:
        roomy = shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED
    except OSError:
        return None
    return str(_MEMORY) if roomy and os.access(_MEMORY, os.W_OK) else None


def _locked(data_dir: Path) -> IO[bytes]:
    """The data directory's lock file, locked. It is not removed: a removed lock file locks nobody out."""
    lock = (data_dir / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise LocalStackError(f"The data directory {data_dir} is in use by another local stack.") from None
    return lock


def _last_port(memory: Path) -> int | None:
    """The port used before, so that what the state remembers of addresses stays true; None when it is taken."""
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
            raise LocalStackError(f"Port {port} needs more rights than you have; choose one above 1023.") from None
        except (OSError, OverflowError):
            raise LocalStackError(f"Port {port} is busy; choose another one, or stop what listens there.") from None


def _until(timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
