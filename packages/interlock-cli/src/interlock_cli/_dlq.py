"""interlock dlq: lists, shows and redrives the messages in the dead-letter queues of a deployment."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from interlock_cli._dead_letters import QUEUES, count_hidden, queue_url
from interlock_cli._deployment import Deployment, deployment, deployment_options
from interlock_cli._form import Form, print_rows, result_output, row_output
from interlock_cli._output import CliError, Output, console, print_json, show_span, table
from interlock_cli._resends import WayBack, kind_of
from interlock_dlq import FileLedger, QueuedLetter, RedriveReport, list_letters, read_stream_batch, redrive

WAIT_SECONDS = 1
"""The time in which an empty queue may still return a message. With 0, SQS asks only some of its servers."""

_BODY_SHOWN = 300
_SENDS = ("resent", "failed", "settled", "again", "newer", "skipped")


def _queue_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--queue", "-q", "queues", multiple=True, type=click.Choice(QUEUES), help="Only this queue. Repeatable."
    )(command)


@click.group()
def dlq() -> None:
    """Show the dead letters of a deployment, and send them to their functions again."""


@dlq.command("list")
@_queue_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10000), help="Letters per queue.")
@deployment_options
@row_output()
def list_command(queues: tuple[str, ...], limit: int, environment: str, endpoint_url: str | None, form: Form) -> None:
    """List the messages of the dead-letter queues, oldest first. They stay there.

    The queues hide the messages from others for some seconds.

    \b
    Examples:
      interlock dlq list --environment prod
      interlock dlq list -e prod --queue alert-dlq --json | jq -r '.[].reason'
    """
    where = deployment(environment, endpoint_url)
    found = [(queue, message) for queue, url in _queues(where, queues) for message in _letters(where, url, limit)]
    if form is not Form.TABLE:
        print_rows(form, _COLUMNS, (_summary(queue, message) for queue, message in found))
        return
    out, rows = console(), table("queue", "letter", "age", "kind", "reason", whole=("age", "kind"))
    for queue, message in found:
        age = show_span((datetime.now(UTC) - message.sent_at).total_seconds())
        rows.add_row(queue, message.id, age, kind_of(message), _reason(message))
    if found:
        out.table(rows)
    else:
        out.line("no dead letters")


@dlq.command()
@click.argument("letter")
@_queue_option
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 10000), help="Letters that are read.")
@deployment_options
@result_output
def show(
    letter: str, queues: tuple[str, ...], limit: int, environment: str, endpoint_url: str | None, as_json: bool
) -> None:
    """Show one LETTER with its whole record. It stays in its queue.

    \b
    Examples:
      interlock dlq show 01JNE8W6F0Q3 --environment prod
      interlock dlq show 01JNE8W6F0Q3 -e prod --json | jq .content.payload
    """
    where = deployment(environment, endpoint_url)
    for queue, url in _queues(where, queues):
        for message in _letters(where, url, limit):
            if letter in {message.id, message.message_id}:
                _show(queue, message, as_json)
                return
    raise CliError(f"no letter {letter!r} is in the dead-letter queues of {environment!r}")


@dlq.command("redrive")
@click.argument("letters", nargs=-1)
@_queue_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100000), help="Letters per queue.")
@click.option("--apply", is_flag=True, help="Send the letters. Without it the command only counts them.")
@click.option(
    "--ledger",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the ledgers, one file per queue. A folder of an earlier redrive continues it. Default: a new one.",
)
@click.option(
    "--hold",
    default=900,
    show_default=True,
    type=click.IntRange(30, 43200),
    help="Seconds for which the queue hides the letters from others. A killed redrive leaves them hidden until then.",
)
@deployment_options
@result_output
def redrive_command(
    letters: tuple[str, ...],
    queues: tuple[str, ...],
    limit: int,
    apply: bool,
    ledger: Path | None,
    hold: int,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Send the LETTERS, or all letters, to their functions again. Without --apply it is a dry run.

    A letter is deleted after its function has handled it. All others stay. The ledger names the steps of each letter,
    so that an interrupted redrive continues without sending a letter twice. The exit code is 1 if a letter failed.
    Letters that another reader holds are counted as hidden. Run the command again when they are back.

    \b
    Examples:
      interlock dlq redrive --environment prod
      interlock dlq redrive -e prod --queue alert-dlq --apply
      interlock dlq redrive -e prod --apply --ledger interlock-redrive-20260303T080000Z
    """
    where, out = deployment(environment, endpoint_url), console()
    if unknown := _unknown(where, queues, letters, limit):
        raise CliError(*(f"no letter {one!r} is in the dead-letter queues of {environment!r}" for one in unknown))
    folder = (ledger or Path(f"interlock-redrive-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")) if apply else None
    options = {"limit": limit, "only": set(letters) or None, "hold_seconds": hold}
    reports: dict[str, RedriveReport] = {}
    hidden: dict[str, int] = {}
    for queue, url in _queues(where, queues):
        reports[queue] = _redrive(where, queue, url, folder, options)
        hidden[queue] = count_hidden(where.client("sqs"), url)
        if not as_json:
            _print_report(out, queue, reports[queue], hidden[queue])
    if as_json:
        found = {name: {**msgspec.to_builtins(one), "hidden": hidden[name]} for name, one in reports.items()}
        print_json({"ledger": str(folder) if folder else None, "queues": found})
    elif folder:
        out.line("ledger: ", str(folder))
    if any(report.failed or report.undeleted for report in reports.values()):
        raise click.exceptions.Exit(1)


_COLUMNS = ("queue", "id", "messageId", "sentAt", "kind", "source", "errorType", "reason")


def _unknown(where: Deployment, queues: tuple[str, ...], wanted: tuple[str, ...], limit: int) -> list[str]:
    """The wanted letters that no queue has."""
    if not wanted:
        return []
    waiting = {
        name
        for _, url in _queues(where, queues)
        for message in _letters(where, url, limit)
        for name in (message.id, message.message_id)
    }
    return [one for one in wanted if one not in waiting]


def _redrive(where: Deployment, queue: str, url: str, folder: Path | None, options: dict[str, Any]) -> RedriveReport:
    way, client = WayBack(where, queue), where.client("sqs")
    common = {"client": client, "resend_other": way.other, "wait_seconds": WAIT_SECONDS, **options}
    if folder is None:
        return redrive(url, way.letter, dry_run=True, **common)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLedger(folder / f"{queue}.jsonl", url) as kept:
        return redrive(url, way.letter, ledger=kept, **common)


def _queues(where: Deployment, wanted: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Name and address of each queue that exists. Raises CliError if none of them does."""
    client = where.client("sqs")
    urls = [(queue, queue_url(client, where.environment, queue)) for queue in wanted or QUEUES]
    found = [(queue, url) for queue, url in urls if url is not None]
    if not found:
        raise CliError(f"{where.environment!r} has no dead-letter queue {', '.join(wanted)}".rstrip())
    return iter(found)


def _letters(where: Deployment, url: str, limit: int) -> tuple[QueuedLetter, ...]:
    return list_letters(url, client=where.client("sqs"), limit=limit, wait_seconds=WAIT_SECONDS)


def _print_report(out: Output, queue: str, report: RedriveReport, hidden: int) -> None:
    counts = [f"{getattr(report, name)} {name}" for name in _SENDS if getattr(report, name)]
    planned = [f"{report.planned} to send"] if report.planned else []
    more = [f"{hidden} hidden by another reader"] if hidden else []
    more += [] if report.is_complete else ["the queue has more"]
    style = "red" if report.failed or report.undeleted else "green"
    out.line((style, queue), ": ", ", ".join([*planned, *counts, *more]) or "no letters")
    for name, ids in (("not deleted", report.undeleted), ("sent again after an interruption", report.repeated)):
        for letter in ids:
            out.line(f"  {name}: ", letter)


def _summary(queue: str, message: QueuedLetter) -> dict[str, Any]:
    letter = message.letter
    return {
        "queue": queue,
        "id": message.id,
        "messageId": message.message_id,
        "sentAt": message.sent_at.isoformat(),
        "kind": kind_of(message),
        "source": letter.source if letter else None,
        "errorType": letter.error_type if letter else None,
        "reason": _reason(message),
    }


def _reason(message: QueuedLetter) -> str:
    if message.letter is not None:
        return f"{message.letter.error_type}: {message.letter.reason}"
    batch = read_stream_batch(message.body)
    if batch is not None:
        return f"{batch.batch_size} records of {batch.shard_id} from {batch.start_sequence_number} on"
    return message.body[:_BODY_SHOWN]


def _show(queue: str, message: QueuedLetter, as_json: bool) -> None:
    content = msgspec.to_builtins(message.letter) if message.letter else message.body
    whole = {**_summary(queue, message), "content": content}
    if as_json:
        print_json(whole)
        return
    out = console()
    for name, value in whole.items():
        if name != "content" and value is not None:
            out.line(("bold", name), ": ", str(value))
    text = msgspec.json.format(msgspec.json.encode(content), indent=2).decode() if message.letter else message.body
    for line in text.split("\n"):
        out.line(line)
