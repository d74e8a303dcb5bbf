"""The interface between this package's commands and the `interlock` command that runs them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from interlock_store import Store

Part: TypeAlias = str | tuple[str, str]
"""A text without markup, or a style of rich and such a text. Control characters in it are escaped."""

Cell: TypeAlias = Part | list[list[Part]]
"""A part, or several lines of parts."""

Say: TypeAlias = Callable[..., None]
"""Prints its parts as one line."""


class Rows(Protocol):
    """A table."""

    def add_row(self, *cells: Cell) -> None:
        """Add a row."""
        ...


class Output(Protocol):
    """A stream of lines and tables for a person. It reads all texts as foreign: they have no markup."""

    @property
    def is_terminal(self) -> bool:
        """Whether the stream is a terminal, and no file or pipe."""
        ...

    @property
    def width(self) -> int:
        """The number of columns."""
        ...

    def line(self, *parts: Part) -> None:
        """Print the parts as one line. A line end within a part is escaped."""
        ...

    def table(self, made: Any, /) -> None:
        """Print a table of `Terminal.table`."""
        ...

    def live(self, picture: "RenderableType") -> "Live":
        """A picture that stays below all further lines. `start` shows it, `stop` removes it."""
        ...


class DeploymentClients(Protocol):
    """A deployment that `--environment` and `--endpoint-url` name.

    environment: its name. endpoint_url: the address of its AWS API, None for AWS itself.
    """

    environment: str
    endpoint_url: str | None

    @property
    def is_loopback(self) -> bool:
        """Whether its endpoint is on this machine."""
        ...

    def client(self, service: str) -> Any:
        """A boto3 client for one of its services."""
        ...

    def store(self) -> "Store":
        """Its tables. Raises an error for the user if a local endpoint does not answer."""
        ...


class Terminal(Protocol):
    """The output, the errors and the deployments of `interlock`: the context object of each command."""

    def console(self) -> Output:
        """Standard output, with the colours that the user wants."""
        ...

    def progress(self, out: Any) -> Callable[[str], None]:
        """A function that prints each step of long work, with the seconds since this call."""
        ...

    def table(self, *columns: str, title: str = "", whole: tuple[str, ...] = ()) -> Rows:
        """An empty table. The columns of `whole` are never broken."""
        ...

    def span(self, seconds: float) -> str:
        """A length of time as text, such as 3m20s."""
        ...

    def print_json(self, value: Any) -> None:
        """Print one JSON document."""
        ...

    def as_called(self, text: str) -> str:
        """The text, with each `interlock COMMAND` in it as this process was called, such as `uv run interlock`."""
        ...

    def error(self, message: str) -> Exception:
        """The exception that ends the command with this message and exit code 2."""
        ...

    def deployment(self, environment: str | None, endpoint_url: str | None) -> DeploymentClients:
        """The deployment that the options name. None: the default environment.

        AWS errors of the command are explained with its name.
        """
        ...
