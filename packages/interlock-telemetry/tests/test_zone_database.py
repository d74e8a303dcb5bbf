"""The check of a ping that names the database of time zones."""

import sys
import zoneinfo
from pathlib import Path
from types import SimpleNamespace

import pytest

from interlock_telemetry import zone_database

PACKED = SimpleNamespace(IANA_VERSION="2026f", __version__="2026.6")


@pytest.fixture(autouse=True)
def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tzdata", PACKED)


def search(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", tuple(map(str, folders)))


def system(folder: Path, name: str = "", line: str = "") -> Path:
    folder.mkdir()
    (folder / "UTC").write_bytes(b"TZif")
    if name:
        (folder / name).write_text(line, encoding="utf-8")
    return folder


def test_package_decides_without_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    search(monkeypatch)
    assert zone_database() == "2026f from the package tzdata 2026.6"


@pytest.mark.parametrize(
    ("name", "line", "version"),
    [
        ("tzdata.zi", "# version 2025b\nR d 1916 o\n", "2025b"),
        ("+VERSION", "2024a\n", "2024a"),
        ("tzdata.zi", "# redo\n", "a database without a version"),
        ("", "", "a database without a version"),
    ],
    ids=["debian", "bsd", "unreadable", "absent"],
)
def test_older_folder_of_the_system_wins_and_is_named(
    name: str, line: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = system(tmp_path / "zoneinfo", name, line)
    search(monkeypatch, tmp_path / "absent", folder)
    assert zone_database() == f"{version} from {folder}"


def test_first_folder_with_zones_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = system(tmp_path / "a", "+VERSION", "2020a"), system(tmp_path / "b", "+VERSION", "2026a")
    search(monkeypatch, first, second)
    assert zone_database() == f"2020a from {first}"


def test_no_database_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tzdata", None)
    search(monkeypatch)
    with pytest.raises(LookupError, match="no database of time zones"):
        zone_database()
