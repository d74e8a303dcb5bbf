"""Whether Glue's SUCCEEDED is to be believed: its run insights and the driver's log say otherwise at times."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ._aws import AwsTrouble, ask
from ._call import Call
from ._errors import MissingExtra
from ._forms import GlueForm

_log = logging.getLogger("interlock_triggers")

_DEFAULT_GROUP = "/aws-glue/jobs/logs-v2"
_GROUP_ARGUMENT = "--continuous-log-logGroup"
_ANALYSIS_FAILED = "GlueExceptionAnalysisJobFailed"
_PAGES = 20
_SEVERITY = re.compile(r"(?<= )(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?= )")


def false_success(call: Call[GlueForm], run_id: str, run: Mapping[str, Any]) -> str | None:
    """What the logs of a run that Glue calls successful tell against it; None when nothing, or when unreadable."""
    try:
        group = _log_group(call, run)
        return _insight(call, group, run_id) or _driver_error(call, group, run_id)
    except (AwsTrouble, MissingExtra) as trouble:
        _log.warning(
            "glue_logs_unreadable",
            extra={"job": call.config.job_name, "run_id": run_id, "why": call.clean(str(trouble))},
        )
        return None


def _log_group(call: Call[GlueForm], run: Mapping[str, Any]) -> str:
    """The group of the job's continuous logs: the run's, else the job's own setting, else Glue's default."""
    named = (run.get("Arguments") or {}).get(_GROUP_ARGUMENT)
    if named:
        return str(named)
    try:
        job = ask(call, "glue", "get_job", {"JobName": call.config.job_name}, retries=True).get("Job")
        named = ((job or {}).get("DefaultArguments") or {}).get(_GROUP_ARGUMENT)
    except AwsTrouble:
        named = None
    if named:
        return str(named)
    base = str(run.get("LogGroupName") or "").rstrip("/")
    if not base:
        return _DEFAULT_GROUP
    return base if base.endswith("/logs-v2") else f"{base}/logs-v2"


def _insight(call: Call[GlueForm], group: str, run_id: str) -> str | None:
    """Check 1: the run insights found the exception that failed the job."""
    for message in _events(call, group, f"{run_id}-job-insights-rca-driver", f'"{_ANALYSIS_FAILED}"'):
        if _ANALYSIS_FAILED in message:
            return f"its run insights report {_ANALYSIS_FAILED}: {_failure_reason(message)}"
    return None


def _failure_reason(message: str) -> str:
    """The reason inside an insight, which is a JSON object after some text; else the text itself."""
    try:
        insight = json.loads(message[message.index("{") : message.rindex("}") + 1])
    except ValueError:
        return message
    for name in ("Failure Reason", "FailureReason", "failureReason"):
        if isinstance(insight, dict) and insight.get(name):
            return str(insight[name])
    return message


def _driver_error(call: Call[GlueForm], group: str, run_id: str) -> str | None:
    """Check 2: the driver logged an ERROR or FATAL line."""
    for message in _events(call, group, run_id, '?" ERROR " ?" FATAL "'):
        for line in message.splitlines():
            if is_error_line(line):
                return f"its driver logged: {line.strip()}"
    return None


def is_error_line(line: str) -> bool:
    """Whether a log4j line's severity is ERROR or FATAL: the first severity in it, as a word between spaces.

    Class paths and JVM flags contain "Error" (`-XX:OnOutOfMemoryError=`), and messages of a lower severity may
    speak of an ERROR: neither counts.
    """
    found = _SEVERITY.search(line)
    return found is not None and found[1] in ("ERROR", "FATAL")


def _events(call: Call[GlueForm], group: str, stream: str, pattern: str) -> Iterator[str]:
    """The messages of a log stream that match; none when group or stream do not exist."""
    asked: dict[str, Any] = {"logGroupName": group, "logStreamNames": [stream], "filterPattern": pattern}
    for _ in range(_PAGES):
        try:
            page = ask(call, "logs", "filter_log_events", asked, retries=True)
        except AwsTrouble as trouble:
            if trouble.code == "ResourceNotFoundException":
                return
            raise
        for event in page.get("events") or []:
            yield str(event.get("message", ""))
        token = page.get("nextToken")
        if not token:
            return
        asked["nextToken"] = token
