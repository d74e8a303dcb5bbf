"""The feed lands real files and returns their sensor rows."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType

import pytest

AT = datetime(2026, 3, 3, 8, tzinfo=timezone(timedelta(hours=1)))
DAY = "2013-02-07"


def _clock() -> Callable[[], datetime]:
    return lambda: AT


def _landed(home: Path, hour: str) -> int:
    return len((home / "landing" / DAY / f"{hour}.csv").read_text().splitlines()) - 1


def test_the_days_are_two_in_a_row(feed: ModuleType) -> None:
    assert feed.days() == ("2013-02-07", "2013-02-08")


def test_a_landed_hour_is_whole_and_its_sensor_says_so(home: Path, feed: ModuleType) -> None:
    (row,) = feed.land_hour(home, DAY, "07", _clock())
    assert (row.pipeline, row.key) == ("bronze-flights", "landing#2013-02-07T07")
    assert row.fields == {
        "date": DAY,
        "hour": "07",
        "updatedAt": "2026-03-03T07:00:00.000Z",
        "status": "landed",
        "rows": 66,
        "expected_rows": 66,
        "missing_rows": 0,
    }
    assert _landed(home, "07") == 66


def test_a_short_hour_lands_in_two_parts(home: Path, feed: ModuleType) -> None:
    parts = feed.land_short_hour(home, DAY, "07", _clock(), missing=20)
    first = next(parts)
    assert (first.fields["rows"], first.fields["missing_rows"], _landed(home, "07")) == (46, 20, 46)
    second = next(parts)
    assert (second.key, second.fields["missing_rows"], _landed(home, "07")) == (first.key, 0, 66)
    assert next(parts, None) is None


@pytest.mark.parametrize("missing", [0, -1, 67])
def test_an_impossible_number_of_late_rows_is_rejected(missing: int, home: Path, feed: ModuleType) -> None:
    with pytest.raises(feed.FeedError, match="has 66 departures"):
        next(feed.land_short_hour(home, DAY, "07", _clock(), missing=missing))
    assert not (home / "landing").exists()


def test_a_short_file_reports_complete_until_it_is_amended(home: Path, feed: ModuleType) -> None:
    row = feed.land_believed_whole(home, DAY, "07", AT, missing=20)
    believed = (row.fields["status"], row.fields["rows"], row.fields["missing_rows"], _landed(home, "07"))
    assert believed == ("landed", 46, 0, 46)
    after = feed.amend(home, DAY, "07", AT)
    amended = (after.fields["status"], after.fields["rows"], after.fields["missing_rows"], _landed(home, "07"))
    assert (after.key, amended) == (row.key, ("amended", 66, 0, 66))


@pytest.mark.parametrize("missing", [0, -1, 67])
def test_a_short_file_must_miss_rows(missing: int, home: Path, feed: ModuleType) -> None:
    with pytest.raises(feed.FeedError, match="has 66 departures"):
        feed.land_believed_whole(home, DAY, "07", AT, missing=missing)
    assert not (home / "landing").exists()


def test_the_dry_run_gets_the_same_sensor(home: Path, feed: ModuleType) -> None:
    row = feed.land(home, DAY, "07", AT)
    shadow = feed.dry_run_of(row)
    assert (shadow.pipeline, shadow.key, shadow.fields) == ("bronze-shadow", row.key, row.fields)


def test_the_rest_of_a_short_hour_lands_after_the_next_hour(home: Path, feed: ModuleType) -> None:
    rows = list(feed.land_day(home, DAY, _clock(), short={"07": 3, "23": 1}))
    seen = [(row.fields["hour"], row.fields["missing_rows"]) for row in rows]
    assert seen[:5] == [("05", 0), ("06", 0), ("07", 3), ("08", 0), ("07", 0)]
    assert seen[-2:] == [("23", 1), ("23", 0)]
    assert sum(_landed(home, hour) for hour in feed.hours(DAY)) == 932


def test_a_file_lands_only_when_its_row_is_asked_for(home: Path, feed: ModuleType) -> None:
    rows = feed.land_day(home, DAY, _clock())
    next(rows)
    assert [path.name for path in (home / "landing" / DAY).iterdir()] == ["05.csv"]


def test_a_shortened_day_has_only_the_named_hours(home: Path, feed: ModuleType) -> None:
    rows = list(feed.land_day(home, DAY, _clock(), only=["23", "06"]))
    assert [row.fields["hour"] for row in rows] == ["06", "23"]
    with pytest.raises(feed.FeedError, match="no hour 04"):
        list(feed.land_day(home, DAY, _clock(), only=["04"]))


def test_bronze_is_done_when_its_file_is_there(home: Path, feed: ModuleType) -> None:
    assert feed.bronze_done(home, DAY, "07", AT) is None
    (home / "bronze" / DAY).mkdir(parents=True)
    (home / "bronze" / DAY / "07.csv").write_text("day\n2013-02-07\n2013-02-07\n")
    row = feed.bronze_done(home, DAY, "07", AT)
    assert (row.pipeline, row.key) == ("silver-flights", "bronze-done#2013-02-07T07")
    assert (row.fields["date"], row.fields["hour"], row.fields["rows"]) == (DAY, "07", 2)


def test_silver_progress_counts_the_missing_hours(home: Path, feed: ModuleType) -> None:
    assert feed.silver_progress(home, DAY, AT) is None
    folder = home / "silver" / DAY
    folder.mkdir(parents=True)
    (folder / "05.json").write_text('{"groups": [{"scheduled": 2}, {"scheduled": 3}]}')
    (folder / "07.json").write_text('{"groups": []}')
    row = feed.silver_progress(home, DAY, AT)
    assert (row.pipeline, row.key) == ("gold-flights", "silver-progress#2013-02-07")
    assert row.fields == {
        "date": DAY,
        "hours_done": 2,
        "hours_expected": 19,
        "missing_hours": 17,
        "waiting_for": "06",
        "departures": 5,
        "updatedAt": "2026-03-03T07:00:00.000Z",
    }
    assert feed.silver_progress(home, DAY, AT, only=["05", "07"]).fields["missing_hours"] == 0


def test_a_day_that_is_not_there_is_named(feed: ModuleType) -> None:
    with pytest.raises(feed.FeedError, match="no flights on 2013-02-09: the extract has 2013-02-07, 2013-02-08"):
        feed.hours("2013-02-09")
    with pytest.raises(feed.FeedError, match="no departures on 2013-02-07 in hour 04"):
        feed.expected_rows(DAY, "04")
