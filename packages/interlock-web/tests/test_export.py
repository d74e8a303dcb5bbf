"""The exported files: every link leads to a file, a folder is replaced at once, and nothing else is."""

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from interlock_lifecycle import RunStatus
from interlock_web import Reader, export_pages
from interlock_web._export import Exported, NotReplaced
from interlock_web._links import file_word


def links(folder: Path) -> set[tuple[str, str]]:
    """Each link of each page: the page and the file."""
    found = set()
    for page in folder.glob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', page.read_text()):
            found.add((page.name, unquote(unescape(link))))
    return found


def test_every_link_leads_to_a_file(site: Any, reader: Reader, tmp_path: Path) -> None:
    site.all_states()
    for number in range(60):
        site.pipeline(f"p{number:03d}")
    done = export_pages(reader, "test", tmp_path / "pages", days=7)
    folder = tmp_path / "pages"
    missing = {(page, link) for page, link in links(folder) if not (folder / link).is_file()}
    assert missing == set()
    assert (folder / "index-50.html").is_file()
    assert done == Exported(done.files, overviews=2, days=7, pipelines=68, runs=6)
    assert done.files == sum(1 for path in folder.rglob("*") if path.is_file())


def test_each_day_has_its_time_axis(site: Any, reader: Reader, tmp_path: Path) -> None:
    site.all_states()
    export_pages(reader, "test", tmp_path / "pages", days=3)
    folder = tmp_path / "pages"
    assert {path.name for path in folder.glob("day-*")} == {f"day-2026-03-0{n}.html" for n in (1, 2, 3)}
    shown = (folder / "day-2026-03-03.html").read_text()
    assert 'class="bar' in shown
    assert 'href="run-held-2026-03-03.html"' in shown
    assert "No run of this day" in (folder / "day-2026-03-01.html").read_text()
    assert 'href="day-2026-03-02.html"' in (folder / "index.html").read_text()


def test_each_part_of_a_day_is_a_file(site: Any, reader: Reader, tmp_path: Path) -> None:
    for number in range(60):
        site.close(site.begin(f"p{number:03d}"))
    export_pages(reader, "test", tmp_path / "pages", days=1)
    first, second = (
        (tmp_path / "pages" / name).read_text() for name in ("day-2026-03-03.html", "day-2026-03-03-50.html")
    )
    assert 'href="day-2026-03-03-50.html"' in first
    assert (first.count('<svg class="day"'), second.count('<svg class="day"')) == (51, 11)


def test_a_date_that_needs_a_look_has_its_page(site: Any, reader: Reader, tmp_path: Path) -> None:
    site.all_states()
    export_pages(reader, "test", tmp_path / "pages")
    assert "exit code 3" in (tmp_path / "pages" / "run-failed-2026-03-03.html").read_text()
    assert not (tmp_path / "pages" / "run-completed-2026-03-03.html").exists()


def test_each_hour_that_needs_a_look_has_its_page(site: Any, reader: Reader, tmp_path: Path) -> None:
    site.pipeline("hourly")
    for hour in range(4):
        run = site.begin("hourly", f"2026-03-03T0{hour}")
        site.close(run, RunStatus.COMPLETED if hour == 2 else RunStatus.FAILED_FINAL)
    export_pages(reader, "test", tmp_path / "pages", days=1)
    names = sorted(path.name for path in (tmp_path / "pages").glob("run-*"))
    assert names == [f"run-hourly-2026-03-03T0{hour}.html" for hour in (0, 1, 3)]


def test_files_have_a_policy_and_no_stream(site: Any, reader: Reader, tmp_path: Path) -> None:
    site.all_states()
    export_pages(reader, "test", tmp_path / "pages")
    text = (tmp_path / "pages" / "index.html").read_text()
    assert 'http-equiv="Content-Security-Policy"' in text
    assert not re.search(r"data-live|hx-get|htmx\.min|<form|follows changes", text)
    run = (tmp_path / "pages" / "run-failed-2026-03-03.html").read_text()
    assert not re.search(r"read again|rel=\"prev\"", run)
    assert "read 2026-03-03 13:00 CET" in run


def test_hostile_names_become_plain_files(site: Any, reader: Reader, tmp_path: Path) -> None:
    for name in ("../../escape", "a/b", "UPPER", 'x"><script>', "..", "con", "p" * 300):
        site.close(site.begin(name))
        site.breach(name, "2026-03-02")
    export_pages(reader, "test", tmp_path / "pages")
    assert {path.name for path in tmp_path.iterdir()} == {"pages"}
    names = {path.name for path in (tmp_path / "pages").iterdir()}
    assert all(re.fullmatch(r"\.?[a-z0-9_][a-z0-9_.T-]*", name) for name in names)
    assert len([name for name in names if name.startswith("pipeline-")]) == 7


def test_two_names_never_share_a_file() -> None:
    words = {file_word(name) for name in ("a", "A", "_a", "a.b", "a/b", "a b", "", "-a")}
    assert len(words) == 8


def test_an_earlier_export_is_replaced(site: Any, reader: Reader, tmp_path: Path) -> None:
    site.all_states()
    folder = tmp_path / "pages"
    export_pages(reader, "test", folder)
    (folder / "old.html").write_text("old")
    export_pages(reader, "test", folder)
    assert not (folder / "old.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_foreign_target_is_never_replaced(site: Any, reader: Reader, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "mine"
    if kind == "folder":
        target.mkdir()
        (target / "letter.txt").write_text("dear")
    else:
        target.write_text("dear")
    with pytest.raises(NotReplaced, match="no folder of an earlier export"):
        export_pages(reader, "test", target)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_failed_export_leaves_the_earlier_one(
    site: Any, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.all_states()
    folder = tmp_path / "pages"
    export_pages(reader, "test", folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*.html")}
    site.close(site.begin("quiet"))

    def fail(*_: Any) -> Any:
        raise ConnectionError("away")

    monkeypatch.setattr(reader, "pipeline", fail)
    with pytest.raises(ConnectionError):
        export_pages(reader, "test", folder)
    assert {path.name: path.read_bytes() for path in folder.glob("*.html")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]
