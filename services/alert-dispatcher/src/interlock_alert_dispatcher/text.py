"""Writes the message of an alert in Slack's mrkdwn."""

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.foreign import render_foreign
from interlock_alert_dispatcher.hints import Severity, advice_for
from interlock_alert_dispatcher.state import Fact, RunState, Standing, standing

# Slack cuts a message after 40,000 characters. All fields at their limits, each character escaped as five, are fewer.
_NAME = 200
_MESSAGE = 2000
_HINT = 1000
_BRIEF = 300
_SHOWN = 5
"""How many problems a head shows."""


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
    lines = [head, _facts(alert, late=late), message, f"→ {render_foreign(_hint(alert), _HINT)}"]
    return "\n".join(line for line in lines if line)


def fact_of(alert: Alert) -> Fact:
    """The part of the alert that the state of its thread keeps."""
    advice = advice_for(alert.type)
    return Fact(
        at=alert.at,
        id=alert.id,
        type=_cut(alert.type, _NAME),
        severity=severity_of(alert),
        subject=advice.subject or _cut(f"{alert.type} {alert.about or ''}".strip(), _NAME),
        message=_cut(alert.message or "", _BRIEF),
        hint=_cut(_hint(alert), _BRIEF),
    )


def head_of(alert: Alert, state: RunState) -> str:
    """The head of the alert's thread. Its lines are: the state, each open problem, past problems, the next step.

    `alert` gives only the names of the thread: the pipeline and the date.
    """
    found = standing(state)
    names = [render_foreign(name, _NAME) for name in (alert.pipeline_id, alert.date) if name]
    first = " · ".join([f"{found.severity.mark} *{_state_word(state, found)}*", *names])
    lines = [first, *(_problem_line(fact) for fact in found.open[:_SHOWN])]
    if not found.open and state.last:
        lines.append(_problem_line(state.success or state.last))
    if (hidden := len(found.open) - _SHOWN) > 0:
        lines.append(f"… and {hidden} more")
    if found.past:
        lines.append(f"over: {', '.join(render_foreign(fact.type, _NAME) for fact in found.past[-_SHOWN:])}")
    if found.open:
        lines.append(f"→ {render_foreign(found.open[0].hint, _BRIEF)}")
    return "\n".join(lines)


def _state_word(state: RunState, found: Standing) -> str:
    if found.open:
        return render_foreign(found.open[0].type, _NAME)
    latest = state.success or state.last
    return "resolved" if found.past else render_foreign(latest.type if latest else "unknown", _NAME)


def _problem_line(fact: Fact) -> str:
    said = f": {render_foreign(fact.message, _BRIEF)}" if fact.message else ""
    return f"{fact.severity.mark} {render_foreign(fact.type, _NAME)} {fact.at:%Y-%m-%dT%H:%M:%SZ}{said}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _hint(alert: Alert) -> str:
    return alert.hint or _fill(advice_for(alert.type).hint, alert)


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
