"""The DAGs that the arguments of `interlock import airflow` name: files and folders, or the address of a server."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from interlock_cli._imports import BadDagFile, Dag, Server, ServerError, dags_of_file, dags_of_server
from interlock_cli._output._errors import Away, CliError

_AUTHORIZATION = "INTERLOCK_AIRFLOW_AUTHORIZATION"
_MOST_BYTES = 2_000_000
_SKIPPED = ("__pycache__", "node_modules")
_ADDRESS = "must be an address such as https://airflow.example.com, without a user name and a password"


class DagSources(Struct, frozen=True):
    """The DAGs, the address of their Airflow (None if it is not known), and notes about the sources."""

    dags: tuple[Dag, ...]
    url: str | None
    notes: tuple[str, ...] = ()


def read_dags(sources: Sequence[str], url: str | None, zone: str | None, problems: Sequence[str]) -> DagSources:
    """The DAGs of the sources. Raises CliError with all problems, also the given ones, and Away without an answer."""
    found = list(problems)
    addresses = [one for one in sources if one.partition("://")[0] in ("http", "https")]
    if addresses and len(sources) > 1:
        found.append("SOURCE is one address, or files and folders: name them in two calls")
    if addresses and url is not None:
        found.append("--url is for DAG files. The jobs of the drafts get the address of SOURCE")
    found += [f"{name} is {text!r}: {_ADDRESS}" for name, text in _named(addresses, url) if not _is_address(text)]
    if addresses:
        if found:
            raise CliError(*found)
        return _of_server(addresses[0], zone)
    return _of_files(sources, url, found)


def _named(addresses: Sequence[str], url: str | None) -> Iterator[tuple[str, str]]:
    for one in addresses:
        # An address with a password is not repeated.
        yield "SOURCE", one if "@" not in one else "an address with @"
    if url is not None:
        yield "--url", url if "@" not in url else "an address with @"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return is_named and "@" not in parts.netloc and text.isprintable()
    except ValueError:
        return False


def _of_server(address: str, zone: str | None) -> DagSources:
    authorization = os.environ.get(_AUTHORIZATION, "").strip()
    if not authorization.isprintable() or not authorization.isascii():
        raise CliError(f"{_AUTHORIZATION} must be printable ASCII, as the value of a header is")
    server = Server(address, authorization)
    try:
        return DagSources(tuple(dags_of_server(server, zone)), server.url)
    except ServerError as error:
        raise (Away if error.is_away else CliError)(str(error)) from None


def _of_files(sources: Sequence[str], url: str | None, problems: list[str]) -> DagSources:
    files: dict[Path, Path] = {}
    without, notes = 0, []
    for source in sources:
        path = Path(source)
        if not path.exists():
            problems.append(f"{source} does not exist")
        for file in _python_files(path):
            files.setdefault(file.resolve(), file)
        if path.is_dir() and (path / ".airflowignore").exists():
            notes.append(f"{path / '.airflowignore'} is not read: the drafts include the DAGs of files that it names.")
    dags: list[Dag] = []
    for file in files.values():
        try:
            found = dags_of_file(_text_of(file), str(file)).dags
        except (BadDagFile, OSError) as error:
            problems.append(f"{file}: {getattr(error, 'strerror', None) or error}")
            continue
        dags += found
        without += not found
    if problems:
        raise CliError(*problems)
    if without:
        notes.append(f"{without} of {len(files)} files make no DAG by a call of DAG, @dag or @asset.")
    return DagSources(tuple(dags), url, tuple(notes))


def _python_files(path: Path) -> Iterator[Path]:
    """The file, or the Python files of a folder in the order of their names. Hidden folders and files are left out."""
    if not path.is_dir():
        yield from [path] if path.exists() else []
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _SKIPPED)
        yield from (Path(folder) / name for name in sorted(names) if name.endswith(".py") and not name.startswith("."))


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadDagFile(f"it has more than {_MOST_BYTES:,} bytes")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDagFile(f"it is not UTF-8: {error.reason} at byte {error.start}") from None
