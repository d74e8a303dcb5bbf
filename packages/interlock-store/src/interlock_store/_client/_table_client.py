"""The operations of DynamoDB that the tables use, of boto3's client and of this package's."""

from collections.abc import Callable
from typing import Any, Protocol


class TableClient(Protocol):
    """A client with the names, parameters, answers and errors of boto3's. Binary values may be bytes or Base64."""

    @property
    def get_item(self) -> Callable[..., Any]:
        """One row by its key."""

    @property
    def batch_get_item(self) -> Callable[..., Any]:
        """Rows by their keys."""

    @property
    def query(self) -> Callable[..., Any]:
        """A page of the rows of one partition."""

    @property
    def scan(self) -> Callable[..., Any]:
        """A page of the rows of a table."""

    @property
    def put_item(self) -> Callable[..., Any]:
        """Write one row."""

    @property
    def update_item(self) -> Callable[..., Any]:
        """Change one row."""

    @property
    def delete_item(self) -> Callable[..., Any]:
        """Delete one row."""

    @property
    def transact_write_items(self) -> Callable[..., Any]:
        """Write several rows or none."""
