"""Writes the message of an alert in Slack's mrkdwn."""

from datetime import UTC, datetime

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.foreign import render_foreign, render_within
from interlock_alert_dispatcher.hints import Severity, advice_for
from interlock_alert_dispatcher.leases import read_moment
from interlock_alert_dispatcher.state import MOST_REPEATS, RUN, Fact, RunState, Standing, standing

# Slack cuts a message after 40,000 characters. All fields at their limits, each character escaped as five, are fewer.
_NAME = 200
_MESSAGE = 2000
_HINT = 1000
# The limits of a head, whose characters count as Slack counts them.
_BRIEF = 300
_TYPE = 80
_HEAD_NAME = 200
_SHOWN = 5
"""How many problems a head shows."""
_HELD = "The job was not started. It starts when these rules hold."


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
    message = render_foreign(_cause(alert), _MESSAGE)
    step = f"→ {render_foreign(hint, _HINT)}" if (hint := hint_of(alert)) else ""
    lines = [head, _facts(alert, late=late), message, step]
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
        message=_cut(_cause(alert), _BRIEF),
        hint=_cut(hint_of(alert), _BRIEF),
        owner=_cut(alert.owner or "", _HEAD_NAME),
    )


def head_of(alert: Alert, state: RunState) -> str:
    """The head of the alert's thread. Its lines are: the state, each open problem, past problems, the next step.

    `alert` gives only the names of the thread: the pipeline and the date. The text has fewer than 4,000 characters.
    """
    found = standing(state)
    latest = state.success or state.last
    facts = found.open or ((latest,) if latest else ())
    owner = next((fact.owner for fact in facts if fact.owner), "")
    names = (render_within(name, _HEAD_NAME) for name in (alert.pipeline_id, alert.date, owner) if name)
    lines = [" · ".join([f"{found.severity.mark} *{_state_word(found, latest)}*", *names])]
    lines += [_problem_line(fact, state.repeats_of(fact)) for fact in facts[:_SHOWN]]
    if found.open and state.success is not None and not any(fact.subject == RUN for fact in found.open):
        lines.append(_problem_line(state.success, 0))
    if (hidden := len(found.open) - _SHOWN) > 0:
        lines.append(f"… and {hidden} more")
    if found.past:
        lines.append(f"over: {', '.join(render_within(fact.type, _TYPE) for fact in found.past[-_SHOWN:])}")
    if found.open:
        lines.append(f"→ {render_within(found.open[0].hint, _BRIEF)}")
    return "\n".join(lines)


def _state_word(found: Standing, latest: Fact | None) -> str:
    if found.open:
        return render_within(found.open[0].type, _TYPE)
    return "resolved" if found.past else render_within(latest.type if latest else "unknown", _TYPE)


def _problem_line(fact: Fact, repeats: int) -> str:
    said = f": {render_within(fact.message, _BRIEF)}" if fact.message else ""
    number = f"{repeats} or more" if repeats >= MOST_REPEATS else str(repeats)
    again = f" (repeats without a reply: {number})" if repeats else ""
    return f"{fact.severity.mark} {render_within(fact.type, _TYPE)} {date_of(fact.at)}{again}{said}"


def _cause(alert: Alert) -> str:
    """The message of the event, with the error if the message does not have it."""
    message, error = alert.message or "", alert.error or ""
    said = message if error in message else ": ".join(part for part in (message, error) if part)
    return "; ".join([said, *alert.held_by[:1]] if said else alert.held_by[:1])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def hint_of(alert: Alert) -> str:
    """The next step: that of the event, or that of its type with the names filled in. It is not escaped.

    A success needs no step, so it has only one that its event names.
    """
    advice = advice_for(alert.type)
    return alert.hint or ("" if advice.severity is Severity.GOOD else _fill(advice.hint, alert))


def date_of(moment: datetime) -> str:
    """The time as Slack shows it in the zone of each reader. Programs without this form see it in UTC."""
    utc = moment.astimezone(UTC)
    return f"<!date^{round(utc.timestamp())}^{{date_short_pretty}} {{time}}|{utc:%Y-%m-%d %H:%M} UTC>"


def attempt_of(alert: Alert) -> str:
    """The number of its attempt as rows, events and commands write it, with its place: `2 (3 of 3)`. "" without one."""
    if alert.attempt is None:
        return ""
    has_place = alert.attempts is not None and alert.attempts > alert.attempt
    return f"{alert.attempt} ({alert.attempt + 1} of {alert.attempts})" if has_place else f"{alert.attempt}"


def withheld_of(alert: Alert) -> str:
    """The step that Interlock did not take: that of the event's type, or the start of the job of a held run."""
    return advice_for(alert.type).withheld or (_HELD if alert.held_by else "")


def _facts(alert: Alert, *, late: bool) -> str:
    facts = {"deadline": alert.deadline, "status": alert.status, "source": alert.source, "cron": alert.cron}
    shown = [f"{name} {_shown(name, value)}" for name, value in facts.items() if value]
    since = [f"sent late, emitted {date_of(alert.at)}"] if late else []
    return " · ".join(since + shown)


def _shown(name: str, value: str) -> str:
    if name == "deadline" and (moment := read_moment(value)):
        return date_of(moment)
    if name != "cron":
        return render_foreign(value, _NAME)
    # Slack would show the asterisks of a cron as bold text. A backtick would end the code.
    return f"`{render_foreign(value.replace('`', chr(39)), _NAME)}`"


def _fill(hint: str, alert: Alert) -> str:
    return hint.replace("{pipeline}", alert.pipeline_id).replace("{date}", alert.date or "DATE")
