"""Lays out messages in Slack's Block Kit: the reply of an alert and the head of a thread.

Every text of an event goes through `foreign`. Slack takes 3,000 characters per text, 50 blocks, and about 13,000
characters in all blocks of a message.
"""

from typing import Any

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.deployment import Deployment, command_of
from interlock_alert_dispatcher.foreign import escape, render_within
from interlock_alert_dispatcher.leases import read_moment
from interlock_alert_dispatcher.links import links_of
from interlock_alert_dispatcher.state import RunState, standing
from interlock_alert_dispatcher.text import attempt_of, date_of, head_of, hint_of, severity_of, withheld_of

Block = dict[str, Any]

_TEXT = 3000
_NAME = 200
_LONG = 2000
_HINT = 1000
_RULE = 240


def reply_blocks(alert: Alert, deployment: Deployment, *, late: bool = False, mention: str = "") -> list[Block]:
    """The blocks of an alert's reply: title, facts, the cause, the next step, one command, time and links.

    `mention` is in Slack's form, such as `<!here>`, and comes before the title.
    """
    parts = [
        f"{mention} {_title(alert)}" if mention else _title(alert),
        _facts(alert),
        render_within(alert.message or "", _LONG),
        _error(alert),
        "\n".join(f"• {render_within(rule, _RULE)}" for rule in (*alert.rules, *alert.held_by)),
        f"withheld: {withheld}" if (withheld := withheld_of(alert)) else "",
        f"→ {render_within(hint, _HINT)}" if (hint := hint_of(alert)) else "",
        _code(command) if hint and (command := command_of(alert, hint, deployment)) else "",
    ]
    sent = "sent late, " if late else ""
    foot = f"{sent}emitted {date_of(alert.at)}"
    for link in links_of(alert, deployment):
        longer = f"{foot} · <{escape(link.url)}|{link.label}>"
        # Slack rejects all blocks for one text that is too long.
        foot = longer if len(longer) <= _TEXT else foot
    return [*(_section(part) for part in parts if part), _context(foot)]


def head_blocks(alert: Alert, state: RunState, deployment: Deployment) -> list[Block]:
    """The blocks of the head: the state, the problems, the next step, and one command while a problem is open.

    `alert` gives only the names of the thread.
    """
    first, *rest = head_of(alert, state).splitlines()
    found = standing(state).open
    command = command_of(alert, found[0].hint, deployment) if found else ""
    return [_section(part) for part in (first, "\n".join(rest), _code(command) if command else "") if part]


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


def _code(text: str) -> str:
    return f"```{text}```"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}
