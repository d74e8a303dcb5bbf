"""A query reads each page, also an empty one. DynamoDB may give a key after the last row."""

from typing import Any

import pytest

from interlock_store import DynamoTables


class Pages:
    """A client that answers a query with these pages: numbers of rows, and whether a key for more comes with them."""

    def __init__(self, *pages: tuple[list[int], bool]) -> None:
        self.pages = [*pages]
        self.asked: list[Any] = []

    def query(self, **request: Any) -> dict[str, Any]:
        self.asked.append((request.get("ExclusiveStartKey"), request.get("Limit")))
        numbers, has_more = self.pages.pop(0)
        items = [{"PK": {"S": "a"}, "SK": {"S": str(number)}} for number in numbers]
        key = {"LastEvaluatedKey": {"PK": {"S": "a"}, "SK": {"S": f"after {numbers}"}}} if has_more else {}
        return {"Items": items, **key}


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ([([1, 2], True), ([], False)], ["1", "2"]),
        ([([], True), ([1], False)], ["1"]),
        ([([1], True), ([], True), ([2], False)], ["1", "2"]),
        ([([], False)], []),
    ],
)
def test_an_empty_page_neither_ends_nor_breaks_a_query(pages: list[tuple[list[int], bool]], found: list[str]) -> None:
    client = Pages(*pages)
    assert [row["SK"] for row in DynamoTables(client).query("t", "a")] == found  # type: ignore[arg-type]
    assert client.pages == []
    assert client.asked[0] == (None, None)
    assert all(start is not None for start, _ in client.asked[1:])


def test_a_limit_counts_rows_over_empty_pages() -> None:
    client = Pages(([1], True), ([], True), ([2], True), ([3], False))
    assert [row["SK"] for row in DynamoTables(client).query("t", "a", limit=2)] == ["1", "2"]  # type: ignore[arg-type]
    assert [limit for _, limit in client.asked] == [2, 1, 1]
