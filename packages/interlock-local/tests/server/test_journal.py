"""The journal as a file: torn lines, outdated lines, stream records that were not handled, and requests to repeat."""

import os
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

from interlock_local.server._journal import (
    DELETED,
    Asked,
    Change,
    Contents,
    Journal,
    Line,
    Saved,
    StreamNote,
    TableDropped,
    TableMade,
    Written,
    unread_changes,
)

TABLE = {"TableName": "control", "KeySchema": []}


def change(key: str, value: str | None, number: str | None = None) -> Change:
    image = DELETED if value is None else Raw(msgspec.json.encode({"PK": {"S": key}, "v": {"S": value}}))
    note = None if number is None else StreamNote(f"id-{number}", "MODIFY", number, 1.0)
    return Change("control", {"PK": {"S": key}}, image, note)


def journal(path: Path, *lines: Line) -> Journal:
    made = Journal(path)
    made.open(Contents({}, {}, {}, []), {})
    for line in lines:
        made.append(line)
    made.close()
    return Journal(path)


def values(contents: Contents) -> dict[str, str]:
    items = contents.items.get("control", {}).values()
    found = [msgspec.json.decode(item.image) for item in items]
    return {item["PK"]["S"]: item["v"]["S"] for item in found}


def test_the_newest_image_of_each_item_counts(tmp_path: Path) -> None:
    made = journal(
        tmp_path / "j",
        TableMade(TABLE),
        Written([change("a", "1"), change("b", "1")]),
        Written([change("a", "2")]),
        Written([change("b", None)]),
    )
    assert values(made.read()) == {"a": "2"}


def test_a_dropped_table_is_gone_with_its_items(tmp_path: Path) -> None:
    lines = (TableMade(TABLE), Written([change("a", "1", "01")]), TableDropped("control"))
    contents = journal(tmp_path / "j", *lines).read()
    assert (contents.tables, contents.items, contents.streams) == ({}, {}, {})


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_crash_cut_is_left_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j"
    journal(path, TableMade(TABLE), Written([change("a", "1")]), Written([change("a", "2")]))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - cut)
    again = Journal(path)
    contents = again.read()
    assert values(contents) == {"a": "1"}
    assert contents.bytes_torn > 0
    # The next process must not continue the cut line.
    again.open(contents, {})
    again.append(Written([change("a", "3")]))
    again.close()
    assert values(Journal(path).read()) == {"a": "3"}


def test_a_changed_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal(path, TableMade(TABLE), Written([change("a", "1")]))
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(ValueError, match=r"j: line 1 is not readable"):
        Journal(path).read()


def test_requests_before_a_snapshot_are_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first, second = (Asked("POST", "/", {"x-amz-target": "AmazonSQS.SendMessage"}, text) for text in ("1", "2"))
    made = Journal(path)
    made.open(Contents({}, {}, {}, []), {})
    made.append(first)
    place = made.size
    made.append(second)
    made.append(Saved(place))
    made.close()
    assert Journal(path).read().asked == [second]


def test_unread_records_follow_the_last_handled_one() -> None:
    changes = [change("a", "1", "01"), change("a", "2", "02"), change("b", "1", "03")]
    assert unread_changes(changes, "02") == changes[2:]
    assert unread_changes(changes, "03") == []
    assert unread_changes(changes, None) == changes
    assert unread_changes(changes, "a number of a former file") == changes


def test_an_outdated_file_is_replaced_by_its_contents(tmp_path: Path) -> None:
    path = tmp_path / "j"
    numbers = [f"{number:06}" for number in range(8000)]
    asked = Asked("POST", "/", {"x-amz-target": "AWSEvents.PutEvents"}, "{}")
    made = journal(path, TableMade(TABLE), asked, *(Written([change("a", "x" * 50, one)]) for one in numbers))
    before = made.read()
    size = path.stat().st_size
    unread = {"control": unread_changes(before.streams["control"], numbers[-3])}
    made.open(before, unread)
    made.close()
    after = Journal(path).read()
    assert path.stat().st_size < size / 100
    assert (after.tables, values(after), after.asked) == (before.tables, values(before), before.asked)
    notes = [one.note for one in after.streams["control"]]
    assert [note.number for note in notes if note] == numbers[-2:]


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    made = journal(tmp_path / "j", TableMade(TABLE))
    made.open(made.read(), {})
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, made._file)
    with pytest.raises(OSError, match="No space left"):
        made.append(Written([change("a", "1")]))
