"""The interface between this package's commands and the `interlock` command that runs them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from interlock_store import Store


class DeploymentClients(Protocol):
    """A deployment that `--environment` and `--endpoint-url` name."""

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

    def console(self) -> "Console":
        """Standard output, with the colours that the user wants."""
        ...

    def progress(self, out: "Console") -> Callable[[str], None]:
        """A function that prints each step of long work, with the seconds since this call."""
        ...

    def table(self, *columns: str, title: str | None = None, whole: tuple[str, ...] = ()) -> "Table":
        """An empty table. The columns of `whole` are never broken."""
        ...

    def span(self, seconds: float) -> str:
        """A length of time as text, such as 3m20s."""
        ...

    def print_json(self, value: Any) -> None:
        """Print one JSON document."""
        ...

    def error(self, message: str) -> Exception:
        """The exception that ends the command with this message and exit code 2."""
        ...

    def deployment(self, environment: str, endpoint_url: str | None) -> DeploymentClients:
        """The deployment that the options name. AWS errors of the command are explained with its name."""
        ...
