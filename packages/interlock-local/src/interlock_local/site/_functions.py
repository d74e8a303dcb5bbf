"""The six functions of a deployment: code, limits and variables."""

import time
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock_local import LocalStackError
from interlock_local.site._site import Queue, Site

_FUNCTION_PATIENCE = 60.0
_TIMEOUTS = {"watchdog": 240}
_CONCURRENCY = {
    "stream-router": 10,
    "orchestrator": 10,
    "sla-monitor": 5,
    "watchdog": 2,
    "event-sink": 5,
    "alert-dispatcher": 3,
}


class Functions:
    """Creates and updates the functions."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def put(self, service: str, path: Path, runtime: str, roles: Mapping[str, str], queues: Mapping[str, Queue]) -> str:
        """Create or update one function, and return its ARN."""
        client = self._site.clients("lambda")
        name = self._site.name(service)
        module = f"interlock_{service.replace('-', '_')}"
        timeout = self._site.settings.orchestrator_timeout if service == "orchestrator" else _TIMEOUTS.get(service, 60)
        shape: dict[str, Any] = {
            "FunctionName": name,
            "Runtime": runtime,
            "Role": roles[service],
            "Handler": f"{module}.handler.handle",
            "Timeout": timeout,
            "MemorySize": 512,
            "Environment": {"Variables": self._variables(service, queues)},
        }
        architectures = [self._site.settings.architecture] if self._site.settings.architecture else []
        if service in {"event-sink", "sla-monitor", "watchdog"}:
            shape["DeadLetterConfig"] = {"TargetArn": queues["async-dlq"].arn}
        code = path.read_bytes()
        try:
            more = {"Architectures": architectures} if architectures else {}
            arn = client.create_function(Code={"ZipFile": code}, **shape, **more)["FunctionArn"]
        except client.exceptions.ResourceConflictException:
            arn = self._update_function(code, shape, architectures)
        self._await_function(name)
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=_CONCURRENCY[service])
        return str(arn)

    def _update_function(self, code: bytes, shape: dict[str, Any], architectures: list[str]) -> str:
        client = self._site.clients("lambda")
        name = shape["FunctionName"]
        found = self._await_function(name)
        # The processor belongs to the code: the configuration of a function does not take it.
        other = bool(architectures) and found.get("Architectures", ["x86_64"]) != architectures
        if other or found.get("CodeSha256") != b64encode(sha256(code).digest()).decode():
            more = {"Architectures": architectures} if architectures else {}
            client.update_function_code(FunctionName=name, ZipFile=code, **more)
            self._await_function(name)
        return str(client.update_function_configuration(**shape)["FunctionArn"])

    def _await_function(self, name: str) -> Mapping[str, Any]:
        """Wait for the end of an earlier change, and return the configuration of the function."""
        client = self._site.clients("lambda")
        end = time.monotonic() + _FUNCTION_PATIENCE
        while time.monotonic() < end:
            found: Mapping[str, Any] = client.get_function_configuration(FunctionName=name)
            if found.get("State", "Active") == "Active" and found.get("LastUpdateStatus", "Successful") == "Successful":
                return found
            time.sleep(0.1)
        raise LocalStackError(f"The function {name} did not become active within {_FUNCTION_PATIENCE:.0f} s.")

    def _variables(self, service: str, queues: Mapping[str, Queue]) -> dict[str, str]:
        settings = self._site.settings
        tables = {f"{table.upper()}_TABLE": self._site.name(table) for table in ("control", "joblog", "rerun")}
        common = {**tables, "EVENT_BUS_NAME": self._site.name("bus")}
        runs = {"SFN_TIMEOUT_SECONDS": str(settings.execution_timeout_seconds)}
        machine = {"STATE_MACHINE_ARN": self._site.arn("states", f"stateMachine:{self._site.name('pipeline')}")}
        timers = {
            "SLA_MONITOR_ARN": self._site.arn("lambda", f"function:{self._site.name('sla-monitor')}"),
            "SCHEDULER_ROLE_ARN": self._site.arn("iam", f"role/{self._site.name('scheduler')}"),
            "SCHEDULER_GROUP_NAME": self._site.name("sla"),
            "SCHEDULER_DLQ_ARN": queues["async-dlq"].arn,
            "SKIP_SCHEDULER": "true" if settings.skip_scheduler else "",
        }
        events = {"EVENTS_TABLE": self._site.name("events"), "EVENTS_TTL_DAYS": str(settings.events_ttl_days)}
        patience = {
            "PENDING_GRACE": settings.pending_grace,
            "PROBE_AFTER": settings.probe_after,
            "MISSED_AFTER": settings.missed_after,
        }
        slack = {
            "SLACK_CHANNEL_ID": settings.slack_channel_id,
            "SLACK_BOT_TOKEN": settings.slack_bot_token,
            "SLACK_SECRET_ARN": settings.slack_secret_arn,
            "SLACK_API_URL": settings.slack_api_url,
        }
        letters = {"DLQ_QUEUE_URL": queues["sr-control-dlq"].url}
        variables = {
            "stream-router": {
                **common,
                **runs,
                **machine,
                **letters,
                "SENSOR_INBOX_DLQ_URL": queues["sensor-inbox-dlq.fifo"].url,
                "JOB_EVENTS_QUEUE_ARN": queues["job-events"].arn,
            },
            "orchestrator": {**common, **runs, **settings.job_environment},
            "sla-monitor": {**common, **timers},
            "watchdog": {**common, **runs, **machine, **letters, **timers, **patience},
            "event-sink": {**events, "DLQ_QUEUE_URL": queues["event-sink-dlq"].url},
            "alert-dispatcher": {
                **events,
                **slack,
                **settings.alert_environment,
                "DLQ_QUEUE_URL": queues["alert-dlq"].url,
            },
        }[service]
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_endpoint}
        # Without the folders of the system, the zones of the packed tzdata decide.
        zones = {"PYTHONTZPATH": ""}
        made = {name: value for name, value in {**telemetry, **variables}.items() if value}
        return zones | made | dict(settings.kept.get(service, {}))
