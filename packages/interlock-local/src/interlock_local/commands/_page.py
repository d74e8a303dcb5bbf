"""The page of the local stack, which another package serves. Without such a package the stack has no page."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from interlock_local.stack import LocalStack

PAGES = "interlock.pages"
"""Each entry point of this group maps a client of DynamoDB, an environment and a program to a served page."""


class Page(Protocol):
    """A page that is served."""

    url: str

    def stop(self) -> None:
        """End the page."""
        ...


@contextmanager
def served_page(stack: "LocalStack", environment: str, program: str) -> Iterator[str]:
    """The address of the stack's page within the block, or a text without one: empty, or the reason in brackets.

    program: the words before a command that a person copies from the page.
    """
    found = next(iter(entry_points(group=PAGES)), None)
    if found is None:
        yield ""
        return
    try:
        page: Page = found.load()(stack.client("dynamodb"), environment, program)
    except Exception as error:  # noqa: BLE001 (the stack works without its page, and says the reason)
        yield f"(not served: {error})"
        return
    try:
        yield page.url
    finally:
        page.stop()
