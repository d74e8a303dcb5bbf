"""A load reports its rows, its duration and its failure."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pytest

from interlock_sensors import InvalidRow, RecordedSensors

DAY = "2026-03-03"


@pytest.fixture
def sensors() -> RecordedSensors:
    return RecordedSensors()


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is 2.5 seconds after the one before."""
    ticks = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(ticks) * 2.5)


def report(sensors: RecordedSensors) -> dict[str, Any]:
    fields = sensors.fields("orders", f"landing#{DAY}")
    assert fields is not None
    return {name: value for name, value in fields.items() if name not in ("date", "updatedAt")}


def test_a_load_reports_its_rows_and_its_duration(sensors: RecordedSensors) -> None:
    with sensors.load("orders", "landing", date=DAY, source="s3") as load:
        load.add(1000)
        load.add(203)
        load.fields["late"] = 2
        assert sensors.writes == []
    wanted = {"complete": True, "count": Decimal(1203), "duration": Decimal("2.5"), "source": "s3", "late": Decimal(2)}
    assert report(sensors) == wanted


def test_a_load_without_a_count_reports_none(sensors: RecordedSensors) -> None:
    with sensors.load("orders", "landing", date=DAY):
        pass
    assert report(sensors) == {"complete": True, "duration": Decimal("2.5")}


def test_a_failed_load_is_never_complete(sensors: RecordedSensors) -> None:
    def work() -> None:
        with sensors.load("orders", "landing", date=DAY, source="s3") as load:
            load.add(7)
            load.fields.update(complete=True, unfinished=float("nan"))
            raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        work()
    assert report(sensors) == {
        "complete": False,
        "count": Decimal(7),
        "duration": Decimal("2.5"),
        "error": "OSError: no disk",
        "source": "s3",
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_interrupted_load_is_reported_as_failed(sensors: RecordedSensors, error: BaseException) -> None:
    with pytest.raises(type(error)), sensors.load("orders", "landing", date=DAY):
        raise error
    assert report(sensors)["complete"] is False


def test_a_long_error_is_cut(sensors: RecordedSensors) -> None:
    with pytest.raises(OSError, match="x"), sensors.load("orders", "landing", date=DAY):
        raise OSError("x\ud800" * 1000)
    assert len(report(sensors)["error"]) == 1000


def test_the_error_of_the_load_is_the_one_that_is_raised(
    sensors: RecordedSensors, caplog: pytest.LogCaptureFixture
) -> None:
    def work() -> None:
        with sensors.load("orders", "landing", date=DAY) as load:
            load.count = float("nan")  # type: ignore[assignment]
            raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        work()
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "the failed load could not be reported")
    assert "nan is not a finite number" in str(record.exc_info)
    assert sensors.writes == []


def test_a_success_that_cannot_be_reported_is_an_error(sensors: RecordedSensors) -> None:
    with pytest.raises(InvalidRow, match="share: nan"), sensors.load("orders", "landing", date=DAY) as load:
        load.fields["share"] = float("nan")
    assert sensors.writes == []


def test_an_invalid_load_fails_before_its_work(sensors: RecordedSensors) -> None:
    with pytest.raises(InvalidRow, match="date: 'soon'"):
        sensors.load("orders", "landing", date="soon")
    with pytest.raises(InvalidRow, match="complete: the load writes this field\nerror: the load writes this field"):
        sensors.load("orders", "landing", date=DAY, error=1, complete=True)
