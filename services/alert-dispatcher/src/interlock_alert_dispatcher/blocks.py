"""Lays out messages in Slack's Block Kit: the reply of an alert and the head of a thread.

Every text of an event goes through `foreign`. Slack takes 3,000 characters per text, 50 blocks, and about 13,000
characters in all blocks of a message.
"""

import re
from typing import Any

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.foreign import render_within
from interlock_alert_dispatcher.hints import advice_for
from interlock_alert_dispatcher.leases import read_moment
from interlock_alert_dispatcher.state import RunState, standing
from interlock_alert_dispatcher.text import attempt_of, date_of, head_of, hint_of, severity_of

Block = dict[str, Any]

_NAME = 200
_LONG = 2000
_HINT = 1000
_RULE = 240
_LOCAL_ENDPOINT = re.compile(r"http://(127\.0\.0\.1|localhost):[0-9]{1,5}")
_DEFAULT_ENDPOINTS = ("http://127.0.0.1:4566", "http://localhost:4566")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Names that need no quotes in a shell. A command with another name is not shown."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d)?")
_LOG_OF = re.compile(r"the (orchestrator|stream-router|watchdog)'s log")
_OTHER_CONSOLES = ("cn-", "us-gov-", "us-iso", "eu-isoe-")


class Deployment(Struct, frozen=True):
    """The deployment of the alerts. An empty part is unknown, and left out of commands and links.

    endpoint: the address of its AWS API, or "" for AWS's own addresses.
    """

    environment: str = ""
    region: str = ""
    endpoint: str = ""


def reply_blocks(alert: Alert, deployment: Deployment, *, late: bool = False, mention: str = "") -> list[Block]:
    """The blocks of an alert's reply: title, facts, the cause, the next step, one command, time and links.

    `mention` is in Slack's form, such as `<!here>`, and comes before the title.
    """
    parts = [
        f"{mention} {_title(alert)}" if mention else _title(alert),
        _facts(alert),
        render_within(alert.message or "", _LONG),
        _error(alert),
        "\n".join(f"• {render_within(rule, _RULE)}" for rule in alert.rules),
        f"withheld: {withheld}" if (withheld := advice_for(alert.type).withheld) else "",
        f"→ {render_within(hint, _HINT)}" if (hint := hint_of(alert)) else "",
        _code(command) if hint and (command := command_of(alert, hint, deployment)) else "",
    ]
    sent = "sent late, " if late else ""
    foot = [f"{sent}emitted {date_of(alert.at)}", *_links(alert, deployment)]
    return [*(_section(part) for part in parts if part), _context(" · ".join(foot))]


def head_blocks(alert: Alert, state: RunState, deployment: Deployment) -> list[Block]:
    """The blocks of the head: the state, the problems, the next step, and one command while a problem is open.

    `alert` gives only the names of the thread.
    """
    first, *rest = head_of(alert, state).splitlines()
    found = standing(state).open
    command = command_of(alert, found[0].hint, deployment) if found else ""
    return [_section(part) for part in (first, "\n".join(rest), _code(command) if command else "") if part]


def command_of(alert: Alert, hint: str, deployment: Deployment) -> str:
    """One command that works as pasted, for the next step `hint`. Empty if a name would need quotes in a shell."""
    if not _SAFE.fullmatch(alert.pipeline_id) or alert.pipeline_id == "INFRASTRUCTURE":
        return ""
    can_rerun = alert.date and "interlock rerun" in hint and _DATE.fullmatch(alert.date)
    step = f"rerun {alert.pipeline_id} {alert.date}" if can_rerun else f"status {alert.pipeline_id}"
    region = f"AWS_REGION={deployment.region} " if _SAFE.fullmatch(deployment.region) else ""
    environment = f" --environment {deployment.environment}" if _SAFE.fullmatch(deployment.environment) else ""
    return f"{region}interlock {step}{environment}{_endpoint_of(deployment)}"


def _endpoint_of(deployment: Deployment) -> str:
    """The option for a local stack at another address than the command's own default."""
    is_default = deployment.environment == "local" and deployment.endpoint in _DEFAULT_ENDPOINTS
    is_local = _LOCAL_ENDPOINT.fullmatch(deployment.endpoint)
    return f" --endpoint-url {deployment.endpoint}" if is_local and not is_default else ""


def mention_of(person: str) -> str:
    """`here`, `channel`, or the id of a user or a user group, as a mention in Slack's form. "" without one."""
    if person in ("here", "channel"):
        return f"<!{person}>"
    if not person:
        return ""
    return f"<!subteam^{person}>" if person.startswith("S") else f"<@{person}>"


def _title(alert: Alert) -> str:
    names = (render_within(name, _NAME) for name in (alert.pipeline_id, alert.date) if name)
    return " · ".join([f"{severity_of(alert).mark} *{render_within(alert.type, _NAME)}*", *names])


def _facts(alert: Alert) -> str:
    named = {
        "status": alert.status,
        "source": alert.source,
        "category": alert.category,
        "reason": alert.reason,
        "job run": alert.run_id,
        "run token": alert.run_token,
    }
    facts = [
        *([f"owner {render_within(alert.owner, _NAME)}"] if alert.owner else []),
        *_attempt(alert),
        *_moment("deadline", alert.deadline, alert.deadline_local),
        *(f"{name} {render_within(value, _NAME)}" for name, value in named.items() if value),
    ]
    if alert.cron:
        # Slack would show the asterisks of a cron as bold text. A backtick would end the code.
        facts.append(f"cron `{render_within(alert.cron.replace('`', chr(39)), _NAME)}`")
    return " · ".join(facts)


def _attempt(alert: Alert) -> list[str]:
    number = attempt_of(alert)
    return [f"attempt {number}", *_moment("next attempt", alert.next_attempt_at, None)] if number else []


def _moment(name: str, text: str | None, local: str | None) -> list[str]:
    """A time in the reader's zone, with the form in the pipeline's zone. A text that is no time is shown as it is."""
    if not text:
        return []
    moment = read_moment(text)
    shown = date_of(moment) if moment else render_within(text, _NAME)
    return [f"{name} {shown}" + (f" ({render_within(local, _NAME)})" if local else "")]


def _error(alert: Alert) -> str:
    # The message of a failure repeats its error, so a second copy would only hide the rest.
    if not alert.error or alert.error in (alert.message or ""):
        return ""
    return _code(render_within(alert.error.replace("`", chr(39)), _LONG))


def _links(alert: Alert, deployment: Deployment) -> list[str]:
    """Links to the AWS console, which need a region of the partition `aws`."""
    region, environment = deployment.region, deployment.environment
    if not _SAFE.fullmatch(region) or region.startswith(_OTHER_CONSOLES):
        return []
    home = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    links = []
    if alert.type == "INFRA_ALARM" and alert.about and _SAFE.fullmatch(alert.about):
        links.append(f"<{home}#alarmsV2:alarm/{alert.about}|alarm>")
    if (found := _LOG_OF.search(advice_for(alert.type).hint)) and _SAFE.fullmatch(environment):
        group = f"$252Faws$252Flambda$252F{environment}-interlock-{found[1]}"
        links.append(f"<{home}#logsV2:log-groups/log-group/{group}|log of the {found[1]}>")
    return links


def _code(text: str) -> str:
    return f"```{text}```"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}
