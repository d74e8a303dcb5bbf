"""Writes the message of an alert as plain text, for mail and for programs."""

import re

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.deployment import Deployment, command_of
from interlock_alert_dispatcher.foreign import render_plain
from interlock_alert_dispatcher.links import links_of
from interlock_alert_dispatcher.text import attempt_of, hint_of, severity_of, withheld_of

_NAME = 200
_LONG = 2000
_HINT = 1000
_SUBJECT = 100
"""SNS takes at most 100 ASCII characters, which begin with a letter, a digit or a mark."""


def subject_of(alert: Alert) -> str:
    """The severity, the type, the pipeline and the date in at most 100 printable ASCII characters."""
    names = " ".join(name for name in (alert.type, alert.pipeline_id, alert.date) if name)
    return ascii_subject(f"{severity_of(alert).upper()}: {names}")


def ascii_subject(text: str) -> str:
    """The text as a subject of SNS takes it."""
    text = re.sub(r"[^\x20-\x7e]", "?", text)
    return (text if len(text) <= _SUBJECT else f"{text[: _SUBJECT - 3]}...").rstrip()


def plain_text_of(alert: Alert, deployment: Deployment, *, late: bool = False) -> str:
    """The message. Its lines are: title, facts, cause, rules, withheld step, next step, command, pages and time.

    Each text of the event is rendered as foreign text. No line is empty.
    """
    hint = hint_of(alert)
    sent = "sent late, " if late else ""
    lines = [
        title_of(alert),
        facts_of(alert),
        render_plain(alert.message or "", _LONG),
        f"error: {render_plain(error, _LONG)}" if (error := error_of(alert)) else "",
        *(f"- {render_plain(rule, _NAME)}" for rule in (*alert.rules, *alert.held_by)),
        f"withheld: {withheld}" if (withheld := withheld_of(alert)) else "",
        f"next: {render_plain(hint, _HINT)}" if hint else "",
        command_of(alert, hint, deployment) if hint else "",
        *(f"{link.label}: {link.url}" for link in links_of(alert, deployment)),
        f"{sent}emitted {alert.at:%Y-%m-%d %H:%M:%S} UTC, event {render_plain(alert.id, _NAME)}",
    ]
    return "\n".join(line for line in lines if line)


def error_of(alert: Alert) -> str:
    """The error of the event, "" without one or if the message of the event has it."""
    return "" if (alert.error or "") in (alert.message or "") else alert.error or ""


def title_of(alert: Alert) -> str:
    """Severity, type, pipeline and date."""
    names = (render_plain(name, _NAME) for name in (alert.type, alert.pipeline_id, alert.date) if name)
    return " · ".join([severity_of(alert).upper(), *names])


def facts_of(alert: Alert) -> str:
    """The short facts of the event, such as its owner and its deadline, which has the zone of its pipeline too."""
    attempt = attempt_of(alert)
    local = f" ({alert.deadline_local})" if alert.deadline_local else ""
    named = {
        "owner": alert.owner,
        "attempt": attempt,
        "next attempt": alert.next_attempt_at if attempt else "",
        "deadline": f"{alert.deadline}{local}" if alert.deadline else "",
        "status": alert.status,
        "source": alert.source,
        "category": alert.category,
        "reason": alert.reason,
        "job run": alert.run_id,
        "run token": alert.run_token,
    }
    return " · ".join(f"{name} {render_plain(value, _NAME)}" for name, value in named.items() if value)
