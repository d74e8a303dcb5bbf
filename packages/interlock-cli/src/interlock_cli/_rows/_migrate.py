"""interlock migrate: adds missing attributes to the rows of older deployments. It writes only with --apply."""

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, to_builtins

from interlock_cli._deployment._aws import explain_aws_error
from interlock_cli._deployment._deployment import Deployment, deployment, deployment_options
from interlock_cli._output._called import as_called
from interlock_cli._output._console import CliError, Output, console, error_console, print_json, progress_printer, table
from interlock_cli._output._counted import counted
from interlock_cli._output._form import result_output
from interlock_cli._pipelines._files import reject, review_paths
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
    MigrationAction.INDEX_DAY: ("date", "indexed by its day"),
    MigrationAction.WRITE_CALENDAR: ("calendar", "written"),
}
_PROBLEMS, _INTERRUPTED = 1, 130
_SAY_EVERY = 2.0
"""Seconds between two lines of progress."""

_KINDS = {"held": 0, "moved": 1, "meaning": 2}
"""The order of the notices. Those that stop a pipeline come first."""


class Tally(Struct):
    """The sums of the pages so far. If the scan ended early, `stopped` has the reason and `code` the exit code."""

    position: Position | None = None
    looked_at: int = 0
    changes: list[MigrationChange] = []
    problems: list[MigrationProblem] = []
    requests_left: int = 0
    notices: list[MigrationNotice] = []
    stopped: str = ""
    code: int = 0

    def add(self, page: MigrationPage) -> None:
        """Add a page to the sums."""
        self.position = page.position
        self.looked_at += page.looked_at
        self.changes += page.changes
        self.problems += page.problems
        self.requests_left += page.requests_left
        self.notices += page.notices
        self.code = _PROBLEMS if self.problems else 0

    @property
    def noticed(self) -> list[MigrationNotice]:
        """The notices by kind: held, moved, meaning. In each kind, pipelines with a cron come first."""
        return sorted(self.notices, key=lambda one: (_KINDS[one.kind], not one.has_cron, one.pk))

    @property
    def held(self) -> list[str]:
        """The pipelines that are held by the dates of their rows."""
        return list(dict.fromkeys(notice.pk for notice in self.noticed if notice.kind == "held"))

    @property
    def counts(self) -> dict[MigrationAction, int]:
        """The number of changes of each kind, also 0."""
        found = Counter(change.action for change in self.changes)
        return {action: found[action] for action in MigrationAction}


@click.command()
@click.option("--apply", "applies", is_flag=True, help="Apply the changes. Without this flag, only list them.")
@click.option("--calendars", "folder", type=click.Path(), metavar="DIR", help="Folder of the calendar files to write.")
@click.option("--from", "start", metavar="KEY", help="Continue after KEY, which an interrupted run has printed.")
@click.option(
    "--execution-timeout",
    default="4h",
    show_default=True,
    metavar="DURATION",
    help="SFN_TIMEOUT_SECONDS of the deployment. It limits runs that have no expiry of their own.",
)
@deployment_options
@result_output
def migrate(
    applies: bool,
    folder: str | None,
    start: str | None,
    execution_timeout: str,
    environment: str,
    endpoint_url: str | None,
    as_json: bool,
) -> None:
    """Add missing attributes to the rows of an older deployment.

    The attributes are indexes of pipelines and dates, and leases of runs. With --calendars the command also writes
    calendars. Without --apply the command only lists the changes, and counts the dates. The system may be live
    meanwhile. The command may be repeated: it leaves complete rows as they are. It reads the whole control table.

    It also reports the changes that users will notice. `held`: pipelines whose rows name another date than the
    newest run, or the last fire of a cron. Such a row no longer decides a rule, so the pipeline would wait until its
    window ends. `moved`: deadlines that excluded days move. `meaning`: deadlines and rules of a config whose meaning
    may surprise. Notices do not change the exit code.

    Exit code 0: done. 1: problems were found, or the command failed. 130: interrupted. After a failure or an
    interruption the command prints how to continue.

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
    again = _command_to_continue(tally, click.get_current_context())
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
        reject(review)
    for source, document in review.documents.items():
        if isinstance(document, PipelineConfig):
            hint = as_called("to write pipelines, use: interlock push PATH")
            raise CliError(f"{source}: is a pipeline, not a calendar; {hint}")
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
    """Add each page to the tally, and print the progress from time to time.

    An interruption, an error of AWS and a StoreError end the work early. They are noted in the tally, which keeps the
    pages before. An error of AWS before the first page is raised.
    """
    printed_at = clock()
    try:
        for page in pages:
            tally.add(page)
            if clock() - printed_at >= _SAY_EVERY:
                printed_at = clock()
                say(
                    f"{counted(tally.looked_at, 'row')} read, {len(tally.changes):,} to change, "
                    f"{counted(len(tally.problems), 'problem')}"
                )
    except KeyboardInterrupt:
        tally.stopped, tally.code = "interrupted", _INTERRUPTED
    except (ClientError, BotoCoreError) as error:
        if not tally.looked_at and not tally.changes:
            raise
        tally.stopped, tally.code = explain_aws_error(error, where).message, _PROBLEMS
    except StoreError as error:
        tally.stopped, tally.code = str(error), _PROBLEMS


def _command_to_continue(tally: Tally, context: click.Context) -> str:
    """The same command from the position at which it stopped, or "" if it did not stop."""
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


def _print(tally: Tally, out: Output, environment: str, applied: bool, again: str) -> None:
    # An older deployment may have many thousand dates. The summary has their number, and --json lists them.
    listed = [change for change in tally.changes if change.action is not MigrationAction.INDEX_DAY]
    if listed:
        shown = table("change", "row", "details", whole=("change",))
        for change in listed:
            shown.add_row(str(change.action), f"{change.pk} / {change.sk}", change.says)
        out.table(shown)
    for problem in tally.problems:
        out.line(("red", "problem:"), f" {problem.pk} / {problem.sk}: {problem.problem}")
    for notice in tally.noticed:
        out.line(("yellow" if notice.kind == "held" else "", f"{notice.kind}:"), f" {_notice(notice)}")
    for line in _summary(tally, environment, applied):
        out.line(line)
    if tally.stopped:
        out.line(("bold red", "stopped:"), f" {tally.stopped}; continue with:")
        out.line(f"  {again}")


def _notice(notice: MigrationNotice) -> str:
    """A notice on one line, with the rows that cause it."""
    where = notice.pk.removeprefix("PIPELINE#") + (" (cron)" if notice.has_cron else "")
    rows = f" [{', '.join(f'SENSOR#{key}' for key in notice.rows)}]" if notice.rows else ""
    return f"{where}: {notice.says}{rows}"


def _summary(tally: Tally, environment: str, applied: bool) -> Iterator[str]:
    """The counts, one line each."""
    yield f"{counted(tally.looked_at, 'row')} of {environment}-interlock-control read"
    for action, count in tally.counts.items():
        noun, done = _NOUNS[action]
        yield f"{counted(count, noun)} {'' if applied else 'to be '}{done}"
    yield counted(len(tally.problems), "problem")
    if tally.held:
        yield (
            f"{counted(len(tally.held), 'pipeline')} would be held by the dates of their rows: write a row per period "
            "(`key#2026-03-03`), or set dateOffset or anyDate on the rule"
        )
    if tally.requests_left:
        yield (
            f"{counted(tally.requests_left, 'rerun request')} without an answer kept: "
            f"if one is still needed, request it again with `{as_called('interlock rerun')}`"
        )
    if not applied and tally.changes:
        yield "nothing was written; use --apply to write the changes"
