"""Writes the pages as static files: a folder is complete, or it stays as it was."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from interlock_web._app import STATIC
from interlock_web._board import ROWS_OF_A_PART
from interlock_web._commands import Shell
from interlock_web._links import FileLinks
from interlock_web._pages import Pages, View
from interlock_web._reader import Reader
from interlock_web._states import CellState, states_of
from interlock_web._views import day_of, finished, read_board

MARK = ".interlock-web"
"""A file of each exported folder. A folder without it is not replaced."""

_SIMPLE = (CellState.COMPLETED,)
"""The states of a date that needs no page."""

_STATIC = ("page.css", "page.js", "icon.svg")


class Exported(Struct, frozen=True):
    """The number of files, and of the pages of each kind."""

    files: int
    overviews: int
    days: int
    pipelines: int
    runs: int


class NotReplaced(Exception):
    """The target exists and is no folder that an export wrote."""


def export_pages(
    reader: Reader,
    environment: str,
    target: Path,
    *,
    days: int = 14,
    region: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write the overview, its days, each pipeline, and each date that is not simply completed, into a folder.

    region: that of the deployment, for the pages of jobs at AWS. None outside of AWS.

    The files are written into another folder, which then takes its place at once. An earlier export there is replaced.

    Raises:
        NotReplaced: the target is something else.
        OSError: the files cannot be written.
    """
    if target.exists() and not (target / MARK).is_file() and any(target.iterdir() if target.is_dir() else [target]):
        raise NotReplaced(f"{target} exists and is no folder of an earlier export")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        done = _write(reader, environment, scratch, days, region, say)
        scratch.chmod(0o755)
        _take_place(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return done


def _take_place(scratch: Path, target: Path) -> None:
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        if target.exists():
            os.replace(target, old / "earlier")
        try:
            os.replace(scratch, target)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.replace(old / "earlier", target)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _write(
    reader: Reader, environment: str, folder: Path, days: int, region: str | None, say: Callable[[str], None]
) -> Exported:
    board = read_board(reader, View(days=days))
    dates = (date for row in board.rows for cell in row.cells for date in cell.dates)
    # A date with a run under either kind of schedule has one page.
    unfinished = board.elsewhere.dates
    wanted = [*(date for date in dates if states_of(date) != _SIMPLE), *unfinished]
    keys = {(date.key.pipeline_id, str(date.key.date)): date.key for date in wanted}
    links = FileLinks(frozenset(keys), frozenset(board.days))
    pages = Pages(Shell(environment), links, region)
    offsets = range(0, max(board.found, 1), ROWS_OF_A_PART)
    for offset in offsets:
        view = View(days=days, offset=offset)
        rows = finished(reader, board.rows[offset : offset + ROWS_OF_A_PART])
        _put(folder, links.overview({"offset": offset or ""}), pages.overview(board, rows, view))
    for day in board.days:
        for offset in offsets:
            view = View(until=day, days=1, offset=offset)
            _put(folder, links.day(view.query()), pages.day(*day_of(reader, view), view))
    # A removed pipeline has no row in the overview, and its run of another day may still be unfinished.
    names = list(dict.fromkeys([*(row.pipeline for row in board.rows), *(date.key.pipeline_id for date in unfinished)]))
    for place, name in enumerate(names):
        _put(folder, links.pipeline(name), pages.pipeline(reader.pipeline(name)))
        if place % ROWS_OF_A_PART == ROWS_OF_A_PART - 1:
            say(f"{place + 1} of {len(names)} pipelines")
    for key in keys.values():
        _put(folder, links.run(key), pages.run(reader.run(key.pipeline_id, key.date)))
    (folder / "static").mkdir()
    for name in _STATIC:
        shutil.copy(STATIC / name, folder / "static" / name)
    (folder / MARK).write_text("The pages of `interlock web --export`. The next export replaces this folder.\n")
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    return Exported(files, len(offsets), len(board.days), len(names), len(keys))


def _put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
