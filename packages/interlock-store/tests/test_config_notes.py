"""The notes of CONFIG rows: the times since when a pipeline exists or runs live, and of its last edit."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import Calendar, Clock, parse_execution_date
from interlock_store import MemoryTables, Overview, Store, StoredConfig, TableNames
from interlock_store._notes import ALWAYS
from interlock_store._write import Put, Update

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


def test_a_config_without_a_note_reports_it(tables: MemoryTables, store: Store) -> None:
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


def test_a_record_older_than_another_writers_note_is_ignored(tables: MemoryTables, store: Store) -> None:
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
def test_an_unreadable_text_keeps_the_note_of_the_dry_run(tables: MemoryTables, store: Store, text: str) -> None:
    store.put_config(config("dryRun: true"))
    store.note_config("p", FIRST)
    if text != "{}":
        store.index_config("p", {**row_of(tables), "config": text}, LATER)
    store.put_config(config())
    store.note_config("p", LATER)
    assert indexed(tables).created_at == LATER


def test_another_process_sees_what_changed(tables: MemoryTables, store: Store) -> None:
    """A decoded config is decoded again once its row has changed."""
    overview = Overview(tables, NAMES)
    store.put_config(config())
    assert not overview.pipelines()["p"].noted
    store.note_config("p", FIRST)
    assert overview.pipelines()["p"].created_at == FIRST
    store.note_periods("p")
    assert overview.pipelines()["p"].periodic


def closing(*days: int) -> Calendar:
    """A calendar of days of March 2026."""
    return Calendar("closed", dates=frozenset(date(2026, 3, day) for day in days))


class TestExcludedDays:
    """Since when a pipeline has its excluded days: an edit counts from itself on, if it changes days up to its own."""

    SCHEDULE = "schedule: {trigger: {key: ready, check: exists}"

    def config(self, more: str) -> PipelineConfig:
        text = f"pipeline: {{id: p}}\n{self.SCHEDULE}{more}}}\nsla: {{deadline: '10:00'}}\n"
        rest = "validation: {rules: [{key: ready, check: exists}]}\njob: {type: command, config: {command: load}}\n"
        return decode_yaml(text + rest, "p.yaml")

    @pytest.mark.parametrize(
        ("before", "after", "since"),
        [
            ((9,), (9, 10), None),  # a day that is still to come
            ((9,), (9, 4), None),
            ((9,), (9, 3), LATER),  # the day of the edit
            ((9,), (9, 2), LATER),
            ((2, 9), (9,), LATER),
            ((9,), (), None),
        ],
    )
    def test_an_edited_calendar_counts_from_the_edit(
        self,
        tables: MemoryTables,
        store: Store,
        before: tuple[int, ...],
        after: tuple[int, ...],
        since: datetime | None,
    ) -> None:
        store.put_config(self.config(", calendar: closed"))
        store.put_calendar(closing(*before))
        store.note_config("p", FIRST)
        assert "excluded days" not in indexed(tables).in_force
        store.put_calendar(closing(*after))
        assert not indexed(tables).noted
        store.note_config("p", LATER)
        found = indexed(tables)
        assert (found.noted, found.changed_at, found.created_at) == (True, LATER, FIRST)
        assert found.in_force.get("excluded days") == since
        assert found.in_force["sla absolute"] == ALWAYS

    def test_noting_the_same_days_again_changes_nothing(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(self.config(", calendar: closed"))
        store.put_calendar(closing(9))
        store.note_config("p", FIRST)
        before = row_of(tables)
        store.note_config("p", LATER)
        assert row_of(tables) == before

    def test_an_edit_of_days_to_come_keeps_an_earlier_edits_moment(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(self.config(", calendar: closed"))
        for days, at in (((9,), FIRST), ((9, 2), LATER), ((9, 2, 20), LATER + timedelta(hours=1))):
            store.put_calendar(closing(*days))
            store.note_config("p", at)
        assert indexed(tables).in_force["excluded days"] == LATER

    def test_excluded_days_of_the_config_itself_count_alike(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(self.config(""))
        store.note_config("p", FIRST)
        assert "excludedDays" not in row_of(tables)
        store.put_config(self.config(", exclude: {weekends: true}"))
        store.note_config("p", LATER)
        assert indexed(tables).in_force["excluded days"] == LATER

    def test_a_calendar_that_is_gone_for_a_while_brings_nothing(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(self.config(", calendar: closed"))
        store.put_calendar(closing(2, 9))
        store.note_config("p", FIRST)
        row = tables.get(NAMES.control, "CALENDAR#closed", "CONFIG")
        assert row is not None
        tables.transact([Put(NAMES.control, {**row, "config": "{"})])
        store.note_config("p", LATER)
        tables.transact([Put(NAMES.control, row)])
        store.note_config("p", LATER)
        found = indexed(tables)
        assert (found.noted, found.in_force.get("excluded days")) == (True, None)

    def test_an_overwritten_note_counts_as_an_edit(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(self.config(", calendar: closed"))
        store.put_calendar(closing(9))
        store.note_config("p", FIRST)
        tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", set={"excludedDays": "?"})])
        store.note_config("p", LATER)
        assert (indexed(tables).noted, indexed(tables).in_force["excluded days"]) == (True, LATER)


class TestInForce:
    """Since when a config has its schedule, its dates and its SLA clocks."""

    SLA = 'sla: {deadline: "10:00"}'

    def since(self, tables: MemoryTables, term: str) -> datetime | None:
        return indexed(tables).in_force.get(term)

    def test_what_no_edit_brought_was_always_there(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(config(self.SLA))
        store.note_config("p", FIRST)
        assert set(indexed(tables).in_force.values()) == {ALWAYS}
        assert "sla absolute" in indexed(tables).in_force

    def test_no_clock_counts_from_before_the_pipeline(self, tables: MemoryTables, store: Store) -> None:
        key = RunKey("p", "stream", parse_execution_date("2026-03-03"))
        store.put_config(config(self.SLA))
        assert store.sla(key).since == {}
        store.note_config("p", FIRST)
        assert store.sla(key).since == dict.fromkeys(Clock, FIRST)
        store.put_config(config(f"{self.SLA}\ndryRun: true"))
        store.note_config("p", FIRST)
        store.put_config(config(self.SLA))
        store.note_config("p", LATER)
        assert store.sla(key).since == dict.fromkeys(Clock, LATER)

    def test_a_clock_that_an_edit_brings_counts_from_the_edit(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(config())
        store.note_config("p", FIRST)
        store.put_config(config(self.SLA))
        store.note_config("p", LATER)
        assert (self.since(tables, "sla absolute"), self.since(tables, "schedule stream")) == (LATER, ALWAYS)

    def test_a_deadline_that_is_moved_stays_in_force(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(config(self.SLA))
        store.note_config("p", FIRST)
        store.put_config(config(self.SLA.replace("10:00", "11:00")))
        store.note_config("p", LATER)
        assert self.since(tables, "sla absolute") == ALWAYS

    def test_what_was_away_for_a_while_counts_from_its_return(self, tables: MemoryTables, store: Store) -> None:
        for text, at in ((self.SLA, FIRST), (f"{self.SLA}\nwatch: {{enabled: false}}", FIRST), (self.SLA, LATER)):
            store.put_config(config(text))
            store.note_config("p", at)
        assert self.since(tables, "sla absolute") == LATER

    def test_an_unreadable_text_in_between_changes_nothing(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(config(self.SLA))
        store.note_config("p", FIRST)
        text = row_of(tables)["config"]
        for spoiled, at in (("{", LATER), (text, LATER + timedelta(hours=1))):
            tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", set={"config": spoiled})])
            store.note_config("p", at)
        assert set(indexed(tables).in_force.values()) == {ALWAYS}
        assert indexed(tables).noted

    def test_a_note_from_before_the_terms_is_written_again(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(config(self.SLA))
        store.note_config("p", FIRST)
        tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", remove=("inForce",))])
        assert not indexed(tables).noted
        store.note_config("p", LATER)
        found = indexed(tables)
        assert (found.noted, found.changed_at, set(found.in_force.values())) == (True, FIRST, {ALWAYS})

    def test_a_corrupted_note_counts_as_absent(self, tables: MemoryTables, store: Store) -> None:
        store.put_config(config(self.SLA))
        store.note_config("p", FIRST)
        spoiled = {"sla absolute": "soon", "schedule stream": "0001-01-01T00:00:00Z"}
        tables.transact([Update(NAMES.control, "PIPELINE#p", "CONFIG", set={"inForce": spoiled})])
        assert indexed(tables).in_force == {}


def test_an_unforeseen_config_hides_no_other(tables: MemoryTables, store: Store) -> None:
    store.put_config(config())
    row = {"PK": "PIPELINE#q", "SK": "CONFIG", "config": "[" * 100_000, "GSI1PK": "CONFIG", "GSI1SK": "q"}
    tables.transact([Put(NAMES.control, row)])
    found = Overview(tables, NAMES).pipelines()
    assert (found["p"].config, found["q"].config) == (config(), None)
    assert found["q"].problem


def test_the_pipelines_that_name_a_calendar_are_found(tables: MemoryTables, store: Store) -> None:
    store.put_config(config())
    named = decode_yaml(
        "pipeline: {id: q}\nschedule: {calendar: closed, trigger: {key: ready, check: exists}}\n"
        "validation: {rules: [{key: ready, check: exists}]}\n"
        'job: {type: command, config: {command: "true"}}\n',
        "q.yaml",
    )
    store.put_config(named)
    assert (store.pipelines_naming("closed"), store.pipelines_naming("other")) == (["q"], [])
