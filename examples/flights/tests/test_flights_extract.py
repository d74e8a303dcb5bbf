"""The extract in the repository is complete, and the script reproduces it."""

import csv
import io
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

DATA = Path(__file__).parents[1] / "data"
TOTALS = {"2013-02-07": (932, 4), "2013-02-08": (930, 472)}


def _rows(day: str) -> list[dict[str, str]]:
    return [
        row
        for path in sorted((DATA / day).glob("*.csv"))
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    ]


@pytest.mark.parametrize("day", TOTALS)
def test_the_extract_has_every_hour_from_05_to_23(day: str) -> None:
    assert [path.name for path in sorted((DATA / day).iterdir())] == [f"{hour:02}.csv" for hour in range(5, 24)]


@pytest.mark.parametrize(("day", "totals"), TOTALS.items())
def test_the_extract_has_the_day_s_departures_and_cancellations(day: str, totals: tuple[int, int]) -> None:
    rows = _rows(day)
    assert (len(rows), sum(row["dep_time"] == "NA" for row in rows)) == totals


def _archive(path: Path, rows: list[dict[str, str]], columns: tuple[str, ...]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, (*columns, "hour"), restval="")
    writer.writeheader()
    writer.writerows(rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("flights.csv", text.getvalue())
    return path


def test_the_extract_made_again_from_shuffled_rows_is_the_same(tmp_path: Path, extract: ModuleType) -> None:
    rows = [row for day in TOTALS for row in _rows(day)]
    stranger = {**rows[0], "day": "9"}
    source = _archive(tmp_path / "flights.csv.zip", [stranger, *reversed(rows)], extract.COLUMNS)
    assert extract.main([str(source), str(tmp_path / "out")]) == 0
    made = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.csv")}
    assert made == {str(path.relative_to(DATA)): path.read_bytes() for path in DATA.rglob("*.csv")}


def test_an_archive_without_the_days_is_rejected(
    tmp_path: Path, extract: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _archive(tmp_path / "flights.csv.zip", _rows("2013-02-07"), extract.COLUMNS)
    assert extract.main([str(source), str(tmp_path / "out")]) == 2
    assert "no departures on 2013-02-08" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["absent.zip", "text.zip"])
def test_an_invalid_archive_is_rejected(
    name: str, tmp_path: Path, extract: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    assert extract.main([str(tmp_path / name)]) == 2
    assert name in capsys.readouterr().err
