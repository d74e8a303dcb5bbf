"""Attacks on the dates of rows. Each of these stories once had a wrong result."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from dates.test_which_date import HOURLY, Play
from sla.lambdas import NAMES

from interlock_config import decode_yaml
from interlock_controller.effects import Wakes
from interlock_controller.records import SensorIntake
from interlock_lifecycle import KeptRows, RunKey, RunStatus, Sensor
from interlock_lifecycle.sensors import UnreadableSensor
from interlock_lifecycle.sensors._kept import decide_keeping, rows_passed
from interlock_lifecycle.sensors._rejected import rejection_marker
from interlock_rules import Check, KeptRow, Rule, row_date, select_rows
from interlock_sla import parse_execution_date
from interlock_store import ConfigCache, MemoryTables, Overview, Store
from interlock_store._rows import marker_sk
from interlock_store._write import Delete, Put

OTHER = HOURLY.replace("rules: [", "rules: [{key: other, check: exists, anyDate: true}, ")
AT = datetime(2026, 3, 3, 10, tzinfo=UTC)
DAY = parse_execution_date("2026-03-03")


def test_one_row_opens_one_date() -> None:
    play = Play(start="03-02 00:00").write("03-04 00:00", "landing", count=1500, updatedAt="2026-03-03T23:59:50Z")
    assert play.until("03-04 03:00").jobs == ["03-04"]


def test_a_deleted_row_starts_no_job() -> None:
    play = Play(OTHER).write("03-03 20:00", "landing", date="2026-03-03", count=1500).until("03-03 20:10")
    play.stage.tables.transact([Delete(NAMES.control, "PIPELINE#p", "SENSOR#landing")])
    assert play.write("03-03 20:20", "other", x=1).until("03-03 21:30").jobs == []


def test_watchdog_opens_no_date_with_replaced_row(monkeypatch: pytest.MonkeyPatch) -> None:
    play, read, did = Play(OTHER), Overview.sensor_rows, []
    play.stage.router_is_up = False
    play.write("03-03 23:02", "landing", date="2026-03-03", count=1500).until("03-03 23:04")
    play.stage.records.clear()  # the record is lost
    play.stage.router_is_up = True

    def racing(self, *args):
        rows = read(self, *args)
        if not did:
            did.append(1)
            play.stage.store.put_sensor("p", "landing", {"complete": False, "date": "2026-03-03", "count": 2})
            play.stage._drain()  # the router handles the row before the watchdog commits
        return rows

    monkeypatch.setattr(Overview, "sensor_rows", racing)
    play.until("03-03 23:06").write("03-04 00:01", "landing", date="2026-03-04", count=1500)
    assert "03-03" not in play.write("03-04 00:03", "other", x=1).until("03-04 03:00").jobs


def test_dry_run_uses_newest_row_of_date() -> None:
    play = Play(OTHER + "dryRun: true\n").write("03-03 23:30", "landing", date="2026-03-03", count=1500)
    play.write("03-03 23:40", "landing", date="2026-03-03", count=2, complete=False)
    play.write("03-03 23:50", "landing", date="2026-03-04", count=7, complete=False)
    play.write("03-04 00:05", "other", x=1).until("03-04 00:30")
    assert play.events("DRY_RUN_WOULD_TRIGGER") == []


def test_clock_200_ms_ahead_does_not_lose_newest_row() -> None:
    kept = KeptRows({"landing": KeptRow({"count": 1500}, AT + timedelta(seconds=6.15))}, 2)
    late = Sensor("p", "landing", {"date": "2026-03-03", "count": 2}, AT + timedelta(seconds=5))
    assert decide_keeping(late, RunKey("p", "stream", DAY), ("landing",), kept) is not None


def test_pass_does_not_replace_newer_kept_row() -> None:
    kept, rule = (
        KeptRows({"landing": KeptRow({"count": 2}, AT + timedelta(seconds=9))}, 2),
        Rule("landing", Check.EXISTS),
    )
    found = rows_passed(select_rows({"landing": {"count": 1500}}, [rule], DAY, kept.rows), [rule], kept, DAY, AT)
    assert found is None or found.rows["landing"].fields == {"count": 2}


def test_newest_row_is_kept_after_change_of_schedule_kind() -> None:
    play = Play(OTHER).write("03-03 23:30", "landing", date="2026-03-03", count=1500).until("03-03 23:31")
    play.stage.push(OTHER.replace("schedule:\n", 'schedule:\n  cron: "0 22 * * *"\n'))
    play.write("03-03 23:40", "landing", date="2026-03-03", count=2, complete=False)
    play.write("03-04 00:05", "landing", date="2026-03-04", count=1500)
    assert "03-03" not in play.write("03-04 00:10", "other", x=1).until("03-04 03:00").jobs


def test_hours_under_key_of_day_are_kept() -> None:
    play = Play()
    play.stage.jobs.plan = [("fail", 50), ("ok", 10)]
    play.write("03-03 07:05", "landing#2026-03-03", hour="06", count=1500)
    play.write("03-03 07:50", "landing#2026-03-03", hour="07", count=1600).until("03-03 12:00")
    assert play.run("03-03T06").status is RunStatus.COMPLETED


@pytest.mark.parametrize(
    "corrupted",
    [
        {"count": Decimal(0)},
        {"markedAt": "x", "count": Decimal(0)},
        {"markedAt": "2026-03-03T06:00:00Z", "count": Decimal(0)},
        {"markedAt": "2026-03-03T06:00:00.000000Z"},
    ],
)
def test_a_corrupted_marker_blocks_no_shard(corrupted: Any) -> None:
    tables = MemoryTables()
    store = Store(tables, NAMES)
    store.put_config(decode_yaml(HOURLY, "p"))
    bad = Sensor("p", "landing", {"complete": True, "date": "2026/03/03"}, AT)
    sk = marker_sk(rejection_marker(bad, row_date("landing", bad.fields)))
    tables.transact([Put(NAMES.control, {"PK": "PIPELINE#p", "SK": sk, **corrupted})])
    with pytest.raises(UnreadableSensor):
        SensorIntake(
            store,
            ConfigCache(store, lambda: AT),
            Wakes(store, lambda token: False, lambda: AT),
            execution_timeout=timedelta(hours=4),
        ).arrived(bad)


def test_a_corrupted_version_blocks_no_shard() -> None:
    tables = MemoryTables()
    store = Store(tables, NAMES)
    store.put_config(decode_yaml(HOURLY, "p"))
    context = SensorIntake(
        store,
        ConfigCache(store, lambda: AT),
        Wakes(store, lambda token: False, lambda: AT),
        execution_timeout=timedelta(hours=4),
    )
    for count in (5, 6):
        context.arrived(Sensor("p", "landing", {"complete": True, "date": "2026-03-03", "count": Decimal(count)}, AT))
        row = {"PK": "PIPELINE#p", "SK": "KEPT#stream#2026-03-03", "version": Decimal("1.5"), "rows": {}}
        tables.transact([Put(NAMES.control, row)])


def test_random_texts_cause_few_reports() -> None:
    play = Play()
    for number in range(300):
        play.write("03-03 07:00", "landing", date=f"{number * 7919**9 % 2**64:x}", count=number)
    assert len(play.until("03-03 08:00").reported("SENSOR_REJECTED")) < 20


def test_sensors_that_differ_in_one_digit_are_two_reports() -> None:
    play = Play(HOURLY.replace("rules: [", "rules: [{key: feed1, check: exists}, {key: feed2, check: exists}, "))
    play.write("03-03 07:00", "feed1", date="2026/03/03").write("03-03 07:01", "feed2", date="2026/03/03")
    assert {d["detail"]["sensorKey"] for _, d in play.until("03-03 08:00").reported("SENSOR_REJECTED")} == {
        "feed1",
        "feed2",
    }


def test_rejected_row_opens_no_date_later() -> None:
    play = Play().write("03-03 20:00", "landing", date="2026-04-20", count=1500)
    assert play.until("03-25 00:00").jobs == []


@pytest.mark.parametrize(
    "suffix",
    [
        "2026-03-03T23:00:00Z",
        "20260303T2300",
        "20260303T23:00:00Z",
        "2026030323",
        "dt=2026-03-03",
        "2026-03-03\n",
        "2026-03-03#eu",
        "20260303T000000Z",
    ],
)
def test_a_date_in_an_unusual_suffix_is_not_today(suffix: str) -> None:
    play = Play(
        HOURLY.replace("{key: landing, check: gte, field: count, value: 1000}", "{key: quality, check: exists}")
    )
    play.write("03-03 23:00", "quality", ok=1).write("03-04 00:10", f"landing#{suffix}", count=1)
    assert "03-04" not in play.until("03-04 02:00").jobs


def test_rejected_rows_under_random_keys_cause_few_reports() -> None:
    play = Play()
    for number in range(300):
        batch = f"{number * 7919**9 % 2**64:016x}"
        play.write("03-03 07:00", f"landing#2026-03-03-{batch}", count=number)
        play.write("03-03 07:00", f"landing#{batch[:8]}-{batch[8:]}", date="2026/03/03", count=number)
    assert len(play.until("03-03 08:00").letters.all) == 600
    assert len(play.reported("SENSOR_REJECTED")) < 20
