"""The local stack: server, zips, deployment, recording Slack and stream pump, started and stopped as one."""

import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from msgspec.structs import replace

from interlock_local import LocalStackError, find_checkout
from interlock_local.pump import PumpClients, StreamPump
from interlock_local.site import Deployment, StackSettings, deploy, invoke_function, ping_function
from interlock_local.stack._ministack import ACCOUNT, REGION, Ministack
from interlock_local.stack._queues import move_queues
from interlock_local.stack._slack import RecordingSlack
from interlock_local.zips import Target, build_zips
from interlock_store import DynamoTables, Overview, Store, TableNames

LOCAL_SECRET = "local"  # noqa: S105 (the server on loopback takes any)
# With AUTH the server enforces the roles' policies, and knows one key that may do everything: ours.
_ENFORCING = {"AUTH": "true", "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": LOCAL_SECRET}
_DRAIN_SECONDS = 20.0
_CONFIG = Config(
    # A function may run for minutes; a lost answer must not run it twice.
    read_timeout=400,
    retries={"mode": "standard", "max_attempts": 1},
    max_pool_connections=20,
)


class LocalStack:
    """Interlock on this machine. With `data_dir` its state survives a stop; a context manager.

    Without a Slack token in the settings a recording Slack takes the alerts. Functions get Python and the PATH of this
    process, so that jobs of type command find the same programs. `enforce_iam` makes the server hold the roles'
    policies.
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
        self._lock = threading.Lock()
        self._pump_log: logging.Handler | None = None

    @property
    def endpoint_url(self) -> str:
        """Where the AWS API answers."""
        return self._server.endpoint_url

    @property
    def log_path(self) -> Path:
        """What the server and the functions print."""
        return self._server.log_path

    def start(self) -> None:
        """Start everything and deploy; LocalStackError says in one sentence why it could not be done."""
        try:
            checkout = find_checkout()
            target = Target.host()
            # A busy port is told before anything is built; nothing runs before the zips are there.
            self._server.check()
            zips = build_zips(checkout, target, progress=self._progress)
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
                account=ACCOUNT,
                own_server=True,
                progress=self._progress,
            )
            self._warm_up()
            self._start_pump()
            self._progress("taking up what was left")
            self.invoke("watchdog", {})
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Handle what the streams still hold, then stop everything; safe to call twice."""
        pump, self._pump = self._pump, None
        if pump is not None:
            if self._server.failure is None:
                pump.drain(_DRAIN_SECONDS)
            pump.stop()
        if self._pump_log is not None:
            logging.getLogger("interlock_local.pump").removeHandler(self._pump_log)
            self._pump_log.close()
            self._pump_log = None
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
        """Wait until the server ends by itself; False when `timeout` seconds were not enough."""
        return self._server.wait(timeout)

    @property
    def failure(self) -> str | None:
        """Why the stack ended although nobody asked it to; None while all is well."""
        return self._server.failure or (self._pump.failure if self._pump else None)

    # --- what callers look at ------------------------------------------------------------

    def client(self, service: str) -> Any:
        """A boto3 client for the stack; made once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(  # type: ignore[call-overload]
                    service,
                    endpoint_url=self.endpoint_url,
                    region_name=REGION,
                    aws_access_key_id=ACCOUNT,
                    aws_secret_access_key=LOCAL_SECRET,
                    config=_CONFIG,
                )
            return self._clients[service]

    def store(self) -> Store:
        """The stack's tables."""
        return Store(DynamoTables(self.client("dynamodb")), TableNames.of_environment(self._settings.environment))

    def overview(self) -> Overview:
        """What reads the newest rows of the stack's tables."""
        return Overview(DynamoTables(self.client("dynamodb")), TableNames.of_environment(self._settings.environment))

    def slack_messages(self) -> list[dict[str, Any]]:
        """What the recording Slack was told; empty when a real Slack is used."""
        return self._slack.messages() if self._slack is not None else []

    @property
    def slack(self) -> RecordingSlack | None:
        """The recording Slack, None when a real one is used."""
        return self._slack

    @property
    def pump(self) -> StreamPump:
        """What feeds the stream-router; its counts tell how far it is."""
        if self._pump is None:
            raise LocalStackError("The local stack is not running.")
        return self._pump

    def schedules(self, prefix: str) -> list[str]:
        """The names of the SLA timers that begin with `prefix`."""
        group = self._deployed.scheduler_group
        found = self.client("scheduler").list_schedules(GroupName=group)["Schedules"]
        return [one["Name"] for one in found if one["Name"].startswith(prefix)]

    def dead_letters(self) -> int:
        """How many messages lie in the dead-letter queues."""
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
        """Invoke one of the six functions and return its answer; LocalStackError when it failed."""
        return invoke_function(self.client("lambda"), self._settings.environment, service, payload)

    @property
    def _deployed(self) -> Deployment:
        if self._deployment is None:
            raise LocalStackError("The local stack is not running.")
        return self._deployment

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
        """Ping every function once: a broken one is told now, and the first run need not wait for cold starts."""
        for service in self._deployed.functions:
            self._progress(f"waking {service}")
            ping_function(self.client("lambda"), self._settings.environment, service)

    def _start_pump(self) -> None:
        # What the pump has to say belongs beside what the functions say, not between a command's lines.
        self._pump_log = logging.FileHandler(self.log_path)
        logging.getLogger("interlock_local.pump").addHandler(self._pump_log)
        clients = PumpClients(self.client("dynamodbstreams"), self.client("lambda"), self.client("sqs"))
        # Records that were not read before a stop are not kept by the server; what they would have led to is in the
        # pending index, and the watchdog takes it up. So reading begins anew, without checkpoints.
        self._pump = StreamPump(self._deployed.mappings, clients)
        self._pump.start()
