"""The local stack: server, zips, deployment, recording Slack and stream pump, started and stopped as one."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from interlock_local import LocalStackError, find_checkout
from interlock_local.keys import ACCESS_KEY, REGION, StackKey
from interlock_local.pump import PumpClients, StreamPump, TableCheckpoints
from interlock_local.site import Deployment, StackSettings, deploy, invoke_function, ping_function
from interlock_local.stack._ministack import Ministack
from interlock_local.stack._queues import move_queues
from interlock_local.stack._slack import RecordingSlack
from interlock_local.zips import Target, build_zips
from interlock_store import DynamoClient, DynamoTables, Keys, Overview, Server, Store, TableNames

# With AUTH the server enforces the policies of the roles. Only the stack's own key may do everything.
_ENFORCING = {"AUTH": "true"}
_DRAIN_SECONDS = 20.0
log = logging.getLogger(__name__)
_CONFIG = Config(
    # A function may run for minutes, and a lost answer must not run it twice.
    read_timeout=400,
    retries={"mode": "standard", "max_attempts": 1},
    max_pool_connections=20,
)


class LocalStack:
    """Interlock on this machine, as a context manager. With `data_dir` its state survives a stop.

    Without a Slack token in the settings, a recording Slack gets the alerts. Functions get Python and the PATH of this
    process, so that jobs of type command find the same programs. With `enforce_iam` the server enforces the policies
    of the roles.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        port: int | None = None,
        settings: StackSettings | None = None,
        progress: Callable[[str], None] = lambda line: None,
        enforce_iam: bool = False,
    ) -> None:
        self._settings = settings or StackSettings()
        self._data_dir = data_dir
        self._progress = progress
        self._server = Ministack(data_dir=data_dir, port=port, settings=_ENFORCING if enforce_iam else None)
        self._slack: RecordingSlack | None = None
        self._pump: StreamPump | None = None
        self._deployment: Deployment | None = None
        self._clients: dict[str, Any] = {}
        self._table_client: DynamoClient | None = None
        self._lock = threading.Lock()
        self._continuing: threading.Thread | None = None
        self._pump_log: logging.Handler | None = None

    @property
    def endpoint_url(self) -> str:
        """The address of the AWS API."""
        return self._server.endpoint_url

    @property
    def key(self) -> StackKey:
        """The credentials that the AWS API accepts."""
        return self._server.key

    @property
    def log_path(self) -> Path:
        """The file with the output of the server and the functions."""
        return self._server.log_path

    def start(self) -> None:
        """Start everything and deploy. Raises LocalStackError with the reason in one sentence."""
        try:
            checkout = find_checkout()
            target = Target.host()
            # A busy port is reported before the build, and the server starts only after the build.
            self._server.check()
            zips = build_zips(
                checkout,
                target,
                with_telemetry=bool(self._settings.otlp_endpoint),
                progress=self._progress,
            )
            self._progress("starting the server")
            self._server.start()
            move_queues(self.client("sqs"), self.endpoint_url)
            self._start_slack()
            self._deployment = deploy(
                self.client,
                zips,
                target.runtime,
                (checkout / "infra" / "statemachine" / "interlock.asl.json").read_text(encoding="utf-8"),
                self._settings,
                region=REGION,
                account=ACCESS_KEY,
                own_server=True,
                progress=self._progress,
            )
            self._warm_up()
            if repeated := self._server.repeat_lost():
                self._progress(f"repeated {repeated} messages of the last seconds before a crash")
            self._start_pump()
            self._progress("continuing unfinished work")
            self._continuing = threading.Thread(target=self._continue, name="continue-runs", daemon=True)
            self._continuing.start()
        except BaseException:
            self.stop()
            raise

    def stop(self, *, drain: bool = True) -> None:
        """Handle the remaining stream records, then stop everything. A second call does nothing.

        drain: False leaves the remaining records, for a stack of which nothing is kept.
        """
        pump, self._pump = self._pump, None
        if pump is not None:
            if drain and self._server.failure is None:
                pump.drain(_DRAIN_SECONDS)
            pump.stop()
        if self._pump_log is not None:
            logging.getLogger("interlock_local.pump").removeHandler(self._pump_log)
            with contextlib.suppress(OSError):
                self._pump_log.close()
            self._pump_log = None
        client, self._table_client = self._table_client, None
        if client is not None:
            client.close()
        self._server.stop()
        slack, self._slack = self._slack, None
        if slack is not None:
            slack.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server ends by itself. False after `timeout` seconds."""
        return self._server.wait(timeout)

    @property
    def failure(self) -> str | None:
        """The reason why the stack ended by itself, or None."""
        return self._server.failure or (self._pump.failure if self._pump else None)

    # --- views for callers ---------------------------------------------------------------

    def client(self, service: str) -> Any:
        """A boto3 client for the stack, one per service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(  # type: ignore[call-overload]
                    service,
                    endpoint_url=self.endpoint_url,
                    region_name=REGION,
                    aws_access_key_id=self._server.key.access_key,
                    aws_secret_access_key=self._server.key.secret,
                    config=_CONFIG,
                )
            return self._clients[service]

    def store(self) -> Store:
        """The stack's tables."""
        return Store(self._tables(), TableNames.of_environment(self._settings.environment))

    def overview(self) -> Overview:
        """The reader of the newest rows of the stack's tables."""
        return Overview(self._tables(), TableNames.of_environment(self._settings.environment))

    def _tables(self) -> DynamoTables:
        """The tables through the client of interlock-store, which needs a third of the time of boto3's per request."""
        key = self._server.key
        with self._lock:
            if self._table_client is None:
                keys = Keys(key.access_key, key.secret)
                self._table_client = DynamoClient(Server(self.endpoint_url, REGION, lambda: keys))
            return DynamoTables(self._table_client)

    def slack_messages(self) -> list[dict[str, Any]]:
        """The messages of the recording Slack. Empty if a real Slack is used."""
        return self._slack.messages() if self._slack is not None else []

    @property
    def slack(self) -> RecordingSlack | None:
        """The recording Slack, or None if a real Slack is used."""
        return self._slack

    @property
    def pump(self) -> StreamPump:
        """The pump of the stream-router. Its counts show its progress."""
        if self._pump is None:
            raise LocalStackError("The local stack is not running.")
        return self._pump

    def schedules(self, prefix: str) -> list[str]:
        """The names of the SLA timers that begin with `prefix`."""
        group = self._deployed.scheduler_group
        found = self.client("scheduler").list_schedules(GroupName=group)["Schedules"]
        return [one["Name"] for one in found if one["Name"].startswith(prefix)]

    @property
    def sensor_inbox_url(self) -> str:
        """The URL of the queue for sensor readings."""
        return self._deployed.sensor_inbox_url

    def dead_letters(self) -> int:
        """The number of messages in the dead-letter queues."""
        total = 0
        for url in self._deployed.dead_letter_queues:
            found = self.client("sqs").get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
            total += int(found["Attributes"]["ApproximateNumberOfMessages"])
        return total

    def drain(self, timeout: float = _DRAIN_SECONDS) -> bool:
        """Wait until the streams are read to their end."""
        return self._pump is not None and self._pump.drain(timeout)

    def invoke(self, service: str, payload: dict[str, Any]) -> Any:
        """Invoke one of the six functions and return its answer. Raises LocalStackError if the function failed."""
        return invoke_function(self.client("lambda"), self._settings.environment, service, payload)

    @property
    def _deployed(self) -> Deployment:
        if self._deployment is None:
            raise LocalStackError("The local stack is not running.")
        return self._deployment

    def _continue(self) -> None:
        """Let the watchdog find the runs whose executions ended with a former server, until it finds no more."""
        try:
            while self.invoke("watchdog", {})["found"].get("dead-executions"):
                continue
        except (BotoCoreError, ClientError, LocalStackError, KeyError) as error:
            # The watchdog's own rule invokes it again within a minute.
            log.warning("unfinished work is continued by the next tick: %s", error)

    # --- parts ------------------------------------------------------------------------------

    def _start_slack(self) -> None:
        if self._settings.slack_bot_token or self._settings.slack_secret_arn:
            return
        token = f"xoxb-local-{secrets.token_hex(8)}"
        journal = self._data_dir / "slack.jsonl" if self._data_dir is not None else None
        self._slack = RecordingSlack(token, journal=journal)
        self._slack.start()
        self._settings = replace(self._settings, slack_bot_token=token, slack_api_url=self._slack.base_url)

    def _warm_up(self) -> None:
        """Ping each function once. A broken function is reported now, and the first run has no cold starts."""
        functions = self._deployed.functions
        self._progress(f"checking {len(functions)} functions")
        with ThreadPoolExecutor(len(functions)) as pool:
            pings = [
                pool.submit(ping_function, self.client("lambda"), self._settings.environment, name)
                for name in functions
            ]
        for ping in pings:
            for fault in ping.result():
                self._progress(f"warning: {fault}")

    def _start_pump(self) -> None:
        # The log of the pump belongs to the log of the functions, and not between the lines of a command.
        self._pump_log = _FullDiskFile(self.log_path)
        logging.getLogger("interlock_local.pump").addHandler(self._pump_log)
        clients = PumpClients(self.client("dynamodbstreams"), self.client("lambda"), self.client("sqs"))
        mappings = self._deployed.mappings
        if self._data_dir is None:
            self._pump = StreamPump(mappings, clients)
        else:
            tables = {mapping.name: _table_of(mapping.stream_arn) for mapping in mappings}
            positions = TableCheckpoints(self._data_dir / "stream-positions.json", tables)
            backlog = {mapping: self._server.backlog(table) for mapping, table in tables.items()}
            if unread := sum(map(len, backlog.values())):
                self._progress(f"delivering {unread} stream records of the former start")
            self._pump = StreamPump(mappings, clients, checkpoints=positions, backlog=backlog)
        self._pump.start()


class _FullDiskFile(logging.FileHandler):
    """A log file that may not be writable any more. The reason is that of the server, which ends with it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name in the base class)
        """Drop the record. The base class prints a traceback between the lines of a command."""


def _table_of(stream_arn: str) -> str:
    return stream_arn.partition(":table/")[2].partition("/stream/")[0]
