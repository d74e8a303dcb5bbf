"""interlock migrate: gives rows of older deployments what they lack; told first, written only with --apply."""

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, to_builtins
from rich.console import Console
from rich.text import Text

from interlock_cli._deployment import Deployment, deployment, deployment_options, explain_aws_error
from interlock_cli._files import refuse, review_paths
from interlock_cli._output import CliError, console, error_console, print_json, progress_printer, table
from interlock_config import PipelineConfig
from interlock_sla import Calendar, DurationError, parse_duration
from interlock_store import (
    DynamoScan,
    Migration,
    MigrationAction,
    MigrationChange,
    MigrationNotice,
    MigrationPage,
    MigrationProblem,
    Position,
    StoreError,
    parse_position,
)

_NOUNS = {
    MigrationAction.INDEX_CONFIG: ("config", "indexed"),
    MigrationAction.ADOPT_RUN: ("running run", "given a lease"),
    MigrationAction.WRITE_CALENDAR: ("calendar", "written"),
}
_PROBLEMS, _INTERRUPTED = 1, 130
_SAY_EVERY = 2.0
"""Seconds between two lines of progress."""

_KINDS = {"held": 0, "moved": 1, "meaning": 2}
"""The order of the notices: what stops a pipeline first."""


class Tally(Struct):
    """What the pages seen so far come to, and why there are no more of them if it did not end well."""

    position: Position | None = None
    looked_at: int = 0
    changes: list[MigrationChange] = []
    problems: list[MigrationProblem] = []
    requests_left: int = 0
    notices: list[MigrationNotice] = []
    stopped: str = ""
    code: int = 0

    def add(self, page: MigrationPage) -> None:
        """Take in a page."""
        self.position = page.position
        self.looked_at += page.looked_at
        self.changes += page.changes
        self.problems += page.problems
        self.requests_left += page.requests_left
        self.notices += page.notices
        self.code = _PROBLEMS if self.problems else 0

    @property
    def noticed(self) -> list[MigrationNotice]:
        """By kind: held, moved, meaning. In each kind the pipelines with a cron come first, and then by pipeline."""
        return sorted(self.notices, key=lambda one: (_KINDS[one.kind], not one.has_cron, one.pk))

    @property
    def held(self) -> list[str]:
        """The pipelines that the dates of their rows stop."""
        return list(dict.fromkeys(notice.pk for notice in self.noticed if notice.kind == "held"))

    @property
    def counts(self) -> dict[MigrationAction, int]:
        """Changes by kind; every kind is there."""
        found = Counter(change.action for change in self.changes)
        return {action: found[action] for action in MigrationAction}


@click.command()
@click.option("--apply", "applies", is_flag=True, help="Write the changes. Without it they are only told.")
@click.option("--calendars", "folder", type=click.Path(), metavar="DIR", help="Calendar files to write.")
@click.option("--from", "start", metavar="KEY", help="Go on behind KEY, as an interrupted run has printed it.")
@click.option(
    "--execution-timeout",
    default="4h",
    show_default=True,
    metavar="DURATION",
    help="SFN_TIMEOUT_SECONDS of the deployment: how long runs without an expiry of their own may go on.",
)
@deployment_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def migrate(
    applies: bool,
    folder: str | None,
    start: str | None,
    execution_timeout: str,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Give the rows of an older deployment what they lack: indexes, leases, calendars.

    A dry run unless --apply is given. The system may be live meanwhile, and the command may be repeated: what lacks
    nothing is left alone. The control table is read from end to end.

    It also reports the changes that users will notice. `held`: pipelines whose rows name another date than the
    newest run, or the last fire of a cron. Such a row no longer decides a rule, so the pipeline would wait until its
    window ends. `moved`: deadlines that excluded days move. `meaning`: deadlines and rules of a config whose meaning
    may surprise. These notices change no exit code.

    Exit code 0: done; 1: there are problems to look at, or it failed; 130: interrupted. After a failure or an
    interruption it says how to go on.

    \b
    Examples:
      interlock migrate --environment prod
      interlock migrate --environment prod --calendars calendars/ --apply
    """
    where = deployment(environment, endpoint_url)
    calendars = _read_calendars(folder)
    after = _read_position(start)
    timeout = _read_timeout(execution_timeout)
    migration = Migration(
        where.store(),
        DynamoScan(where.client("dynamodb")),
        now=datetime.now(UTC),
        execution_timeout=timeout,
        apply=applies,
    )
    tally = Tally(position=after)
    work_through(tally, migration.run(calendars, after=after), where, progress_printer(error_console()))
    again = _command_to_go_on(tally, click.get_current_context())
    if as_json:
        print_json(_wire(tally, environment, applies, again))
    else:
        _print(tally, console(), environment, applies, again)
    click.get_current_context().exit(tally.code)


def _read_calendars(folder: str | None) -> list[Calendar]:
    if folder is None:
        return []
    review = review_paths([folder])
    if review.failed:
        refuse(review)
    for source, document in review.documents.items():
        if isinstance(document, PipelineConfig):
            raise CliError(f"{source}: is a pipeline, not a calendar; write pipelines with: interlock push PATH")
    return [found for found in review.documents.values() if isinstance(found, Calendar)]


def _read_position(text: str | None) -> Position | None:
    try:
        return None if text is None else parse_position(text)
    except ValueError as error:
        raise CliError(f"--from: {error}") from None


def _read_timeout(text: str) -> timedelta:
    try:
        timeout = parse_duration(text)
    except DurationError as error:
        raise CliError(f"--execution-timeout: {error}") from None
    if not timedelta() < timeout <= timedelta(days=365):
        raise CliError(f"--execution-timeout: {text} is not between 1s and 8760h")
    return timeout


def work_through(
    tally: Tally,
    pages: Iterator[MigrationPage],
    where: Deployment,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Take in every page, telling how far it is; what ends it early is noted, and what was seen stays counted."""
    told = clock()
    try:
        for page in pages:
            tally.add(page)
            if clock() - told >= _SAY_EVERY:
                told = clock()
                say(
                    f"{tally.looked_at:,} rows read, {len(tally.changes):,} to change, {len(tally.problems):,} problems"
                )
    except KeyboardInterrupt:
        tally.stopped, tally.code = "interrupted", _INTERRUPTED
    except (ClientError, BotoCoreError) as error:
        if not tally.looked_at and not tally.changes:
            raise
        tally.stopped, tally.code = explain_aws_error(error, where).message, _PROBLEMS
    except StoreError as error:
        tally.stopped, tally.code = str(error), _PROBLEMS


def _command_to_go_on(tally: Tally, context: click.Context) -> str:
    """The same command again, from where it stopped."""
    if not tally.stopped:
        return ""
    words = ["interlock", "migrate"]
    for parameter in context.command.params:
        value, name = context.params.get(str(parameter.name)), parameter.opts[0]
        if parameter.name == "start" or value in (None, False) or value == parameter.get_default(context):
            continue
        words += [name] if value is True else [name, str(value)]
    return shlex.join([*words, "--from", str(tally.position)] if tally.position is not None else words)


def _wire(tally: Tally, environment: str, applied: bool, again: str) -> dict[str, object]:
    return {
        "environment": environment,
        "applied": applied,
        "rowsRead": tally.looked_at,
        "counts": {str(action): count for action, count in tally.counts.items()},
        "changes": to_builtins(tally.changes),
        "problems": to_builtins(tally.problems),
        "notices": to_builtins(tally.noticed),
        "rerunRequestsLeft": tally.requests_left,
        "stopped": tally.stopped or None,
        "position": str(tally.position) if tally.stopped and tally.position is not None else None,
        "goOnWith": again or None,
    }


def _print(tally: Tally, out: Console, environment: str, applied: bool, again: str) -> None:
    if tally.changes:
        shown = table("change", "row", "what it is given", whole=("change",))
        for change in tally.changes:
            shown.add_row(str(change.action), Text(f"{change.pk} / {change.sk}"), Text(change.says))
        out.print(shown)
    for problem in tally.problems:
        out.print("[red]problem:[/] ", end="")
        out.print(f"{problem.pk} / {problem.sk}: {problem.problem}", markup=False, soft_wrap=True)
    for notice in tally.noticed:
        out.print("[yellow]held:[/] " if notice.kind == "held" else f"{notice.kind}: ", end="")
        out.print(_notice(notice), markup=False, soft_wrap=True)
    for line in _summary(tally, environment, applied):
        out.print(line, markup=False, soft_wrap=True)
    if tally.stopped:
        out.print("[bold red]stopped:[/] ", end="")
        out.print(f"{tally.stopped}; go on with:\n  {again}", markup=False, soft_wrap=True)


def _notice(notice: MigrationNotice) -> str:
    """A notice on one line, with the rows in question."""
    where = notice.pk.removeprefix("PIPELINE#") + (" (cron)" if notice.has_cron else "")
    rows = f" [{', '.join(f'SENSOR#{key}' for key in notice.rows)}]" if notice.rows else ""
    return f"{where}: {notice.says}{rows}"


def _summary(tally: Tally, environment: str, applied: bool) -> Iterator[str]:
    """The counts, one line each."""
    yield f"{tally.looked_at:,} rows of {environment}-interlock-control read"
    for action, count in tally.counts.items():
        noun, done = _NOUNS[action]
        yield f"{_counted(count, noun)} {'' if applied else 'to be '}{done}"
    yield _counted(len(tally.problems), "problem")
    if tally.held:
        yield (
            f"{_counted(len(tally.held), 'pipeline')} would be held by the dates of their rows: write a row per period "
            "(`key#2026-03-03`), or set dateOffset or anyDate on the rule"
        )
    if tally.requests_left:
        yield (
            f"{_counted(tally.requests_left, 'rerun request')} without an answer left as they are: "
            "ask again with `interlock rerun` where one is still wanted"
        )
    if not applied and tally.changes:
        yield "nothing was written; --apply writes it"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
