"""Reads an export of the tables: files in DynamoDB's JSON, as its export to S3 or `aws dynamodb scan` writes them."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interlock_cli._output._counted import counted
from interlock_cli._output._errors import CliError
from interlock_store import EXPORTED, Store, from_wire, store_of_rows

_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_MOST_PROBLEMS = 20


class _Unreadable(Exception):
    """A file or a row that cannot be read, with its place and the reason."""


def read_export(folder: str, pipeline_id: str) -> Store:
    """The rows of a pipeline in an export, with all calendars and configs, as a store in memory.

    The folder has one file or one folder per table: control, joblog, events. A file has one `{"Item": …}` per line, or
    one document with `Items`. Raises CliError for all unreadable files and rows at once.
    """
    root, wanted = Path(folder), f"PIPELINE#{pipeline_id}"
    problems: list[str] = []
    rows: list[tuple[str, dict[str, Any]]] = []
    for table in EXPORTED:
        files = sorted(_files_of(root, table))
        if not files:
            problems.append(f"{root / table}: there is no file or folder {table}, such as {table}.jsonl or {table}/")
        for file in files:
            try:
                rows += [(table, row) for row in _rows_of(file) if row["PK"] == wanted or _is_shared(row)]
            except _Unreadable as problem:
                problems.append(str(problem))
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        raise CliError(
            *problems[:_MOST_PROBLEMS], *([f"{counted(more, 'more file')} cannot be read"] if more > 0 else [])
        )
    return store_of_rows(rows)


def _is_shared(row: dict[str, Any]) -> bool:
    """Whether the row is a calendar, or the config of a pipeline, whose id the error for an unknown one names."""
    return str(row["PK"]).startswith("CALENDAR#") or row["SK"] == "CONFIG"


def _files_of(root: Path, table: str) -> Iterator[Path]:
    """The files of a table. An export to S3 has manifests too, which have no rows."""
    for ending in _ENDINGS:
        if (single := root / f"{table}{ending}").is_file():
            yield single
    for file in (root / table).rglob("*"):
        if file.is_file() and file.name.endswith(_ENDINGS) and not file.name.startswith("manifest-"):
            yield file


def _rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file. Raises _Unreadable."""
    text = _text_of(file)
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "Items" in whole:
        if not isinstance(whole["Items"], list):
            raise _Unreadable(f"{file}: Items must be a list of rows")
        yield from (_row(item, f"{file}: row {number}") for number, item in enumerate(whole["Items"], 1))
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _row_of_line(line, f"{file}:{number}")


def _text_of(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise _Unreadable(f"{file}: cannot be read: {error}") from None


def _row_of_line(line: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise _Unreadable(f"{place}: is not JSON ({error}); must be a line {{'Item': …}}") from None
    if not isinstance(found, dict) or not isinstance(found.get("Item"), dict):
        raise _Unreadable(f"{place}: has no Item; must be a line {{'Item': …}} of DynamoDB's JSON")
    return _row(found["Item"], place)


def _row(item: Any, place: str) -> dict[str, Any]:
    try:
        row = from_wire(item)
    except (ValueError, TypeError, AttributeError) as error:
        raise _Unreadable(f"{place}: is not a row in DynamoDB's JSON: {error}") from None
    if not isinstance(row.get("PK"), str) or not isinstance(row.get("SK"), str):
        raise _Unreadable(f"{place}: has no PK and SK, which must be texts")
    return row
