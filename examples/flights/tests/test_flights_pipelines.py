"""The pipeline files are valid, and their triggers and rules behave as the README describes."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml, expand, warnings
from interlock_lifecycle.slas import deadlines_of
from interlock_rules import Evaluation, drift, holds, key_matches, row_date, select_rows
from interlock_sla import Exclusions, ExecutionDate, execution_day
from interlock_triggers import Attempt, Clients, start

PIPELINES = Path(__file__).parents[1] / "pipelines"
AT = datetime(2026, 3, 3, 8, tzinfo=UTC)
DAY = "2013-02-07"


@pytest.fixture
def configs() -> dict[str, PipelineConfig]:
    read = [decode_yaml(path.read_text(encoding="utf-8"), path.name) for path in PIPELINES.iterdir()]
    return {config.id: config for config in read}


def _starts(config: PipelineConfig, key: str, fields: Mapping[str, object]) -> bool:
    rule = config.trigger_rule
    assert rule is not None
    return key_matches(rule.key, key) and holds(rule, fields, AT)


def _evaluate(config: PipelineConfig, key: str, fields: Mapping[str, object], now: datetime = AT) -> Evaluation:
    named = row_date(key, fields) or execution_day(now, config.zone)
    assert isinstance(named, ExecutionDate)
    selected = select_rows({key: fields}, config.validation.rules, named)
    return config.rules.evaluate(selected.fields, now, selected.notes)


def test_the_pipelines_are_valid_with_expected_warnings(configs: dict[str, PipelineConfig]) -> None:
    """The bronze pipelines watch their own trigger's sensor for drift on purpose."""
    assert sorted(configs) == ["bronze-flights", "bronze-shadow", "gold-flights", "silver-flights"]
    warned = {name: [found.path for found in warnings(config)] for name, config in configs.items()}
    watched = ["postRun.rules[0].key"]
    assert warned == {"bronze-flights": watched, "bronze-shadow": watched, "gold-flights": [], "silver-flights": []}


def test_the_dry_run_equals_bronze(configs: dict[str, PipelineConfig]) -> None:
    shadow, live = configs["bronze-shadow"], configs["bronze-flights"]
    assert (shadow.dry_run, live.dry_run) == (True, False)
    assert replace(shadow, pipeline=live.pipeline, dry_run=False) == live


def test_an_amended_file_is_drift_and_starts_no_run(
    home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    config = configs["bronze-flights"]
    before = feed.land_believed_whole(home, DAY, "07", AT, missing=20)
    after = feed.amend(home, DAY, "07", AT)
    assert _evaluate(config, before.key, before.fields).passed
    assert not _starts(config, after.key, after.fields)
    assert config.post_run is not None
    found = drift(before.fields, after.fields, config.post_run.drift_field, config.post_run.drift_threshold)
    assert found is not None
    assert (found.previous, found.current) == (46, 66)
    # The rerun that follows may start its job with the amended file.
    assert _evaluate(config, after.key, after.fields).passed


@pytest.mark.parametrize(
    ("fire", "cron", "deadline"),
    [
        ("2026-01-15T13:07", "7 8 * * *", "18:37"),
        ("2026-07-15T13:07", "7 9 * * *", "18:37"),
        ("2026-03-03T03:45", "45 22 * * *", "09:15"),
    ],
)
def test_the_roster_deadline_equals_its_schedule(fire: str, cron: str, deadline: str, feed: ModuleType) -> None:
    at = datetime.fromisoformat(fire).replace(tzinfo=UTC)
    config = decode_yaml(feed.roster(at, timedelta(seconds=30)), "roster-flights.yaml")
    assert config.id == "roster-flights"
    assert config.sla is not None
    assert (config.schedule.cron, config.sla.deadline) == (cron, deadline)
    assert config.cron is not None
    assert config.cron.next_fire(at - timedelta(seconds=1), config.zone) == at
    (due,) = deadlines_of(config, config.cron.execution_date(at, config.zone), None, Exclusions())
    assert (due.warning_at, due.breach_at) == (at - timedelta(seconds=30), at)


def test_each_file_is_named_after_its_pipeline() -> None:
    for path in PIPELINES.iterdir():
        assert decode_yaml(path.read_text(encoding="utf-8"), path.name).id == path.stem


def test_a_whole_hour_starts_bronze_and_lets_it_run(
    home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    row = feed.land(home, DAY, "07", AT)
    config = configs[row.pipeline]
    assert _starts(config, row.key, row.fields)
    assert str(row_date(row.key, row.fields)) == "2013-02-07T07"
    assert _evaluate(config, row.key, row.fields).passed


def test_a_short_hour_starts_bronze_and_holds_it(
    home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    row = feed.land(home, DAY, "07", AT, rows=46)
    assert _starts(configs[row.pipeline], row.key, row.fields)
    evaluation = _evaluate(configs[row.pipeline], row.key, row.fields)
    assert not evaluation.passed
    assert "missing_rows" in evaluation.explain()
    assert "20" in evaluation.explain()


@pytest.mark.parametrize(("minutes", "passed"), [(29, True), (31, False)])
def test_a_stale_file_holds_bronze(
    minutes: int, passed: bool, home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    row = feed.land(home, DAY, "07", AT)
    later = AT + timedelta(minutes=minutes)
    assert _evaluate(configs[row.pipeline], row.key, row.fields, later).passed is passed


@pytest.mark.parametrize(("rows", "passed"), [(0, False), (1, True)])
def test_silver_runs_when_bronze_has_rows(
    rows: int, passed: bool, home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    (home / "bronze" / DAY).mkdir(parents=True)
    (home / "bronze" / DAY / "07.csv").write_text("day\n" + "2013-02-07\n" * rows)
    row = feed.bronze_done(home, DAY, "07", AT)
    assert _starts(configs[row.pipeline], row.key, row.fields)
    assert _evaluate(configs[row.pipeline], row.key, row.fields).passed is passed


def test_gold_starts_with_the_first_hour_and_waits_for_the_last(
    home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    folder = home / "silver" / DAY
    folder.mkdir(parents=True)
    passed = []
    for hour in feed.hours(DAY):
        (folder / f"{hour}.json").write_text('{"groups": []}')
        row = feed.silver_progress(home, DAY, AT)
        assert _starts(configs[row.pipeline], row.key, row.fields)
        assert str(row_date(row.key, row.fields)) == DAY
        passed.append(_evaluate(configs[row.pipeline], row.key, row.fields).passed)
    assert passed == [False] * 18 + [True]


@pytest.mark.parametrize("job", ["bronze", "silver", "gold"])
def test_a_pipeline_command_runs_its_job(
    job: str, home: Path, feed: ModuleType, configs: dict[str, PipelineConfig]
) -> None:
    """The trigger defines the variable names. A job without one of them would record an empty attempt or key."""
    hourly = job != "gold"
    date = f"{DAY}T23" if hourly else DAY
    variables = {
        "INTERLOCK_FLIGHTS_HOME": str(home),
        "INTERLOCK_FLIGHTS_CODE": str(PIPELINES.parent / "jobs"),
    }
    attempt = Attempt(
        pipeline_id=f"{job}-flights", schedule_id="stream", date=date, number=2, key="a-key", resumed=False
    )
    config = expand(configs[f"{job}-flights"].job.config, variables)
    clients = Clients(environment={**os.environ, **variables})
    started = start("command", config, attempt, until=time.time() + 30, clients=clients)
    assert started.status is not None
    # The job runs and reports the missing input.
    assert "missing" in started.status.reason
    (record,) = feed.ends(home)
    found = (record["pipeline"], record["date"], record["attempt"], record["key"])
    assert found == (f"{job}-flights", date, "2", "a-key")
