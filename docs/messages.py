"""Renders ten alerts as a person sees them in Slack, for docs/reference/alert-messages.md.

The messages come from the alert-dispatcher. docs/generate.py writes the page.
"""

import html
import json
import re
from typing import Any

from interlock_alert_dispatcher.alert import Alert, read_alert
from interlock_alert_dispatcher.blocks import head_blocks, reply_blocks
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.state import RunState, advance
from interlock_alert_dispatcher.text import fact_of

_PROD = Deployment("prod", "eu-west-1")
_OWNER = {"owner": "data-platform"}
_SLA = {
    **_OWNER,
    "status": "RUNNING",
    "source": "timer",
    "critical": False,
    "deadlineLocal": "2026-03-04 08:00 CET (Europe/Berlin)",
}
_FAILED = {**_OWNER, "event": "fail", "runId": "jr_4f1c", "category": "TRANSIENT", "attempts": 3}

_RULE = {
    "key": "landing",
    "check": "gte",
    "field": "count",
    "needed": "gte 1000",
    "observed": 872,
    "heldSince": "2026-03-04T02:00:00Z",
}

_JOB = "https://eu-west-1.console.aws.amazon.com/gluestudio/home?region=eu-west-1#/job/load/run/jr_4f1c"

_Event = tuple[str, str, dict[str, Any], dict[str, Any]]
"""The type, the time of day (UTC), the fields of the event and those of its detail."""

_WARNING: _Event = (
    "SLA_WARNING",
    "06:40",
    {"deadline": "2026-03-04T07:00:00Z", "message": "no success yet. The deadline is 2026-03-04 08:00 CET (07:00Z)"},
    _SLA,
)
_BREACH: _Event = (
    "SLA_BREACH",
    "07:00",
    {"deadline": "2026-03-04T07:00:00Z", "message": "no success by the deadline 2026-03-04 08:00 CET (07:00Z)"},
    {**_SLA, "actionHint": "Inform the consumers of this data, then find the cause of the delay."},
)
_RETRIED: _Event = (
    "JOB_FAILED",
    "03:05",
    {"attempt": 0, "message": "attempt 0 ended with fail: ConnectTimeout: orders-db:5432"},
    {**_FAILED, "error": "ConnectTimeout: orders-db:5432", "nextAttemptAt": "2026-03-04T03:05:00Z", "jobUrl": _JOB},
)
_EXHAUSTED: _Event = (
    "RETRY_EXHAUSTED",
    "03:41",
    {"attempt": 2, "message": "no retry left (2 of 2 used)"},
    {**_FAILED, "error": "ConnectTimeout: orders-db:5432"},
)
_EXAMPLES: tuple[tuple[str, _Event], ...] = (
    ("A job fails and is retried", _RETRIED),
    ("The last attempt fails", _EXHAUSTED),
    (
        "The data never becomes right",
        (
            "VALIDATION_EXHAUSTED",
            "03:00",
            {"attempt": 0, "message": "landing: count is 872, needs gte 1000 (128 short), since 02:00:00Z"},
            {**_OWNER, "status": "FAILED_FINAL", "rules": [_RULE]},
        ),
    ),
    ("A deadline comes near", _WARNING),
    ("A deadline passes", _BREACH),
    (
        "No run begins",
        (
            "SCHEDULE_MISSED",
            "03:05",
            {"message": "no run of 2026-03-03 has begun. It was expected by 2026-03-04 04:00 CET (03:00Z)"},
            {**_OWNER, "source": "watchdog", "cron": "0 4 * * *"},
        ),
    ),
    (
        "The result of a run fails its checks",
        (
            "POST_RUN_FAILED",
            "04:10",
            {"message": "audit.total is 990, needed at least 1000"},
            {**_OWNER, "sensorKey": "audit"},
        ),
    ),
    (
        "A rerun is rejected",
        (
            "RERUN_REJECTED",
            "09:30",
            {"message": "rerun (manual) rejected: no sensor is newer than the run"},
            {**_OWNER, "reason": "manual"},
        ),
    ),
    (
        "A row cannot be read",
        (
            "ROW_CORRUPTED",
            "03:12",
            {"message": "row TRIGGER#stream#2026-03-03 is corrupted: attempt is 'two'. The run is closed"},
            {**_OWNER, "row": "TRIGGER#stream#2026-03-03", "problem": "attempt is 'two'"},
        ),
    ),
    (
        "An alarm of the deployment",
        (
            "INFRA_ALARM",
            "03:02",
            {
                "pipelineId": "INFRASTRUCTURE",
                "date": None,
                "message": "prod-interlock-watchdog-errors is in state ALARM",
            },
            {"alarm": "prod-interlock-watchdog-errors", "status": "ALARM", "reason": "Threshold Crossed: 1 datapoint"},
        ),
    ),
)
_RECOVERY: tuple[_Event, ...] = (
    _EXHAUSTED,
    _BREACH,
    ("RERUN_ACCEPTED", "07:20", {"attempt": 3, "message": "rerun (manual) accepted as attempt 3"}, _OWNER),
    ("JOB_COMPLETED", "07:32", {"attempt": 3, "message": "attempt 3 succeeded"}, _OWNER),
)


def page() -> str:
    """The page: ten replies, and the head of one thread after each of its events."""
    parts = [
        "# Messages in Slack\n",
        "`docs/generate.py` writes this page from the code. It shows the messages as text. Times are in UTC here,\n"
        "and in the zone of the reader in Slack. [alerts.md](alerts.md) describes threads and states.\n",
        "## 1. Ten alerts\n",
        *(f"### 1.{number} {title}\n\n{_shown(_reply(event))}" for number, (title, event) in enumerate(_EXAMPLES, 1)),
        "## 2. The head of a thread, from failure to success\n",
        *_heads(),
    ]
    return "\n".join(parts)


def _heads() -> list[str]:
    state, shown = RunState(), []
    for event in _RECOVERY:
        alert = _alert(event)
        state = advance(state, fact_of(alert)).state
        shown.append(f"After {alert.type}:\n\n{_shown(head_blocks(alert, state, _PROD))}")
    return shown


def _reply(event: _Event) -> list[dict[str, Any]]:
    return reply_blocks(_alert(event), _PROD)


def _alert(event: _Event) -> Alert:
    kind, time, fields, detail = event
    known = {"pipelineId": "bronze-orders", "scheduleId": "stream", "date": "2026-03-03"}
    moment = f"2026-03-04T{time}:00Z"
    whole = {"id": moment + kind, "timestamp": moment, **known, **fields, "detail": detail}
    return read_alert({"body": json.dumps({"detail-type": kind, "detail": whole})})


def _shown(blocks: list[dict[str, Any]]) -> str:
    """The blocks as lines of text."""
    texts = (block["text"] if block["type"] == "section" else block["elements"][0] for block in blocks)
    lines = "\n".join(_readable(text["text"]) for text in texts)
    return f"```text\n{lines}\n```\n"


def _readable(mrkdwn: str) -> str:
    """The text as Slack shows it, with the address of a link behind its name."""
    dated = re.sub(r"<!date\^[^|]+\|([^>]+)>", r"\1", mrkdwn)
    linked = re.sub(r"<(https://[^|>]+)\|([^>]+)>", r"\2 (\1)", dated)
    return html.unescape(re.sub(r"`+|\*(?=\S+\*)|(?<=\S)\*", "", linked))
