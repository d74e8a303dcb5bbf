"""The interface for commands of other packages: the output, the errors and the deployments of `interlock`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlock_cli._output._errors import CliError

if TYPE_CHECKING:
    from interlock_cli._deployment._deployment import Deployment
    from interlock_cli._output._console import Output, Rows


class Terminal:
    """The context object (`click.Context.obj`) of each command. A method loads the modules that it needs."""

    def console(self) -> "Output":
        """Standard output. Colours obey NO_COLOR. All texts are read as foreign: they have no markup."""
        from interlock_cli._output._console import console

        return console()

    def progress(self, out: "Output") -> Callable[[str], None]:
        """A function that prints each step of long work, with the seconds since this call."""
        from interlock_cli._output._console import progress_printer

        return progress_printer(out)

    def table(self, *columns: str, title: str = "", whole: tuple[str, ...] = ()) -> "Rows":
        """An empty table without borders. The columns of `whole` are never broken."""
        from interlock_cli._output._console import table

        return table(*columns, title=title, whole=whole)

    def span(self, seconds: float) -> str:
        """A length of time in its two largest units: 1h05m, 3m20s, 12s."""
        from interlock_cli._output._console import show_span

        return show_span(seconds)

    def print_json(self, value: Any) -> None:
        """One JSON document on stdout."""
        from interlock_cli._output._console import print_json

        print_json(value)

    def as_called(self, text: str) -> str:
        """The text, with each `interlock COMMAND` in it as this process was called, such as `uv run interlock`."""
        from interlock_cli._output._called import as_called

        return as_called(text)

    def error(self, message: str) -> CliError:
        """The exception that ends the command with this message and exit code 2."""
        return CliError(message)

    def deployment(self, environment: str | None, endpoint_url: str | None) -> "Deployment":
        """The deployment that the options name, with the settings of interlock.toml. None: its default environment.

        The context's `meta` has the values of --profile and --region as `interlock.profile` and `interlock.region`.
        The context keeps the deployment for the message of an AWS error.
        """
        from interlock_cli._deployment._deployment import deployment

        return deployment(environment, endpoint_url)
