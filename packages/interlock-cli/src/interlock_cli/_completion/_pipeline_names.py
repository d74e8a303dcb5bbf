"""The ids of pipelines that a shell offers: of the pipeline files of the project, and of the deployment.

It loads no reader of YAML and waits for no request.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from interlock_cli._completion._listed_pipelines import listed_pipelines
from interlock_cli._deployment._settings import LOCAL, settings
from interlock_cli._output._errors import CliError

_ENDINGS = (".yaml", ".yml", ".json")
_MOST_FILES, _MOST_CHARACTERS = 2000, 4096
_ID = re.compile(
    r"""^\s*\{?\s*["']?pipeline["']?\s*:(?P<before>.{0,1000}?)["']?\bid["']?\s*:\s*["']?(?P<id>[A-Za-z0-9._-]+)""",
    re.MULTILINE | re.DOTALL,
)


def complete_pipelines(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids that begin with the word. An invalid interlock.toml, or a file that cannot be read, offers none."""
    found: set[str] = set()
    sources: tuple[Callable[[], Iterable[str]], ...] = (_names, lambda: listed_pipelines(context))
    for names in sources:
        # An error in the middle of a line that is typed would only disturb it.
        with suppress(CliError, OSError):
            found.update(names())
    return [CompletionItem(name) for name in sorted(found) if name.startswith(incomplete)]


def complete_environments(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The environments of interlock.toml and `local`, as far as they begin with the word."""
    try:
        named = settings().environments
    except CliError:
        named = {}
    return [CompletionItem(name) for name in sorted({*named, LOCAL}) if name.startswith(incomplete)]


class PipelineFirst(click.Command):
    """Completes the first word after a command: an id, or an option of the command, which is loaded then only."""

    def __init__(self, name: str, load: Callable[[str], click.Command | None]) -> None:
        super().__init__(name, params=[click.Argument(["pipeline"], shell_complete=complete_pipelines)])
        self._load = load

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """The options of the command."""
        command = self._load(str(self.name))
        assert command is not None
        return command.shell_complete(click.Context(command, context.parent, self.name), incomplete)


def offer_pipelines(command: click.Command) -> None:
    """Let the shell offer ids for each PIPELINE, and names for each --environment, also of the commands below it."""
    for one in command.params:
        if isinstance(one, click.Argument) and one.name == "pipeline":
            one._custom_shell_complete = complete_pipelines
        elif isinstance(one, click.Option) and one.name == "environment":
            one._custom_shell_complete = complete_environments
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            offer_pipelines(inner)


def _names() -> Iterator[str]:
    for path in _files():
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_MOST_CHARACTERS)
        except OSError:
            continue
        if found := _ID.search(text):
            yield found["id"]


def _files() -> Iterator[Path]:
    """The files of all environments of interlock.toml, otherwise those of `pipelines` and of the working folder."""
    named = [path for one in settings().environments.values() for path in one.pipelines]
    count = 0
    for place in dict.fromkeys(named) or (Path("pipelines"), Path()):
        for path in [place] if place.is_file() else _below(place, is_deep=bool(named) or place != Path()):
            count += 1
            if count > _MOST_FILES:
                return
            yield path


def _below(folder: Path, *, is_deep: bool) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if is_deep and not name.startswith("."))
        yield from (Path(root, name) for name in sorted(files) if name.endswith(_ENDINGS) and not name.startswith("."))
