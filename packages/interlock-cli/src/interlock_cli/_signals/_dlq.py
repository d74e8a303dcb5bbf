"""interlock dlq: lists, shows and redrives the messages in the dead-letter queues of a deployment."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, Output, Rows, console, error_console, print_json, show_age, table
from interlock_cli._output._counted import counted
from interlock_cli._output._errors import Interrupted
from interlock_cli._output._form import Form, print_rows, result_output, row_output
from interlock_cli._signals._dead_letters import QUEUES, count_hidden, queue_url
from interlock_cli._signals._resends import WayBack, kind_of
from interlock_dlq import (
    FileLedger,
    LettersRead,
    QueuedLetter,
    RedriveReport,
    RedriveStopped,
    read_letters,
    read_stream_batch,
    redrive,
)

WAIT_SECONDS = 1
"""The time in which an empty queue may still return a message. With 0, SQS asks only some of its servers."""

DEFAULT_LIMIT = 100
"""The letters per queue that a redrive without names takes."""

WHOLE_QUEUE = 100_000
"""The highest limit. SQS lets the readers of a queue hold about 120,000 messages at once."""

_BODY_SHOWN = 300
_FIFO = " (a FIFO queue shows at most 10 letters of a group)"
_SENDS = {
    "resent": "resent",
    "failed": "failed",
    "settled": "settled",
    "again": "dead-lettered again",
    "newer": "newer",
    "skipped": "skipped",
}
"""The counts of a report that the text shows, with their words."""


def _queue_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--queue",
        "-q",
        "queues",
        multiple=True,
        type=click.Choice(QUEUES),
        metavar="NAME",
        help=f"Only this queue. Repeatable. One of {', '.join(QUEUES)}.",
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
    reads = {queue: _read(where, url, limit) for queue, url in _queues(where, queues)}
    found = [(queue, message) for queue, read in reads.items() for message in read.messages]
    for queue, read in reads.items():
        if not read.is_complete:
            error_console().line(("yellow", "warning:"), f" {queue}: {_more(queue)}")
    if form is not Form.TABLE:
        print_rows(form, _COLUMNS, (_summary(queue, message) for queue, message in found))
        return
    out = console()
    for queue, read in reads.items():
        if read.messages:
            out.table(_table(queue, read.messages))
    if not found:
        out.line("no dead letters")


def _table(queue: str, messages: tuple[QueuedLetter, ...]) -> Rows:
    """The messages of one queue. A letter's id stays whole in 80 columns, since other commands take it."""
    rows = table("letter", "age", "kind", "reason", title=queue, whole=("letter", "age", "kind"))
    for message in messages:
        age = show_age((datetime.now(UTC) - message.sent_at).total_seconds())
        rows.add_row(message.id, age, kind_of(message), _reason(message))
    return rows


@dlq.command()
@click.argument("letter")
@_queue_option
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 10000), help="Letters per queue.")
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
    cut: dict[str, int] = {}
    for queue, url in _queues(where, queues):
        read = _read(where, url, limit)
        for message in read.messages:
            if letter in {message.id, message.message_id}:
                _show(queue, message, as_json)
                return
        cut |= {} if read.is_complete else {queue: len(read.messages)}
    raise CliError(_absence(letter, environment, cut))


@dlq.command("redrive")
@click.argument("letters", nargs=-1)
@_queue_option
@click.option(
    "--limit",
    type=click.IntRange(1, WHOLE_QUEUE),
    help=f"Letters per queue. Default: {DEFAULT_LIMIT}, or the whole queue if LETTERS are named.",
)
@click.option("--apply", is_flag=True, help="Send the letters. Without it the command only counts them.")
@click.option(
    "--accept-lost",
    "accept_lost",
    is_flag=True,
    help="Delete also letters whose records the stream has lost, after the sensor rows of their time were sent.",
)
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
    limit: int | None,
    apply: bool,
    accept_lost: bool,
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

    A letter whose records the stream has lost fails: the sensor rows of its time are sent from the table, which may
    not be the lost ones. Check them, then run the command with --accept-lost.

    \b
    Examples:
      interlock dlq redrive --environment prod
      interlock dlq redrive -e prod --queue alert-dlq --apply
      interlock dlq redrive -e prod --apply \\
        --ledger interlock-redrive-20260303T080000Z
    """
    where, out = deployment(environment, endpoint_url), console()
    limit = limit or (WHOLE_QUEUE if letters else DEFAULT_LIMIT)
    if absences := _absences(where, queues, letters, limit):
        raise CliError(*absences)
    folder = (ledger or Path(f"interlock-redrive-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")) if apply else None
    options = {"limit": limit, "only": set(letters) or None, "hold_seconds": hold}
    reports: dict[str, _Redriven] = {}
    if folder and not as_json:
        # An interrupted redrive continues with this folder.
        out.line("ledger: ", str(folder))
    with _interruptible(folder):
        for queue, url in _queues(where, queues):
            way = WayBack(where, queue, accept_lost=accept_lost)
            reports[queue] = done = _redrive_and_count(where, queue, url, folder, options, way)
            if not as_json:
                _print_report(out, queue, done.report, done.hidden or 0)
            if done.problem is not None:
                break
    if as_json:
        print_json(
            {"ledger": str(folder) if folder else None, "queues": {name: one.wire for name, one in reports.items()}}
        )
    for done in reports.values():
        if done.problem is not None:
            raise done.problem
    if any(done.report.failed or done.report.undeleted for done in reports.values()):
        raise click.exceptions.Exit(1)


@contextmanager
def _interruptible(folder: Path | None) -> Iterator[None]:
    """Name the command that continues an interrupted redrive."""
    try:
        yield
    except KeyboardInterrupt:
        again = as_called(f"interlock dlq redrive --apply --ledger {shlex.quote(str(folder))}")
        raise Interrupted(f"{again} continues it" if folder else "no letter was sent") from None


_COLUMNS = ("queue", "id", "messageId", "sentAt", "kind", "source", "errorType", "reason")


def _absences(where: Deployment, queues: tuple[str, ...], wanted: tuple[str, ...], limit: int) -> list[str]:
    """A problem for each wanted letter that was not found."""
    if not wanted:
        return []
    reads = {queue: _read(where, url, limit) for queue, url in _queues(where, queues)}
    found = {name for read in reads.values() for one in read.messages for name in (one.id, one.message_id)}
    cut = {queue: len(read.messages) for queue, read in reads.items() if not read.is_complete}
    return [_absence(one, where.environment, cut) for one in wanted if one not in found]


def _absence(letter: str, environment: str, cut: dict[str, int]) -> str:
    """The problem of a letter that was not found. `cut`: the letters that were read of each queue that has more."""
    if not cut:
        return f"no letter {letter!r} is in the dead-letter queues of {environment!r}"
    read = ", ".join(f"the first {counted(count, 'letter')} of {queue}" for queue, count in cut.items())
    return f"letter {letter!r} is not among {read}{_FIFO if any(queue.endswith('.fifo') for queue in cut) else ''}"


def _more(queue: str) -> str:
    """The reason for which not all letters of a queue were read."""
    return "the queue may have more" + (_FIFO if queue.endswith(".fifo") else "")


class _Redriven(msgspec.Struct, frozen=True):
    """The redrive of one queue: its report, the letters that other readers hold, and the error that ended it."""

    report: RedriveReport
    hidden: int | None = None
    problem: Exception | None = None

    @property
    def wire(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**msgspec.to_builtins(self.report), "hidden": self.hidden}


def _redrive_and_count(
    where: Deployment, queue: str, url: str, folder: Path | None, options: dict[str, Any], way: WayBack
) -> _Redriven:
    """Redrive one queue. An error of the queue is a part of the result, because letters were sent before it."""
    try:
        report = _redrive(where, queue, url, folder, options, way)
    except RedriveStopped as stopped:
        return _Redriven(cast("RedriveReport", stopped.report), problem=stopped)
    try:
        return _Redriven(report, count_hidden(where.client("sqs"), url))
    except (ClientError, BotoCoreError) as error:
        return _Redriven(report, problem=error)


def _redrive(
    where: Deployment, queue: str, url: str, folder: Path | None, options: dict[str, Any], way: WayBack
) -> RedriveReport:
    client = where.client("sqs")
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


def _read(where: Deployment, url: str, limit: int) -> LettersRead:
    return read_letters(url, client=where.client("sqs"), limit=limit, wait_seconds=WAIT_SECONDS)


def _print_report(out: Output, queue: str, report: RedriveReport, hidden: int) -> None:
    counts = [f"{getattr(report, name)} {words}" for name, words in _SENDS.items() if getattr(report, name)]
    planned = [f"{report.planned} to send"] if report.planned else []
    more = [f"{hidden} hidden by another reader"] if hidden else []
    more += [] if report.is_complete else [_more(queue)]
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
        return f"{counted(batch.batch_size, 'record')} of {batch.shard_id} from {batch.start_sequence_number} on"
    return _event_in(message.body) or message.body[:_BODY_SHOWN]


def _event_in(body: str) -> str:
    """Type, pipeline and message of an event of the bus, "" for another body."""
    try:
        event = msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return f"{event.detail_type} {event.detail.pipeline_id}: {event.detail.message}"[:_BODY_SHOWN].rstrip(": ")


class _Detail(msgspec.Struct, rename="camel"):
    pipeline_id: str
    message: str = ""


class _Event(msgspec.Struct):
    """The part of an EventBridge envelope that `list` shows."""

    detail: _Detail
    detail_type: str = msgspec.field(name="detail-type")


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
