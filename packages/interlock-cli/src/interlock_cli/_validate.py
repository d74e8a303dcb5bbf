"""interlock validate and interlock schema: what is wrong with pipeline files, and what they may hold."""

import sys
from pathlib import Path

import click
import msgspec

from interlock_cli._files import read_files, review_files
from interlock_cli._output import console, print_json
from interlock_config import Problem, json_schema


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@click.option("--format", "style", type=click.Choice(["text", "github"]), default="text", show_default=True)
def validate(paths: tuple[Path, ...], as_json: bool, style: str) -> None:
    """Say everything that is wrong with pipeline and calendar files.

    Exit code 0: no errors (warnings may be there); 2: errors.

    \b
    Examples:
      interlock validate pipelines/
      interlock validate pipelines/ --format github
    """
    files = read_files(paths)
    review = review_files(files)
    if as_json:
        print_json({"files": len(files), "problems": [_wire(problem) for problem in review.problems]})
    elif style == "github":
        for problem in review.problems:
            sys.stdout.write(_annotation(problem) + "\n")
    else:
        _print(review.problems, len(files))
    if review.failed:
        sys.exit(2)


def _print(problems: tuple[Problem, ...], files: int) -> None:
    out = console()
    colours = {"error": "red", "warning": "yellow"}
    for problem in problems:
        out.print(f"[{colours[problem.severity]}]{problem.severity}:[/] ", end="")
        out.print(str(problem), markup=False, soft_wrap=True)
    errors = sum(1 for problem in problems if problem.severity == "error")
    out.print(f"{files} file{'s' * (files != 1)}: {errors} errors, {len(problems) - errors} warnings")


def _wire(problem: Problem) -> dict[str, object]:
    value = None if problem.value is msgspec.UNSET else problem.value
    return {
        "source": problem.source,
        "line": problem.line,
        "path": problem.path,
        "value": value,
        "message": problem.message,
        "severity": problem.severity,
    }


def _annotation(problem: Problem) -> str:
    """A GitHub workflow command; its properties and message need % , : and line ends escaped."""
    message = f"{problem.path}: {problem.message}" if problem.path else problem.message
    message = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    source = problem.source.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    line = f",line={problem.line}" if problem.line is not None else ""
    return f"::{problem.severity} file={source}{line}::{message}"


@click.command()
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of pipeline files, for editors and other checkers.

    \b
    Example:
      interlock schema > pipeline.schema.json
    """
    print_json(json_schema())
