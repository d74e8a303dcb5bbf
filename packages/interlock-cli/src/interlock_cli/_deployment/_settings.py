"""Reads interlock.toml: the environments of a project, each with its profile, region, endpoint and paths."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec import Struct

from interlock_cli._output._errors import CliError

FILE = "interlock.toml"
LOCAL = "local"
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
REGION_ALLOWED = "must be a region such as eu-west-1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NAME_ALLOWED = "must be 1 to 64 letters, digits, -, _ and ., and begin with a letter or a digit"


class Environment(Struct, frozen=True):
    """The settings of one environment. None for a setting that the file does not have.

    profile: of the AWS configuration. endpoint: the address of the AWS API. pipelines: files and folders of pipelines
    and calendars. alerts: the file alerts.yaml. Both are absolute.
    """

    profile: str | None = None
    region: str | None = None
    endpoint: str | None = None
    pipelines: tuple[Path, ...] = ()
    alerts: Path | None = None


class Settings(Struct, frozen=True):
    """The content of interlock.toml. path: None if there is no such file."""

    path: Path | None = None
    default: str | None = None
    environments: Mapping[str, Environment] = {}

    def of(self, environment: str) -> Environment:
        """The settings of an environment. An environment that the file does not name has none."""
        return self.environments.get(environment, Environment())


def settings() -> Settings:
    """The settings of the working folder. Raises CliError with all problems of the file."""
    try:
        path = _find(Path.cwd())
    except FileNotFoundError:  # the working folder was removed
        path = None
    return Settings() if path is None else read_settings(path)


def default_environment() -> str:
    """The environment of a command that names none. The completion of a shell ignores the problems of the file."""
    try:
        return settings().default or LOCAL
    except CliError:
        context = click.get_current_context(silent=True)
        if context is not None and context.resilient_parsing:
            return LOCAL
        raise


def configured_paths(given: tuple[str, ...], environment: str) -> tuple[str, ...]:
    """The paths of the command line, otherwise those of the environment. Raises UsageError without both."""
    if given:
        return given
    found = settings()
    mine = found.of(environment)
    if not mine.pipelines:
        where = f"{found.path}: environments.{environment} has no `pipelines`" if found.path else f"there is no {FILE}"
        raise click.UsageError(f"Missing PATHs of files: {where}.")
    paths = [*mine.pipelines, *([mine.alerts] if mine.alerts is not None else [])]
    return tuple(os.path.relpath(path) for path in paths)


def _find(folder: Path) -> Path | None:
    """The nearest interlock.toml from the folder upwards. The root of a checkout and the home folder are the last."""
    home = Path(os.path.expanduser("~"))
    for one in (folder, *folder.parents):
        if (one / FILE).is_file():
            return one / FILE
        if one == home or (one / ".git").exists():
            return None
    return None


def read_settings(path: Path) -> Settings:
    """The settings of a file. Raises CliError with all its problems."""
    # Only a command that uses the file loads the reader of TOML.
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CliError(f"{path} cannot be read: it is not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CliError(f"{path} is not TOML: {error}") from None
    reader = _Reader(path)
    found = reader.settings(document)
    if reader.problems:
        raise CliError(*(f"{path}: {problem}" for problem in reader.problems))
    return found


class _Reader:
    """Converts a document, and collects its problems."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[str] = []

    def settings(self, document: Mapping[str, Any]) -> Settings:
        self._known("", document, ("environment", "environments"))
        default = self._read("environment", document.get("environment"), _name)
        tables = document.get("environments", {})
        if not isinstance(tables, dict):
            self.problems.append("environments: must be tables such as [environments.prod]")
            tables = {}
        environments = dict(self._environments(tables))
        if default is not None and default != LOCAL and tables and default not in tables:
            self.problems.append(f"environment is {default!r}, must be one of {', '.join(sorted({*tables, LOCAL}))}")
        return Settings(self._path, default, environments)

    def _environments(self, tables: Mapping[str, Any]) -> Iterator[tuple[str, Environment]]:
        for name, table in tables.items():
            place = f"environments.{name}"
            if not NAME.fullmatch(name):
                self.problems.append(f"{place}: its name {NAME_ALLOWED}")
            if not isinstance(table, dict):
                self.problems.append(f"{place} is {table!r}, must be a table [{place}]")
                continue
            self._known(f"{place}.", table, Environment.__struct_fields__)
            yield name, self._environment(place, table)

    def _environment(self, place: str, table: Mapping[str, Any]) -> Environment:
        def value(key: str, read: Callable[[object], Any]) -> Any:
            return self._read(f"{place}.{key}", table.get(key), read)

        folder = self._path.parent
        alerts = value("alerts", _text)
        return Environment(
            profile=value("profile", _text),
            region=value("region", _region),
            endpoint=value("endpoint", read_endpoint),
            pipelines=tuple(folder / one for one in value("pipelines", _texts) or ()),
            alerts=None if alerts is None else folder / alerts,
        )

    def _known(self, place: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        from interlock_cli._output._near import near_names

        for key in table:
            if key not in keys:
                close = near_names(key, keys, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self.problems.append(f"{place}{key}: is unknown, must be one of {', '.join(keys)}{hint}")

    def _read(self, place: str, value: object, read: Callable[[object], Any]) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            self.problems.append(f"{place} is {value!r}, {error}")
            return None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text, not empty")
    return value


def _texts(value: object) -> list[str]:
    if isinstance(value, list) and value:
        return [_text(one) for one in value]
    if isinstance(value, str):
        return [_text(value)]
    raise ValueError("must be a path, or a list of paths")


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(NAME_ALLOWED)
    return value


def _region(value: object) -> str:
    if not isinstance(value, str) or not REGION.fullmatch(value):
        raise ValueError(REGION_ALLOWED)
    return value


def read_endpoint(value: object) -> str:
    """The address of an AWS API. Raises ValueError with the allowed form."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return str(value)
    except ValueError:
        pass
    raise ValueError("must be an address such as http://127.0.0.1:4566")
