"""interlock alerts: shows where each alert is."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._output._console import CliError, console, error_console, print_json
from interlock_cli._output._counted import counted
from interlock_cli._output._form import Form, print_rows, row_output
from interlock_cli._output._times import Times
from interlock_cli._signals._audit import Audit, Fate, Finding, Queues, audit, not_posted
from interlock_cli._signals._dead_letters import queue_url
from interlock_config import alert_types
from interlock_dlq import QueuedLetter, read_letters
from interlock_store import AlertRecords, TableNames

WAIT_SECONDS = 1
MOST_LETTERS = 10_000
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
_COLUMNS = ("id", "type", "pipeline", "date", "at", "fate", "reason")
_COLOURS = {Fate.UNACCOUNTED: "red", Fate.DEAD: "red", Fate.LOST: "yellow", Fate.WAITING: "yellow"}


@click.group()
def alerts() -> None:
    """Show where each alert is."""


@alerts.command(name="audit")
@click.option("--since", default="24h", show_default=True, metavar="TIME", help="First event of the audit.")
@deployment_options
@row_output()
def audit_command(since: str, environment: str, endpoint_url: str | None, form: Form) -> None:
    """Account for every event since a time that deserved an alert.

    Each event has one fate, and the counts add up to the number of events. Every alert that was not posted is listed
    with the reason. For several targets, the worst fate counts. The exit code is 1 if an alert is unaccounted.

    TIME is a date, a time, or a length of time before now (36h, 7d). A date or a time without a zone is in UTC. JSON
    lines and CSV have the alerts that were not posted, without the counts.

    \b
    Examples:
      interlock alerts audit --since 24h
      interlock alerts audit --since 2026-03-03 --environment prod -o json
    """
    now = datetime.now(UTC)
    begin = _read_since(since, now)
    where = deployment(environment, endpoint_url)
    where.store()  # names a local stack that does not run
    records = AlertRecords(where.client("dynamodb"), TableNames.of_environment(environment))
    # The queues are read first: a message that leaves its queue meanwhile has a row by then.
    queues = read_queues(where)
    found = audit(records, alert_types(), begin, queues, now)
    if form is Form.TABLE:
        _print(found, begin, queues)
    elif form is Form.JSON:
        print_json(_wire(found, begin, now, queues))
    else:
        print_rows(form, _COLUMNS, (_event(one) for one in not_posted(found)))
        if queues.problem:
            error_console().line(("yellow", "warning:"), f" {queues.problem}")
    click.get_current_context().exit(1 if found.counts[Fate.UNACCOUNTED] else 0)


def read_queues(where: Deployment) -> Queues:
    """The dead letters of alerts, and whether the alert queue has messages. An error is a part of the result."""
    try:
        client = where.client("sqs")
        letters = queue_url(client, where.environment, "alert-dlq")
        queue = queue_url(client, where.environment, "alerts")
        if letters is None or queue is None:
            return Queues(problem="the alert queue or its dead-letter queue does not exist")
        counts = client.get_queue_attributes(QueueUrl=queue, AttributeNames=list(_COUNTS))["Attributes"]
        read = read_letters(letters, client=client, limit=MOST_LETTERS, wait_seconds=WAIT_SECONDS)
    except ClientError as error:
        return Queues(problem=f"the queues cannot be read: {error.response['Error'].get('Code', error)}")
    except BotoCoreError as error:
        return Queues(problem=f"the queues cannot be read: {error}")
    # Another reader hides letters too, so a part of the queue is reported, not taken for the whole.
    problem = "" if read.is_complete else f"alert-dlq has more letters than the {len(read.messages)} that were read"
    waits = any(int(counts.get(name, 0)) for name in _COUNTS)
    return Queues(frozenset(_ids_in(read.messages)), waits, problem)


def _ids_in(letters: Iterable[QueuedLetter]) -> Iterable[str]:
    """The event ids of the messages in the dead letters, and of messages that the queue moved as they were."""
    for message in letters:
        payload = message.letter.payload if message.letter else {"body": message.body}
        identifier = _id_in(payload.get("body"))
        if identifier is not None:
            yield identifier


def _id_in(body: object) -> str | None:
    try:
        envelope = msgspec.json.decode(str(body), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    detail = envelope.get("detail")
    found = (detail.get("id") if isinstance(detail, dict) else None) or envelope.get("id")
    return found if isinstance(found, str) else None


def _read_since(text: str, now: datetime) -> datetime:
    times = Times(now)
    begin = times.begin(text)
    if begin is None:
        raise CliError(f"--since {text}: {times.allowed}")
    if begin > now:
        raise CliError(f"--since {text}: must be in the past")
    return begin


def _print(found: Audit, begin: datetime, queues: Queues) -> None:
    out = console()
    out.line(f"{counted(len(found.findings), 'alert')} since {begin:%Y-%m-%d %H:%M:%S}Z")
    for fate, count in found.counts.items():
        out.line((_COLOURS.get(Fate(fate), "default") if count else "dim", f"{count:>8}  {fate}"))
    if queues.problem:
        out.line(("yellow", "warning:"), f" {queues.problem}")
    for one in not_posted(found):
        names = " ".join(name for name in (one.type, one.pipeline, one.date) if name)
        styled = (_COLOURS.get(one.fate, "default"), f"{one.fate:<13}")
        out.line(styled, f" {one.at:%Y-%m-%d %H:%M:%S}Z {names}")
        out.line(f"  {one.reason}")
        out.line(("dim", f"  {one.id}"))


def _wire(found: Audit, begin: datetime, now: datetime, queues: Queues) -> dict[str, Any]:
    return {
        "since": begin.isoformat(),
        "until": now.isoformat(),
        "events": len(found.findings),
        "counts": found.counts,
        "problem": queues.problem or None,
        "notPosted": [_event(one) for one in not_posted(found)],
    }


def _event(found: Finding) -> dict[str, Any]:
    return {
        "id": found.id,
        "type": found.type,
        "pipeline": found.pipeline,
        "date": found.date or None,
        "at": found.at.isoformat(),
        "fate": str(found.fate),
        "reason": found.reason,
    }
