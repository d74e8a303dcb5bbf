"""The config cache: five minutes, dropped on a change, and no cached entry of an unreadable row."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from interlock_config import decode_yaml, encode_calendar
from interlock_sla import Calendar
from interlock_store import ConfigCache, MemoryTables, Store, TableNames
from interlock_store._write import Item, Put

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
PIPELINE = """
pipeline: {id: %s, owner: %s}
schedule: {trigger: {key: landing, check: exists}%s}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


class Shelf:
    """A cache over a store, and a clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = Store(MemoryTables(), TableNames.of_environment("test"))
        self.cache = ConfigCache(self.store, lambda: self.now)
        self.put_row("CALENDAR#us", encode_calendar(Calendar("us", frozenset(), frozenset())))

    def put(self, name: str, owner: str, *, calendar: str = "") -> None:
        named = f", exclude: {{holidays: {calendar}}}" if calendar else ""
        self.store.put_config(decode_yaml(PIPELINE % (name, owner, named), "p.yaml"))

    def put_row(self, pk: str, text: str) -> None:
        row: Item = {"PK": pk, "SK": "CONFIG", "config": text}
        self.store._tables.transact([Put(self.store.names.control, row)])

    def owner(self, name: str) -> str | None:
        config = self.cache.get(name).config
        return None if config is None else config.pipeline.owner


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.mark.parametrize(
    ("age", "known"),
    [
        (timedelta(), "before"),
        (timedelta(minutes=5) - timedelta(microseconds=1), "before"),
        (timedelta(minutes=5), "after"),
    ],
)
def test_a_config_is_kept_for_five_minutes(shelf: Shelf, age: timedelta, known: str) -> None:
    shelf.put("bronze", "before")
    shelf.owner("bronze")
    shelf.put("bronze", "after")
    shelf.now += age
    assert shelf.owner("bronze") == known


def test_a_fresh_look_begins_the_five_minutes_again(shelf: Shelf) -> None:
    shelf.put("bronze", "before")
    shelf.owner("bronze")
    shelf.now += timedelta(minutes=4)
    shelf.put("bronze", "after")
    shelf.cache.fresh("bronze")
    shelf.put("bronze", "later")
    shelf.now += timedelta(minutes=4)
    assert shelf.owner("bronze") == "after"


@pytest.mark.parametrize(
    ("change", "read_anew"),
    [
        (lambda cache: cache.drop("named"), {"named"}),
        (lambda cache: cache.drop("nobody"), set()),
        (lambda cache: cache.drop_calendar("us"), {"named"}),
        (lambda cache: cache.drop_calendar("eu"), set()),
    ],
)
def test_a_change_drops_what_it_concerns_and_nothing_else(
    shelf: Shelf, change: Callable[[ConfigCache], None], read_anew: set[str]
) -> None:
    for name in ("named", "plain"):
        shelf.put(name, "before", calendar="us" if name == "named" else "")
        shelf.owner(name)
        shelf.put(name, "after", calendar="us" if name == "named" else "")
    change(shelf.cache)
    assert {name for name in ("named", "plain") if shelf.owner(name) == "after"} == read_anew


def test_what_could_not_be_read_is_not_kept(shelf: Shelf) -> None:
    shelf.put_row("PIPELINE#bronze", "{")
    assert shelf.owner("bronze") is None
    shelf.put("bronze", "mended")
    assert shelf.owner("bronze") == "mended"
