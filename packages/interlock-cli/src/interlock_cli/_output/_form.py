"""The form of a command's output: `--output`, and `--json` as its earlier spelling."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import wraps
from typing import Any

import click

from interlock_cli._output._console import print_csv_line, print_json, print_json_line


class Form(StrEnum):
    """The forms of an output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


_MEANING = {
    Form.TABLE: "text for people",
    Form.JSON: "one JSON document",
    Form.JSONL: "one JSON document per line",
    Form.CSV: "CSV with a header",
}


def row_output(*, json_means: Form = Form.JSON) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --output and --json to a command that prints rows. The command gets the parameter `form`."""
    return _output(tuple(Form), json_means)


def result_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --output and --json to a command that prints one result. The command gets the parameter `as_json`."""

    @wraps(command)
    def run(*arguments: Any, form: Form, **options: Any) -> Any:
        return command(*arguments, as_json=form is Form.JSON, **options)

    return _output((Form.TABLE, Form.JSON), Form.JSON)(run)


def _output(forms: tuple[Form, ...], json_means: Form) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    meaning = ", ".join(f"{form} ({_MEANING[form]})" for form in forms)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*arguments: Any, form_name: str | None, as_json: bool, **options: Any) -> Any:
            return command(*arguments, form=chosen_form(form_name, json_means if as_json else None), **options)

        run = click.option("--json", "as_json", is_flag=True, help=f"The same as --output {json_means}.")(run)
        return click.option(
            "--output",
            "-o",
            "form_name",
            type=click.Choice([form.value for form in forms]),
            help=f"Form of the output: {meaning}. Default: table.",
        )(run)

    return decorate


def chosen_form(name: str | None, other: Form | None) -> Form:
    """The form that --output names, else that of an earlier option. Raises UsageError if they differ."""
    if name is not None and other is not None and name != other:
        raise click.UsageError(f"--output {name} and --json exclude each other: --json is --output {other}.")
    return Form(name or other or Form.TABLE)


class RowPrinter:
    """Prints rows for programs one by one, as lines of JSON or CSV. The header of CSV comes before the first row."""

    def __init__(self, form: Form, columns: Iterable[str]) -> None:
        self._form = form
        self._columns = tuple(columns)
        self._has_header = False

    def header(self) -> None:
        """Print the header of CSV, unless it was printed before."""
        if self._form is Form.CSV and not self._has_header:
            print_csv_line(self._columns)
        self._has_header = True

    def print(self, row: Mapping[str, Any]) -> None:
        """Print a row."""
        self.header()
        if self._form is Form.CSV:
            print_csv_line(row.get(name) for name in self._columns)
        else:
            print_json_line(row)


def print_rows(form: Form, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows for programs: one JSON list, or lines of JSON or CSV. `columns` are those of CSV."""
    if form is Form.JSON:
        print_json(list(rows))
        return
    printer = RowPrinter(form, columns)
    printer.header()
    for row in rows:
        printer.print(row)
