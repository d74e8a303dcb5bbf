"""Writes the message of an alert in Slack's mrkdwn."""

import unicodedata

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.hints import Severity, advice_for

_LONGEST = 2000


def text_of(alert: Alert) -> str:
    """The message. Its lines are: mark, type, pipeline and date, then the facts, the event's message and the next step.

    The event's texts are escaped, so that they cannot mention a person or add a link.
    """
    advice = advice_for(alert.type)
    severity = Severity.CRITICAL if alert.critical and advice.severity is Severity.WARNING else advice.severity
    head = " · ".join([f"{severity.mark} *{_plain(alert.type)}*", _plain(alert.pipeline_id), *_given(alert.date)])
    hint = alert.hint or _fill(advice.hint, alert)
    lines = [head, _facts(alert), *_given(alert.message), f"→ {_plain(hint)}"]
    return "\n".join(line for line in lines if line)


def _facts(alert: Alert) -> str:
    facts = {"deadline": alert.deadline, "status": alert.status, "source": alert.source, "cron": alert.cron}
    # Slack would show the asterisks of a cron as bold text.
    shown = {name: f"`{_plain(value)}`" if name == "cron" else _plain(value) for name, value in facts.items() if value}
    return " · ".join(f"{name} {value}" for name, value in shown.items())


def _fill(hint: str, alert: Alert) -> str:
    return hint.replace("{pipeline}", alert.pipeline_id).replace("{date}", alert.date or "DATE")


def _given(value: str | None) -> list[str]:
    return [_plain(value)] if value else []


def _plain(text: str) -> str:
    """The text with Slack's special characters escaped, without control characters, and cut to _LONGEST."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    printable = "".join(c if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"} else " " for c in short)
    return printable.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
