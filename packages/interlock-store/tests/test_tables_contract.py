"""Values, sizes, keys and indexes of the tables, alike on the twin, on moto and on a stack.

Where a stand-in deviates from DynamoDB the expectation states it: DEVIATES names the stand-in and its behaviour.
"""

from base64 import b64encode
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from interlock_store import DynamoTables, Store, TransactionRejected, from_wire, to_wire
from interlock_store._write import ANYTHING, Check, Delete, Expect, Put, Update, Write

LARGEST = 400 * 1024
ROW = {"PK": "a", "SK": "1"}


@pytest.fixture
def control(store: Store) -> str:
    return store.names.control


def rejected(tables: Any, *writes: Write) -> bool:
    """Whether the tables reject a transaction as impossible: the twin by ValueError, DynamoDB by ValidationException.

    Neither is a rejected condition, which means that another writer was faster.
    """
    try:
        tables.transact(list(writes))
    except ClientError as error:
        return _is_impossible(error.response)
    except ValueError:
        return True
    return False


def _is_impossible(answer: Any) -> bool:
    """A write that only the present row makes impossible is a reason of the cancelled transaction."""
    reasons = [reason.get("Code") for reason in answer.get("CancellationReasons", [])]
    return answer["Error"]["Code"] == "ValidationException" or "ValidationError" in reasons


# --- values -------------------------------------------------------------------------------------------------------

VALUES: dict[str, tuple[Any, Any]] = {
    "text": ("Grüße 🚦", "Grüße 🚦"),
    "empty text": ("", ""),
    "whole number": (7, Decimal(7)),
    "float": (0.1, Decimal("0.1")),
    "decimal": (Decimal("2.50"), Decimal("2.5")),
    "negative": (-273.15, Decimal("-273.15")),
    "zero": (0, Decimal(0)),
    "38 digits": (int("9" * 38), Decimal("9" * 38)),
    "the largest": (Decimal("9.9E+125"), Decimal("9.9E+125")),
    "the smallest": (Decimal("1E-130"), Decimal("1E-130")),
    "true": (True, True),
    "false": (False, False),
    "null": (None, None),
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "no bytes": (b"", b""),
    "list": ([1, "a", None, [True]], [Decimal(1), "a", None, [True]]),
    "tuple": ((1, 2), [Decimal(1), Decimal(2)]),
    "empty list": ([], []),
    "map": ({"a": {"b": 1}, "c": 2}, {"a": {"b": Decimal(1)}, "c": Decimal(2)}),
    "empty map": ({}, {}),
    "texts": ({"a", "b"}, {"a", "b"}),
    "numbers": ({1, 2.5}, {Decimal(1), Decimal("2.5")}),
    "byte strings": ({b"a", b"b"}, {b"a", b"b"}),
    "a set deep inside": ([{"s": {1}}], [{"s": {Decimal(1)}}]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_come_back_as_themselves(tables: Any, control: str, name: str) -> None:
    given, expected = VALUES[name]
    tables.transact([Put(control, {**ROW, "v": given})])
    for row in (
        tables.get(control, "a", "1"),
        tables.get_many(control, [("a", "1")])["a", "1"],
        *tables.query(control, "a"),
    ):
        assert row["v"] == expected
        assert type(row["v"]) is type(expected)
    tables.transact([Update(control, "a", "1", set={"w": given})])
    assert tables.get(control, "a", "1")["w"] == expected


@pytest.mark.parametrize("name", [name for name in VALUES if name not in {"no bytes", "empty text"}])
def test_a_condition_on_a_value_holds_for_that_value_only(tables: Any, control: str, name: str) -> None:
    given, _ = VALUES[name]
    tables.transact([Put(control, {**ROW, "v": given})])
    tables.transact([Update(control, "a", "1", set={"seen": 1}, expect=Expect(equals={"v": given}))])
    with pytest.raises(TransactionRejected):
        tables.transact([Update(control, "a", "1", set={"seen": 2}, expect=Expect(equals={"v": "something else"}))])
    assert tables.get(control, "a", "1")["seen"] == 1


def test_a_condition_distinguishes_values_of_other_types(tables: Any, control: str, kind: str) -> None:
    tables.transact([Put(control, {**ROW, "v": 1, "w": [{"deep": 1}]})])
    tables.transact([Check(control, "a", "1", Expect(equals={"v": Decimal("1.0"), "w": [{"deep": 1.0}]}))])
    others: list[Any] = ["1", [1], {1}]
    # DEVIATES: moto takes true for 1.
    for other in others if kind == "moto" else [*others, True]:
        with pytest.raises(TransactionRejected):
            tables.transact([Check(control, "a", "1", Expect(equals={"v": other}))])
        with pytest.raises(TransactionRejected):
            tables.transact([Check(control, "a", "1", Expect(equals={"w": [{"deep": other}]}))])


def test_a_condition_on_null_does_not_hold_where_nothing_is(tables: Any, control: str, kind: str) -> None:
    tables.transact([Put(control, ROW)])
    update = Update(control, "a", "1", set={"seen": 1}, expect=Expect(equals={"v": None}))
    if kind == "moto":  # DEVIATES: moto takes an absent attribute for null.
        tables.transact([update])
        return
    with pytest.raises(TransactionRejected):
        tables.transact([update])


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (int("9" * 39), ArithmeticError),
        (float("nan"), TypeError),
        (float("inf"), TypeError),
        (Decimal("NaN"), TypeError),
        ({1, "a"}, TypeError),
        (object(), TypeError),
        ([{"deep": float("nan")}], TypeError),
    ],
)
def test_what_has_no_wire_form_is_rejected_before_it_is_sent(
    tables: Any, control: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        tables.transact([Put(control, {**ROW, "v": value})])
    assert tables.get(control, "a", "1") is None


@pytest.mark.parametrize("value", [Decimal("1E+126"), Decimal("-1E+126"), Decimal("1E-131"), frozenset()])
def test_numbers_out_of_range_and_empty_sets_are_rejected(tables: Any, control: str, kind: str, value: Any) -> None:
    # DEVIATES: moto takes 1E+126, and looks neither into lists and maps nor into transactions.
    is_taken = kind == "moto" and value in {Decimal("1E+126"), Decimal("-1E+126")}
    assert rejected(tables, Put(control, {**ROW, "v": value})) is not is_taken
    assert (tables.get(control, "a", "1") is None) is not is_taken
    assert rejected(tables, Put(control, {**ROW, "v": [value]})) is (kind != "moto")
    assert rejected(tables, Put(control, {**ROW, "v": value}), Put(control, {**ROW, "SK": "2"})) is (kind != "moto")


# --- sizes --------------------------------------------------------------------------------------------------------


def row_of(size: int, sk: str = "1") -> dict[str, Any]:
    """A row of exactly so many bytes as DynamoDB counts them: names and values, in UTF-8."""
    return {"PK": "a", "SK": sk, "v": "x" * (size - len("PKaSKv") - len(sk))}


def test_a_row_may_have_400_kilobytes_and_no_byte_more(tables: Any, control: str, kind: str) -> None:
    assert rejected(tables, Put(control, row_of(LARGEST + 1)))
    assert rejected(tables, Put(control, row_of(LARGEST + 1)), Put(control, {**ROW, "SK": "2"}))
    assert list(tables.query(control, "a")) == []
    if kind == "moto":  # DEVIATES: moto's limit is 405,000 bytes, the type tags of its JSON counted too.
        assert rejected(tables, Put(control, row_of(LARGEST)))
    largest = row_of(404_800 if kind == "moto" else LARGEST)
    tables.transact([Put(control, largest)])
    tables.transact([Put(control, {**largest, "SK": "2"}), Put(control, {**ROW, "SK": "3"})])
    assert tables.get(control, "a", "1") == largest
    assert len(list(tables.query(control, "a"))) == 3


def test_a_row_may_not_grow_beyond_400_kilobytes(tables: Any, control: str) -> None:
    tables.transact([Put(control, row_of(300_000))])
    grows = Update(control, "a", "1", set={"w": "x" * 150_000})
    assert rejected(tables, grows)
    assert [set(row) for row in tables.query(control, "a")] == [{"PK", "SK", "v"}]
    assert rejected(tables, grows, Put(control, {**ROW, "SK": "2"}))
    assert tables.get(control, "a", "2") is None


def test_the_exact_limit_holds_for_updates_too(tables: Any, control: str, kind: str) -> None:
    tables.transact([Put(control, ROW)])
    assert rejected(tables, Update(control, "a", "1", set={"v": row_of(LARGEST + 1)["v"]}))
    exact = Update(control, "a", "1", set={"v": row_of(LARGEST)["v"]})
    # DEVIATES: moto and the stack count more than the row; DynamoDB and the twin take it.
    assert rejected(tables, exact) is (kind != "memory")


def test_characters_count_by_their_bytes(tables: Any, control: str) -> None:
    assert rejected(tables, Put(control, {**ROW, "v": "ü" * (LARGEST // 2)}))
    tables.transact([Put(control, {**ROW, "v": "ü" * (404_800 // 2)})])


def test_every_kind_of_value_counts(tables: Any, control: str) -> None:
    half = LARGEST // 2
    assert rejected(tables, Put(control, {**ROW, "v": b"x" * half, "w": [{"deep": "x" * half}]}))
    assert rejected(tables, Put(control, {**ROW, "v": {"x" * half, "y" * half}}))
    assert rejected(tables, Put(control, {**ROW, **{f"{n}" * 50_000: n for n in range(9)}}))
    assert list(tables.query(control, "a")) == []


def test_a_transaction_holds_a_hundred_writes_and_four_megabytes(tables: Any, control: str, kind: str) -> None:
    many = [Put(control, {"PK": "h", "SK": f"{n:03}"}) for n in range(101)]
    assert rejected(tables, *many)
    tables.transact(many[:100])
    assert len(list(tables.query(control, "h"))) == 100
    large = [Put(control, row_of(390_000, str(n))) for n in range(11)]
    # DEVIATES: moto counts no transaction's bytes.
    assert rejected(tables, *large) is (kind != "moto")
    assert len(list(tables.query(control, "a"))) == (11 if kind == "moto" else 0)


# --- keys and indexes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "deviates"),
    [
        ({"PK": "", "SK": "1"}, ""),
        ({"PK": "a", "SK": ""}, ""),
        ({"PK": "a", "SK": "x" * 1025}, ""),
        ({"PK": "x" * 2049, "SK": "1"}, ""),
        ({**ROW, "GSI1PK": "", "GSI1SK": "x"}, ""),
        ({**ROW, "GSI1PK": "x", "GSI1SK": ""}, ""),
        ({**ROW, "GSI1PK": 1, "GSI1SK": "x"}, "moto"),
    ],
)
def test_impossible_keys_are_rejected(tables: Any, control: str, kind: str, row: dict[str, Any], deviates: str) -> None:
    # DEVIATES: moto takes index keys of any type.
    assert rejected(tables, Put(control, row)) is (kind != deviates)


def test_keys_may_be_as_long_as_they_may(tables: Any, control: str) -> None:
    tables.transact([Put(control, {"PK": "x" * 2048, "SK": "y" * 1024})])
    assert tables.get(control, "x" * 2048, "y" * 1024) is not None


def test_an_update_may_not_empty_an_index_key(tables: Any, control: str, kind: str) -> None:
    tables.transact([Put(control, ROW)])
    # DEVIATES: moto looks at index keys of puts only.
    assert rejected(tables, Update(control, "a", "1", set={"GSI1PK": "", "GSI1SK": "x"})) is (kind != "moto")


def test_rows_enter_and_leave_the_sparse_index(tables: Any, control: str) -> None:
    def indexed() -> list[str]:
        return [row["SK"] for row in tables.query(control, "PENDING", index="GSI1")]

    for sk, at in (("1", "2026-03-03T12:00:02Z"), ("2", "2026-03-03T12:00:01Z")):
        tables.transact([Put(control, {"PK": "a", "SK": sk, "GSI1PK": "PENDING", "GSI1SK": at})])
    tables.transact([Put(control, {"PK": "a", "SK": "3", "GSI1PK": "PENDING"})])
    tables.transact([Put(control, {"PK": "a", "SK": "4"})])
    assert indexed() == ["2", "1"]
    tables.transact([Update(control, "a", "2", remove=("GSI1PK", "GSI1SK"))])
    tables.transact([Update(control, "a", "4", set={"GSI1PK": "PENDING", "GSI1SK": "2026-03-03T12:00:09Z"})])
    assert indexed() == ["1", "4"]
    tables.transact([Update(control, "a", "1", set={"GSI1PK": "RUNNING"}), Delete(control, "a", "4")])
    assert indexed() == []


def test_rows_of_equal_index_keys_are_all_there(tables: Any, control: str) -> None:
    rows = [Put(control, {"PK": pk, "SK": "1", "GSI1PK": "PENDING", "GSI1SK": "same"}) for pk in "abc"]
    tables.transact(rows)
    assert sorted(row["PK"] for row in tables.query(control, "PENDING", index="GSI1")) == ["a", "b", "c"]
    assert len(list(tables.query(control, "PENDING", index="GSI1", up_to="same"))) == 3
    assert list(tables.query(control, "PENDING", index="GSI1", after="same")) == []


def test_sort_keys_are_ordered_by_their_bytes(tables: Any, control: str) -> None:
    keys = ["~", "a", "Z", "ä", "10", "9", "a#1", "a!", "\U0001f6a6", "\uffff"]
    for sk in keys:
        tables.transact([Put(control, {"PK": "order", "SK": sk})])
    expected = sorted(keys, key=lambda key: key.encode())
    assert [row["SK"] for row in tables.query(control, "order")] == expected
    assert [row["SK"] for row in tables.query(control, "order", newest_first=True)] == expected[::-1]
    assert [row["SK"] for row in tables.query(control, "order", prefix="a")] == ["a", "a!", "a#1"]


def test_a_partition_beyond_a_megabyte_is_read_completely(tables: Any, control: str) -> None:
    for number in range(30):
        row = {"PK": "big", "SK": f"{number:02}", "v": "x" * 90_000, "GSI1PK": "BIG", "GSI1SK": f"{29 - number:02}"}
        tables.transact([Put(control, row)])
    whole = [f"{number:02}" for number in range(30)]
    assert [row["SK"] for row in tables.query(control, "big")] == whole
    assert [row["SK"] for row in tables.query(control, "big", newest_first=True)] == whole[::-1]
    assert [row["SK"] for row in tables.query(control, "big", limit=20)] == whole[:20]
    assert [row["SK"] for row in tables.query(control, "big", after="03")] == whole[4:]
    assert [row["SK"] for row in tables.query(control, "BIG", index="GSI1")] == whole[::-1]


def test_any_number_of_keys_is_read_at_once(tables: Any, control: str) -> None:
    for first in range(0, 250, 50):
        tables.transact([Put(control, {"PK": "many", "SK": f"{n:03}"}) for n in range(first, first + 50)])
    wanted = [("many", f"{n:03}") for n in range(260)]
    found = tables.get_many(control, [*wanted, *wanted])
    assert set(found) == set(wanted[:250])
    assert tables.get_many(control, []) == {}


def test_a_batch_of_more_than_sixteen_megabytes_is_read_whole(tables: Any, control: str) -> None:
    for number in range(45):
        tables.transact([Put(control, row_of(390_000, f"{number:02}"))])
    found = tables.get_many(control, [("a", f"{number:02}") for number in range(45)])
    assert len(found) == 45


# --- writes -------------------------------------------------------------------------------------------------------


def test_a_transaction_that_fails_half_way_changes_nothing(tables: Any, control: str) -> None:
    tables.transact([Put(control, {**ROW, "n": 1}), Put(control, {**ROW, "SK": "2"})])
    writes: list[Write] = [
        Update(control, "a", "1", set={"n": 2}),
        Delete(control, "a", "2"),
        Put(control, {**ROW, "SK": "3"}),
        Check(control, "a", "4", Expect(exists=True)),
        Put(control, {**ROW, "SK": "5"}, Expect(equals={"n": 1})),
    ]
    with pytest.raises(TransactionRejected) as reported:
        tables.transact(writes)
    assert reported.value.indexes == (3, 4)
    assert [(row["SK"], row.get("n")) for row in tables.query(control, "a")] == [("1", 1), ("2", None)]


def test_a_transaction_with_an_impossible_write_changes_nothing(tables: Any, control: str) -> None:
    assert rejected(tables, Put(control, ROW), Put(control, row_of(LARGEST + 1, "2")), Put(control, {**ROW, "SK": "3"}))
    assert list(tables.query(control, "a")) == []


@pytest.mark.parametrize(
    "second",
    [
        Put("", ROW),
        Update("", "a", "1", set={"n": 1}),
        Delete("", "a", "1"),
        Check("", "a", "1", Expect(exists=False)),
    ],
    ids=["put", "update", "delete", "check"],
)
def test_a_transaction_touches_each_row_once(tables: Any, control: str, second: Any) -> None:
    assert rejected(tables, Put(control, ROW), replace(second, table=control))
    assert tables.get(control, "a", "1") is None


@pytest.mark.parametrize(
    ("update", "deviates"),
    [
        (Update("", "a", "1"), ""),
        (Update("", "a", "1", set={"PK": "b"}), ""),
        (Update("", "a", "1", set={"SK": "2"}), ""),
        (Update("", "a", "1", set={"n": 1}, remove=("n",)), "stack"),
    ],
    ids=["nothing", "PK", "SK", "set and removed"],
)
def test_impossible_updates_are_rejected(tables: Any, control: str, kind: str, update: Any, deviates: str) -> None:
    # DEVIATES: the stack takes an attribute that is both set and removed.
    assert rejected(tables, replace(update, table=control)) is (kind != deviates)


def test_an_update_makes_the_row_and_removing_makes_it_too(tables: Any, control: str) -> None:
    tables.transact([Update(control, "a", "1", set={"n": 1})])
    tables.transact([Update(control, "a", "2", remove=("n",))])
    assert list(tables.query(control, "a")) == [{**ROW, "n": 1}, {**ROW, "SK": "2"}]


@pytest.mark.parametrize(("expect", "ok"), [(ANYTHING, True), (Expect(exists=True), False)])
def test_an_absent_row_can_be_deleted_unless_it_was_expected(
    tables: Any, control: str, expect: Expect, ok: bool
) -> None:
    delete = Delete(control, "a", "1", expect=expect)
    if ok:
        tables.transact([delete])
        return
    with pytest.raises(TransactionRejected):
        tables.transact([delete])


def test_rows_that_were_returned_are_independent_copies(tables: Any, control: str) -> None:
    given: dict[str, Any] = {**ROW, "m": {"list": [1]}}
    tables.transact([Put(control, given)])
    given["m"]["list"].append(2)
    tables.get(control, "a", "1")["m"]["list"].append(3)
    next(tables.query(control, "a"))["m"]["list"].append(4)
    assert tables.get(control, "a", "1")["m"] == {"list": [Decimal(1)]}


# --- the wire -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALUES)
def test_stream_images_are_read_like_rows(name: str) -> None:
    given, expected = VALUES[name]
    assert from_wire(to_wire({"v": given})) == {"v": expected}


def test_stream_images_hold_bytes_as_base64() -> None:
    text = b64encode(b"\x00\xff").decode()
    assert from_wire({"v": {"B": text}, "w": {"BS": [text]}}) == {"v": b"\x00\xff", "w": {b"\x00\xff"}}


@pytest.mark.parametrize("value", [{}, {"Q": "1"}, {"N": "many"}, {"N": None}, {"S": "a", "N": "1"}, "text", None, []])
def test_an_image_of_another_form_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_wire({"v": value})


def test_a_missing_table_raises_an_exception(tables: Any) -> None:
    if not isinstance(tables, DynamoTables):
        assert tables.get("nowhere", "a", "1") is None  # The twin has every table.
        return
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        tables.get("nowhere", "a", "1")
