"""Writes the message of an alert in Slack's mrkdwn."""

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.foreign import render_foreign
from interlock_alert_dispatcher.hints import Severity, advice_for

# Slack cuts a message after 40,000 characters. All fields at their limits, each character escaped as five, are fewer.
_NAME = 200
_MESSAGE = 2000
_HINT = 1000


def severity_of(alert: Alert) -> Severity:
    """The severity of its type. A warning of a pipeline with `sla.critical` is critical."""
    severity = advice_for(alert.type).severity
    return Severity.CRITICAL if alert.critical and severity is Severity.WARNING else severity


def text_of(alert: Alert, *, late: bool = False) -> str:
    """The message. Its lines are: mark, type, pipeline and date, then the facts, the event's message and the next step.

    Each field of the event is rendered as foreign text. The facts of a `late` message begin with the time of the event.
    """
    names = (render_foreign(name, _NAME) for name in (alert.pipeline_id, alert.date) if name)
    head = " · ".join([f"{severity_of(alert).mark} *{render_foreign(alert.type, _NAME)}*", *names])
    message = render_foreign(alert.message or "", _MESSAGE)
    hint = alert.hint or _fill(advice_for(alert.type).hint, alert)
    lines = [head, _facts(alert, late=late), message, f"→ {render_foreign(hint, _HINT)}"]
    return "\n".join(line for line in lines if line)


def _facts(alert: Alert, *, late: bool) -> str:
    facts = {"deadline": alert.deadline, "status": alert.status, "source": alert.source, "cron": alert.cron}
    shown = [f"{name} {_shown(name, value)}" for name, value in facts.items() if value]
    since = [f"sent late, emitted {alert.at:%Y-%m-%dT%H:%M:%SZ}"] if late else []
    return " · ".join(since + shown)


def _shown(name: str, value: str) -> str:
    if name != "cron":
        return render_foreign(value, _NAME)
    # Slack would show the asterisks of a cron as bold text. A backtick would end the code.
    return f"`{render_foreign(value.replace('`', chr(39)), _NAME)}`"


def _fill(hint: str, alert: Alert) -> str:
    return hint.replace("{pipeline}", alert.pipeline_id).replace("{date}", alert.date or "DATE")
