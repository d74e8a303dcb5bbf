"""interlock validate: reports the problems of pipeline and calendar files as text, JSON or GitHub annotations."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import UNSET

from interlock_cli._deployment._deployment import Deployment, credentials_options, deployment
from interlock_cli._deployment._settings import configured_paths, default_environment
from interlock_cli._output._console import console, print_json, print_workflow_command
from interlock_cli._output._counted import counted
from interlock_cli._output._form import Form, print_rows
from interlock_cli._output._receipt import RECEIPT, write_receipts
from interlock_cli._pipelines._files import MOST_BYTES, Gathered, read_files
from interlock_config import PipelineConfig, Problem, Review
from interlock_sla import Calendar

STDIN = "-"
_STYLES = ("table", "json", "jsonl", "csv", "github")
_COLUMNS = ("source", "line", "path", "value", "message", "severity")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--json", "as_json", is_flag=True, help="The same as --output json.")
@click.option(
    "--output",
    "-o",
    "style",
    type=click.Choice(list(_STYLES)),
    help="Form of the output: table (text for people), json (one JSON document), jsonl (one JSON document per line), "
    "csv (CSV with a header), github (annotations of a GitHub workflow). Default: table.",
)
@click.option(
    "--format",
    "older",
    type=click.Choice(["text", "github", "json"]),
    help="An earlier spelling of --output, where text is table.",
)
@click.option("--strict", is_flag=True, help="End with exit code 2 for warnings too.")
@click.option(
    "--stdin-filename",
    default="<stdin>",
    show_default=True,
    metavar="NAME",
    help="Name of standard input in messages. If it ends in .json, the input is read as JSON.",
)
@click.option(
    "--receipt",
    is_flag=True,
    help=f"Write {RECEIPT} with the hashes of the files into each folder. Terraform's pipelines_path needs it.",
)
@click.option(
    "--environment",
    "-e",
    metavar="NAME",
    help="Also read this deployment's rows, and warn of pipelines that the dates of their rows would hold.",
)
@click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", metavar="URL", help="Address of its AWS API.")
@credentials_options
def validate(
    paths: tuple[str, ...],
    as_json: bool,
    style: str | None,
    older: str | None,
    strict: bool,
    stdin_filename: str,
    receipt: bool,
    environment: str | None,
    endpoint_url: str | None,
) -> None:
    """Report all errors and warnings of pipeline and calendar files.

    PATH is a file, a folder (its *.yaml, *.yml and *.json, without hidden files), a pattern such as
    'pipelines/**/*.yaml', or - for standard input. Files are also compared with each other: ids must differ,
    and a calendar that a pipeline names must be among the files. Without a PATH, the files are those of the environment
    in interlock.toml.

    A path that cannot be read is an error. The other files are still checked.

    Without --environment the command reads only files. With it, each pipeline is compared with its rows in that
    deployment: a row that names another date than the newest run, or the last fire of a cron, decides no rule.
    The command also warns of deadlines that excluded days will move, if the deployment has not run with this rule
    yet.

    Exit code 0: no errors, but possibly warnings. 2: errors.

    \b
    Examples:
      interlock validate pipelines/ calendars/
      interlock validate 'teams/*/pipelines' --strict
      interlock validate pipelines/ -o github
      interlock validate - --stdin-filename orders.yaml < orders.yaml
      interlock validate pipelines/ calendars/ --environment prod
      interlock validate pipelines/ calendars/ --receipt
    """
    chosen = {name for name in (style, "table" if older == "text" else older, "json" if as_json else None) if name}
    if len(chosen) > 1:
        raise click.UsageError(f"--output, --format and --json exclude each other: {' and '.join(sorted(chosen))}.")
    paths = paths or configured_paths((), environment or default_environment())
    gathered = read_files(path for path in paths if path != STDIN)
    if STDIN in paths:
        _read_stdin_into(gathered, stdin_filename)
    found = gathered.review()
    if environment is not None:
        found = Review(found.documents, (*found.problems, *_held_in(deployment(environment, endpoint_url), found)))
    _PRINT[(chosen or {"table"}).pop()](found.problems, len(gathered.files))
    if found.failed or (strict and found.problems):
        sys.exit(2)
    if receipt:
        write_receipts(paths, gathered.files)


def _held_in(where: Deployment, found: Review) -> Iterator[Problem]:
    """Warnings from the rows of a deployment: pipelines held by the dates of rows, and deadlines that will move.

    Pipelines with a cron come first.
    """
    from interlock_lifecycle.reports import moved_deadlines
    from interlock_store import date_holds, newest_date

    store, now = where.store(), datetime.now(UTC)
    calendars = {one.name: one for one in found.documents.values() if isinstance(one, Calendar)}
    pipelines = [(source, one) for source, one in found.documents.items() if isinstance(one, PipelineConfig)]
    for source, config in sorted(pipelines, key=lambda pair: pair[1].cron is None):
        if not calendars.keys() >= set(config.calendar_names):
            continue  # the missing calendar is an error of its own
        newest = newest_date(store, config)
        for hold in date_holds(store, config, newest, config.exclusions(calendars), now):
            rows = ", ".join((f"environment {where.environment}", *(f"SENSOR#{key}" for key in hold.rows)))
            yield Problem(source, hold.path, UNSET, f"{hold.says} ({rows})", "warning")
        stored = store.config(config.id)
        if not stored.exists or stored.noted:
            continue  # Once the deployment runs with moving deadlines, the move is not a change.
        for moved in moved_deadlines(config, config.exclusions(calendars), now):
            message = f"{moved.says} (environment {where.environment})"
            yield Problem(source, moved.path, moved.deadline, message, "warning")


def _read_stdin_into(gathered: Gathered, name: str) -> None:
    # None if the caller has closed it, as <&- in a shell does.
    if sys.stdin is None:
        gathered.unreadable[name] = "cannot be read: it is closed"
        return
    try:
        gathered.files[name] = sys.stdin.buffer.read(MOST_BYTES + 1)
    except OSError as error:
        gathered.unreadable[name] = f"cannot be read: {error.strerror}"


def _print_text(problems: Sequence[Problem], files: int) -> None:
    """Print the errors first, then the warnings, one per line."""
    out = console()
    colours = {"error": "red", "warning": "yellow"}
    for severity, colour in colours.items():
        for problem in problems:
            if problem.severity == severity:
                out.line((colour, f"{severity}:"), " ", str(problem))
    out.line(_summary(problems, files))


def _print_github(problems: Sequence[Problem], files: int) -> None:
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    for problem in problems:
        print_workflow_command(_annotation(problem, root))
    print_workflow_command(_summary(problems, files))


def _print_json(problems: Sequence[Problem], files: int) -> None:
    errors, warnings = _counts(problems)
    print_json(
        {"files": files, "errors": errors, "warnings": warnings, "problems": [_wire(problem) for problem in problems]}
    )


_PRINT: dict[str, Callable[[Sequence[Problem], int], None]] = {
    "table": _print_text,
    "github": _print_github,
    "json": _print_json,
    "jsonl": lambda problems, files: print_rows(Form.JSONL, _COLUMNS, map(_wire, problems)),
    "csv": lambda problems, files: print_rows(Form.CSV, _COLUMNS, map(_wire, problems)),
}


def _counts(problems: Sequence[Problem]) -> tuple[int, int]:
    errors = sum(1 for problem in problems if problem.severity == "error")
    return errors, len(problems) - errors


def _summary(problems: Sequence[Problem], files: int) -> str:
    errors, warnings = _counts(problems)
    return f"{counted(files, 'file')}: {counted(errors, 'error')}, {counted(warnings, 'warning')}"


def _wire(problem: Problem) -> dict[str, object]:
    return {
        "source": problem.source,
        "line": problem.line,
        "path": problem.path,
        "value": None if problem.value is UNSET else _strict(problem.value),
        "message": problem.message,
        "severity": problem.severity,
    }


def _strict(value: Any) -> Any:
    """The value with text in place of the numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    return [_strict(inner) for inner in value] if isinstance(value, list) else value


def _annotation(problem: Problem, root: Path) -> str:
    """A GitHub workflow command: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    place = {"file": _relative(problem.source, root), "line": problem.line, "title": problem.path or "pipeline file"}
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in place.items() if value is not None)
    text = str(msgspec.structs.replace(problem, source="", line=None))
    return f"::{problem.severity} {properties}::{_escaped(text)}"


def _relative(source: str, root: Path) -> str:
    """The path from the root of the checkout, as GitHub expects it."""
    try:
        return Path(source).resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError):
        return source


def _escaped(text: str, more: str = "") -> str:
    """The text without characters that would end a property or a line of a workflow command."""
    for sign in f"%\r\n{more}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
