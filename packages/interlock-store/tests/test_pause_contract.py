"""The pause of a pipeline in its CONFIG row, on every kind of tables."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_lifecycle import CommitIntent, JobIntent, Pause, Run, StartRun
from interlock_store import Commit, Overview, Store
from interlock_store._write import Update

NOW = datetime(2026, 3, 3, 12, 0, 0, 123_456, tzinfo=UTC)
PAUSE = Pause(NOW + timedelta(hours=2), "ada", "source is migrated")


@pytest.fixture
def paused(store: Store, config: PipelineConfig) -> Store:
    store.put_config(config)
    assert store.pause(config.id, PAUSE)
    return store


def pause_of(store: Store, config: PipelineConfig) -> Pause:
    found = store.config(config.id).pause
    assert found is not None
    return found


def test_pause_is_read_as_it_was_written(paused: Store, config: PipelineConfig) -> None:
    found = pause_of(paused, config)
    assert (found.until, found.by, found.reason, found.problem) == (PAUSE.until, "ada", "source is migrated", "")


def test_pause_without_an_end_has_none(paused: Store, config: PipelineConfig) -> None:
    paused.pause(config.id, Pause(None))
    found = pause_of(paused, config)
    assert (found.until, found.problem) == (None, "")
    assert found.holds(datetime(9990, 1, 1, tzinfo=UTC))


def test_resumed_pipeline_has_no_pause(paused: Store, config: PipelineConfig) -> None:
    assert paused.resume(config.id)
    assert paused.config(config.id).pause is None
    assert paused.resume(config.id)


def test_push_and_note_keep_the_pause(paused: Store, config: PipelineConfig) -> None:
    paused.put_config(config)
    paused.note_config(config.id, NOW)
    assert pause_of(paused, config).until == PAUSE.until


def test_overview_reads_a_pause_that_came_later(store: Store, config: PipelineConfig) -> None:
    overview = Overview(store._tables, store.names)
    config = replace(config, schedule=replace(config.schedule, calendar=None, exclude=None))
    store.put_config(config)
    assert overview.pipelines()[config.id].pause is None
    store.pause(config.id, PAUSE)
    found = overview.pipelines()[config.id].pause
    assert found is not None
    assert found.until == PAUSE.until


def intent_of(run: Run) -> JobIntent:
    return JobIntent(run.attempt, "key", NOW, "command", {}, NOW)


def test_promise_needs_the_pause_as_it_was_read(store: Store, config: PipelineConfig, start: StartRun) -> None:
    store.put_config(config)
    store.commit(start)
    run = store.run(start.run.key)
    assert run is not None
    store.pause(config.id, Pause(NOW))
    assert store.commit(CommitIntent(run, intent_of(run), None)) is Commit.STALE
    read = pause_of(store, config).as_read
    store.pause(config.id, Pause(NOW + timedelta(hours=1)))
    assert store.commit(CommitIntent(run, intent_of(run), read)) is Commit.STALE
    assert store.run(run.key) == run
    assert store.commit(CommitIntent(run, intent_of(run), pause_of(store, config).as_read)) is Commit.COMMITTED


def test_promise_without_a_pause_is_committed(store: Store, config: PipelineConfig, start: StartRun) -> None:
    store.put_config(config)
    store.commit(start)
    run = store.run(start.run.key)
    assert run is not None
    assert store.commit(CommitIntent(run, intent_of(run), None)) is Commit.COMMITTED


def test_repeated_promise_ignores_a_pause(paused: Store, start: StartRun) -> None:
    paused.commit(start)
    run = paused.run(start.run.key)
    assert run is not None
    assert paused.commit(CommitIntent(run, intent_of(run), UNSET)) is Commit.COMMITTED


@pytest.mark.parametrize("value", ["soon", 7, None, True, ["2026-03-03T12:00:00Z"]])
def test_end_that_is_no_time_is_a_problem(value: object, paused: Store, config: PipelineConfig) -> None:
    change = Update(paused.names.control, f"PIPELINE#{config.id}", "CONFIG", set={"pausedUntil": value})
    paused._tables.transact([change])
    found = pause_of(paused, config)
    assert found.until is None
    assert found.problem.startswith("pausedUntil: ")
    assert found.holds(datetime(9990, 1, 1, tzinfo=UTC))
