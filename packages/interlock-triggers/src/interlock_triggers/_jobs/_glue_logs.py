"""False successes of Glue: the run insights and the driver's log may show an error although the state is SUCCEEDED."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from interlock_triggers._call import Call
from interlock_triggers._errors import MissingExtra

from ._aws import AwsTrouble, ask
from ._forms import GlueForm

_log = logging.getLogger("interlock_triggers")

_DEFAULT_GROUP = "/aws-glue/jobs/logs-v2"
_GROUP_ARGUMENT = "--continuous-log-logGroup"
_ANALYSIS_FAILED = "GlueExceptionAnalysisJobFailed"
_SEVERITY = re.compile(r"(?<= )(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)(?= )")


class Reading:
    """The progress of a check: the log stream that it reads, and the count of pages read."""

    stream = ""
    pages = 0


Check = Callable[[Call[GlueForm], str, str, Reading], str | None]


def false_success(call: Call[GlueForm], run_id: str, run: Mapping[str, Any]) -> str | None:
    """The error in the logs of a run that Glue reports as successful. None without an error, or for unreadable logs.

    The two checks are independent: if one cannot read its log, the other may still find an error.
    """
    group = _log_group(call, run)
    # The first check gets half of the time, so that time is left for the second.
    hurried = replace(call, deadline=call.deadline.within(call.deadline.remaining() / 2))
    return _found(hurried, _insight, group, run_id) or _found(call, _driver_error, group, run_id)


def _found(call: Call[GlueForm], check: Check, group: str, run_id: str) -> str | None:
    """The error that one check found. An unreadable or incomplete log is reported in our log and counts as no error."""
    read = Reading()
    try:
        return check(call, group, run_id, read)
    except (AwsTrouble, MissingExtra) as trouble:
        facts = {"job": call.config.job_name, "run_id": run_id, "stream": read.stream, "pages": read.pages}
        event = "glue_logs_cut_off" if read.pages else "glue_logs_unreadable"
        _log.warning(event, extra=facts | {"why": call.clean(str(trouble))})
        return None


def _log_group(call: Call[GlueForm], run: Mapping[str, Any]) -> str:
    """The group of the job's continuous logs: the run's, else the job's own setting, else Glue's default."""
    named = (run.get("Arguments") or {}).get(_GROUP_ARGUMENT)
    if named:
        return str(named)
    try:
        job = ask(call, "glue", "get_job", {"JobName": call.config.job_name}, retries=True).get("Job")
        named = ((job or {}).get("DefaultArguments") or {}).get(_GROUP_ARGUMENT)
    except (AwsTrouble, MissingExtra):
        named = None
    if named:
        return str(named)
    base = str(run.get("LogGroupName") or "").rstrip("/")
    if not base:
        return _DEFAULT_GROUP
    return base if base.endswith("/logs-v2") else f"{base}/logs-v2"


def _insight(call: Call[GlueForm], group: str, run_id: str, read: Reading) -> str | None:
    """Check 1: the run insights found the exception that failed the job."""
    read.stream = f"{run_id}-job-insights-rca-driver"
    for message in _events(call, group, read, f'"{_ANALYSIS_FAILED}"'):
        if _ANALYSIS_FAILED in message:
            return f"its run insights report {_ANALYSIS_FAILED}: {_failure_reason(message)}"
    return None


def _failure_reason(message: str) -> str:
    """The reason inside an insight, which is a JSON object after some text. Without a reason, the text itself."""
    try:
        insight = json.loads(message[message.index("{") : message.rindex("}") + 1])
    except ValueError:
        return message
    for name in ("Failure Reason", "FailureReason", "failureReason"):
        if isinstance(insight, dict) and insight.get(name):
            return str(insight[name])
    return message


def _driver_error(call: Call[GlueForm], group: str, run_id: str, read: Reading) -> str | None:
    """Check 2: the driver logged an ERROR or FATAL line."""
    read.stream = run_id
    for message in _events(call, group, read, '?" ERROR " ?" FATAL "'):
        for line in message.splitlines():
            if is_error_line(line):
                return f"its driver logged: {line.strip()}"
    return None


def is_error_line(line: str) -> bool:
    """Whether the severity of a log4j line is ERROR or FATAL: the first severity in the line, a word between spaces.

    Class paths and JVM flags contain "Error" (`-XX:OnOutOfMemoryError=`), and messages of a lower severity may
    mention an ERROR. Neither counts.
    """
    found = _SEVERITY.search(line)
    return found is not None and found[1] in ("ERROR", "FATAL")


def _events(call: Call[GlueForm], group: str, read: Reading, pattern: str) -> Iterator[str]:
    """The matching messages of a log stream, none if group or stream do not exist.

    An empty page may have a next page. Pages are read for as long as the call has time.
    """
    asked: dict[str, Any] = {"logGroupName": group, "logStreamNames": [read.stream], "filterPattern": pattern}
    while True:
        try:
            page = ask(call, "logs", "filter_log_events", asked, retries=True)
        except AwsTrouble as trouble:
            if trouble.code == "ResourceNotFoundException":
                return
            raise
        read.pages += 1
        for event in page.get("events") or []:
            yield str(event.get("message", ""))
        token = page.get("nextToken")
        if not token:
            return
        asked["nextToken"] = token
