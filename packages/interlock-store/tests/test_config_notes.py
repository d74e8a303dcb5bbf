"""What CONFIG rows note beside their text: since when a pipeline is there, or runs live, and when it was edited."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_store import MemoryTables, Overview, Store, StoredConfig, TableNames

NAMES = TableNames.of_environment("test")
FIRST = datetime(2026, 3, 3, 8, tzinfo=UTC)
LATER = FIRST + timedelta(hours=1)


def config(more: str = "") -> PipelineConfig:
    text = (
        "pipeline: {id: p}\nschedule: {trigger: {key: ready, check: exists}}\n"
        "validation: {rules: [{key: ready, check: exists}]}\n"
        f'job: {{type: command, config: {{command: "true"}}}}\n{more}\n'
    )
    return decode_yaml(text, "p.yaml")


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def store(tables: MemoryTables) -> Store:
    return Store(tables, NAMES)


def row_of(tables: MemoryTables) -> dict[str, Any]:
    row = tables.get(NAMES.control, "PIPELINE#p", "CONFIG")
    assert row is not None
    return row


def indexed(tables: MemoryTables) -> StoredConfig:
    return Overview(tables, NAMES).pipelines()["p"]


def test_a_config_that_nobody_has_noted_says_so(tables: MemoryTables, store: Store) -> None:
    store.put_config(config())
    assert (indexed(tables).noted, indexed(tables).created_at) == (False, None)
    store.note_config("p", FIRST)
    assert (indexed(tables).noted, indexed(tables).created_at) == (True, FIRST)


def test_an_edit_is_noted_and_the_creation_stays(tables: MemoryTables, store: Store) -> None:
    store.put_config(config())
    store.note_config("p", FIRST)
    store.put_config(config("dryRun: false\nwatch: {enabled: false}"))
    assert not indexed(tables).noted
    store.note_config("p", LATER)
    found = indexed(tables)
    assert (found.noted, found.created_at, found.changed_at) == (True, FIRST, LATER)


def test_noting_twice_changes_nothing(tables: MemoryTables, store: Store) -> None:
    store.put_config(config())
    store.note_config("p", FIRST)
    before = row_of(tables)
    store.note_config("p", LATER)
    assert row_of(tables) == before


def test_a_record_of_before_somebody_else_noted_the_row_changes_nothing(tables: MemoryTables, store: Store) -> None:
    store.put_config(config())
    image = row_of(tables)
    store.note_config("p", FIRST)
    before = row_of(tables)
    store.index_config("p", image, LATER)
    assert row_of(tables) == before


def test_a_dry_run_that_goes_live_exists_since_then(tables: MemoryTables, store: Store) -> None:
    store.put_config(config("dryRun: true"))
    store.note_config("p", FIRST)
    store.put_config(config())
    store.note_config("p", LATER)
    assert indexed(tables).created_at == LATER
    store.put_config(config("watch: {enabled: false}"))
    store.note_config("p", LATER + timedelta(hours=1))
    assert indexed(tables).created_at == LATER


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_an_unreadable_text_in_between_does_not_hide_that_it_was_dry(
    tables: MemoryTables, store: Store, text: str
) -> None:
    store.put_config(config("dryRun: true"))
    store.note_config("p", FIRST)
    if text != "{}":
        store.index_config("p", {**row_of(tables), "config": text}, LATER)
    store.put_config(config())
    store.note_config("p", LATER)
    assert indexed(tables).created_at == LATER


def test_another_process_sees_what_changed(tables: MemoryTables, store: Store) -> None:
    """What was decoded once is decoded again when the row says something else."""
    overview = Overview(tables, NAMES)
    store.put_config(config())
    assert not overview.pipelines()["p"].noted
    store.note_config("p", FIRST)
    assert overview.pipelines()["p"].created_at == FIRST
    store.note_periods("p")
    assert overview.pipelines()["p"].periodic
