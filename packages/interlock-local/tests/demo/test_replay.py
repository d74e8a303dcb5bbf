"""The demo's external systems: the times of landings, the waits for runs, and the sensors about jobs."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from interlock_config import decode_yaml
from interlock_lifecycle.reports import Progress
from interlock_local._terminal import Part
from interlock_local.demo._feed import load_feed
from interlock_local.demo._operators import FIXED, Operators
from interlock_local.demo._replay import Replay
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, SILVER, write_script
from interlock_local.demo._watch import Standing
from interlock_store import MemoryTables, Store, TableNames

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOURS = {"2013-02-07": tuple(f"{hour:02}" for hour in range(5, 16)), "2013-02-08": ("05", "06", "07", "08")}
SCRIPT = write_script(HOURS, pace=1.0)
DONE, AGAIN = (Progress.COMPLETED, 0), (Progress.COMPLETED, 1)
THROUGH = {(BRONZE, SCRIPT.amended): DONE, (SILVER, SCRIPT.amended): DONE}
RERUN = {(BRONZE, SCRIPT.amended): AGAIN, (SILVER, SCRIPT.amended): AGAIN}


class World:
    """A replay with in-memory tables and a clock that the test sets."""

    def __init__(self, home: Path) -> None:
        self.feed: ModuleType = load_feed()
        self.home = home
        self.now = 0.0
        self.store = Store(MemoryTables(), TableNames.of_environment("demo"))
        self.said: list[str] = []
        self.replay = Replay(SCRIPT, self.feed, home, self.store, self.note, clock=lambda: self.now, now=self.utc)
        self.replay.prepare()

    def utc(self) -> datetime:
        return AT + timedelta(seconds=self.now)

    def land_all(self) -> None:
        """Land every hour. All are due after twenty seconds, and each call lands a few."""
        for _ in SCRIPT.landings:
            self.act(20.0)

    def note(self, *parts: Part) -> None:
        self.said.append("".join(part if isinstance(part, str) else part[1] for part in parts))

    def act(self, at: float, busy: int = 0, standing: Standing | None = None, quiet: float = 0.0) -> None:
        self.now = at
        self.replay.act(busy, standing or {}, quiet)

    def sensor(self, pipeline: str, key: str) -> dict[str, object]:
        return dict(self.store.all_sensors(pipeline).get(key, {}))

    def landed(self, date: str) -> dict[str, object]:
        return self.sensor(BRONZE, f"landing#{date}")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_hours_land_for_bronze_and_its_dry_run_alike(world: World) -> None:
    world.act(2.5)
    assert sorted(world.store.all_sensors(BRONZE)) == ["landing#2013-02-07T05", "landing#2013-02-07T06"]
    assert world.store.all_sensors(DRY_RUN) == world.store.all_sensors(BRONZE)


def test_no_hour_lands_while_enough_runs_are_in_progress(world: World) -> None:
    world.act(2.5, busy=4)
    assert world.store.all_sensors(BRONZE) == {}
    world.act(2.6, busy=3)
    assert list(world.store.all_sensors(BRONZE)) == ["landing#2013-02-07T05"]


def test_rest_of_a_short_hour_ignores_runs_in_progress(world: World) -> None:
    world.act(10.0)
    assert world.landed(SCRIPT.short)["missing_rows"] == 12
    held = {(BRONZE, SCRIPT.short): (Progress.HELD, 0)}
    world.act(17.9, busy=9, standing=held)
    assert world.landed(SCRIPT.short)["missing_rows"] == 12
    world.act(18.1, busy=9, standing=held)
    assert world.landed(SCRIPT.short)["missing_rows"] == 0
    assert SCRIPT.short in world.replay.rest_landed


@pytest.mark.parametrize("standing", [{}, {(BRONZE, SCRIPT.short): (Progress.COMMITTED, 0)}])
def test_rest_of_a_short_hour_waits_for_hold_or_silence(world: World, standing: Standing) -> None:
    world.act(10.0)
    world.act(300.0, standing=standing, quiet=39.9)
    assert world.landed(SCRIPT.short)["missing_rows"] == 12
    world.act(300.1, standing=standing, quiet=40.0)
    assert world.landed(SCRIPT.short)["missing_rows"] == 0


def test_hour_is_whole_since_the_first_report_of_its_sensors(world: World) -> None:
    world.act(10.0)
    assert world.replay.whole_since["2013-02-07T05"] == AT + timedelta(seconds=10)
    assert SCRIPT.short not in world.replay.whole_since
    world.land_all()
    believed = world.replay.whole_since[SCRIPT.amended]
    world.act(40.0, standing={(BRONZE, SCRIPT.short): (Progress.HELD, 0)})
    world.act(45.0, standing=THROUGH)
    assert world.replay.whole_since[SCRIPT.short] == AT + timedelta(seconds=40)
    assert SCRIPT.amended in world.replay.rest_landed
    assert world.replay.whole_since[SCRIPT.amended] == believed


def test_file_reported_whole_is_amended_only_after_its_runs(world: World) -> None:
    world.land_all()
    believed = world.landed(SCRIPT.amended)
    assert (believed["status"], believed["missing_rows"]) == ("landed", 0)
    running = (Progress.RUNNING, 0)
    one_is_done = [{(BRONZE, SCRIPT.amended): DONE}, {(SILVER, SCRIPT.amended): DONE}]
    for standing in ({}, *one_is_done, {**THROUGH, (SILVER, SCRIPT.amended): running}):
        world.act(40.0, standing=standing)
        assert world.landed(SCRIPT.amended) == believed
    world.act(41.0, standing=THROUGH)
    amended = world.landed(SCRIPT.amended)
    assert (amended["status"], int(str(amended["rows"])) - int(str(believed["rows"]))) == ("amended", 9)


def test_late_rest_waits_for_amended_hour_during_progress(world: World) -> None:
    world.land_all()
    world.act(73.0, standing=THROUGH)
    assert world.landed(SCRIPT.late)["missing_rows"] == 7
    world.act(1000.0, standing=THROUGH, quiet=39.9)
    assert world.landed(SCRIPT.late)["missing_rows"] == 7
    world.act(1001.0, standing=THROUGH, quiet=40.1)
    assert world.landed(SCRIPT.late)["missing_rows"] == 0


def test_late_rest_comes_after_the_amended_hour_ran_again(world: World) -> None:
    world.land_all()
    world.act(71.9, standing=RERUN)
    assert world.landed(SCRIPT.late)["missing_rows"] == 7
    world.act(72.1, standing=RERUN)
    assert world.landed(SCRIPT.late)["missing_rows"] == 0


def test_changed_file_of_a_job_is_reported_again(world: World) -> None:
    path = world.home / "bronze" / "2013-02-07" / "05.csv"
    path.parent.mkdir(parents=True)
    path.write_text("day\n1\n2\n")
    world.act(0.1)
    first = world.sensor(SILVER, "bronze-done#2013-02-07T05")
    world.act(0.2)
    assert world.sensor(SILVER, "bronze-done#2013-02-07T05") == first
    path.write_text("day\n1\n2\n3\n")
    world.act(0.3)
    assert (first["rows"], world.sensor(SILVER, "bronze-done#2013-02-07T05")["rows"]) == (2, 3)


def test_hour_that_silver_counts_again_updates_gold(world: World) -> None:
    path = world.home / "silver" / "2013-02-07" / "05.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"groups": [{"scheduled": 2}]}')
    world.act(0.1)
    path.write_text('{"groups": [{"scheduled": 4}]}')
    world.act(0.2)
    progress = world.sensor(GOLD, "silver-progress#2013-02-07")
    assert (progress["hours_done"], progress["departures"]) == (1, 4)


def test_one_fault_fails_once_and_another_until_it_is_fixed(world: World) -> None:
    faults = {path.name: path.read_text() for path in (world.home / "faults").iterdir()}
    assert faults == {f"bronze-{SCRIPT.flaky}": "", f"bronze-{SCRIPT.broken}": "lasting"}


def test_operators_fix_and_request_after_the_last_retry(world: World) -> None:
    text = (Path(str(world.feed.__file__)).parent / "pipelines" / "bronze-flights.yaml").read_text()
    world.store.put_config(decode_yaml(text, "bronze-flights.yaml"))
    fault = world.home / "faults" / f"bronze-{SCRIPT.broken}"

    def called(text: str) -> str:
        return text.replace("interlock", "uv run interlock")

    operators = Operators(SCRIPT, world.feed, world.home, world.store, world.note, called)
    operators.act({(BRONZE, SCRIPT.broken): (Progress.FAILED, 1), (BRONZE, SCRIPT.unchanged): DONE})
    assert (world.said, fault.exists()) == ([], True)
    operators.act({(BRONZE, SCRIPT.broken): (Progress.FAILED, 2)})
    assert not fault.exists()
    assert f'uv run interlock rerun {BRONZE} {SCRIPT.broken} --reason "{FIXED}"' in world.said[0]
    assert not operators.are_done
    operators.act({(BRONZE, SCRIPT.unchanged): DONE})
    operators.act({(BRONZE, SCRIPT.unchanged): DONE})
    assert operators.are_done
    assert len(world.said) == 2


def test_files_are_read_again_only_if_one_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    day = "2013-02-07"
    read: list[str] = []
    original = world.feed.bronze_done

    def bronze_done(home: Path, day: str, hour: str, at: datetime) -> object:
        read.append(hour)
        return original(home, day, hour, at)

    monkeypatch.setattr(world.feed, "bronze_done", bronze_done)
    folder = world.home / "bronze" / day
    folder.mkdir(parents=True)
    (folder / "05.csv").write_text("a\n1\n")
    long_ago = AT.timestamp() - 60
    os.utime(folder, (long_ago, long_ago))
    world.act(0.0)
    assert read.count("05") == 2, "the first look reads both days"
    world.act(0.2)
    assert read.count("05") == 2
    (folder / "05.csv").write_text("a\n1\n2\n")
    os.utime(folder, (long_ago + 1, long_ago + 1))
    world.act(0.4)
    assert world.sensor(SILVER, f"bronze-done#{day}T05")["rows"] == 2


def test_a_folder_that_changes_now_is_read_again(world: World) -> None:
    """A second change within the same tick of the clock leaves the time of the folder as it is."""
    day = "2013-02-07"
    folder = world.home / "bronze" / day
    folder.mkdir(parents=True)
    now = AT.timestamp()
    for rows in (1, 2):
        (folder / "05.csv").write_text("a\n" + "1\n" * rows)
        os.utime(folder, (now, now))
        world.act(0.0)
        assert world.sensor(SILVER, f"bronze-done#{day}T05")["rows"] == rows
