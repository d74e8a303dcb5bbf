"""Finds the files that a path, a folder or a pattern names, and the places that cannot be read. It opens no file."""

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

_ENDINGS = frozenset({".yaml", ".yml", ".json"})
_SCHEMA_ENDING = ".schema.json"
_PATTERN_SIGNS = frozenset("*?[")
_ANY_FOLDERS = "**"
_SHOWN_CHARACTERS = 200


class Search:
    """The files that one path names.

    files: the files. For a folder or a pattern only *.yaml, *.yml and *.json, without JSON Schemas.
    unreadable: each place that cannot be read, with the reason. A path that names no file has a reason too.
    """

    def __init__(self, path: str | Path) -> None:
        self.unreadable: dict[str, str] = {}
        if path == "":
            # Path("") is the current folder. A user who writes "$FOLDER" does not mean it.
            self.unreadable[repr(path)] = "is not a path; is a variable of the shell unset?"
            self.files = []
            return
        self.files = self._named(Path(path))
        if not self.files and not self.unreadable:
            self._note(path, "no *.yaml, *.yml or *.json file found")

    def _named(self, path: Path) -> list[Path]:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError) as error:
            if _PATTERN_SIGNS & set(str(path)) and not os.path.islink(path):
                return self._matching(path)
            self._note(path, why(error, path) if os.path.islink(path) else "no such file or folder")
            return []
        except OSError as error:
            self._note(path, why(error, path))
            return []
        except ValueError:
            self._note(path, "is not a valid path")
            return []
        return self._in_folder(path) if is_folder else [path]

    def _in_folder(self, folder: Path) -> list[Path]:
        """The documents of a folder and of the folders below it, without hidden files and folders."""
        found = []
        for place, names in self._walk(folder):
            for file in (place / name for name in names if not _is_hidden(name)):
                if _is_document(file):
                    found.append(file)
                elif os.path.islink(file):
                    self._is_folder(file)
        return sorted(found)

    def _walk(self, folder: Path) -> Iterator[tuple[Path, list[str]]]:
        """A folder and each folder below it once, without hidden folders, with the names of their files."""
        seen = set()
        note = partial(self._note_error, folder)
        for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
            if (whole := os.path.realpath(place)) in seen:
                folders.clear()
                continue
            seen.add(whole)
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            yield Path(place), names

    def _matching(self, pattern: Path) -> list[Path]:
        found: set[Path] = set()
        for match in self._opened(Path(pattern.anchor), pattern.parts[bool(pattern.anchor) :]):
            if self._is_folder(match):
                found.update(self._in_folder(match))
            elif _is_document(match):
                found.add(match)
        return sorted(found)

    def _opened(self, base: Path, parts: tuple[str, ...]) -> Iterator[Path]:
        """The paths below `base` that match the parts of a pattern. The syntax is that of glob, which hides errors."""
        if not parts:
            yield base
            return
        if not self._is_folder(base):
            return
        part, rest = parts[0], parts[1:]
        if part == _ANY_FOLDERS:
            places = [place for place, _ in self._walk(base)] if rest else [base]
        elif _PATTERN_SIGNS & set(part):
            places = [base / name for name in self._names(base) if _matches(name, part)]
        else:
            places = [base / part] if self._is_there(base / part) else []
        for place in places:
            yield from self._opened(place, rest)

    def _names(self, folder: Path) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except OSError as error:
            self._note_error(folder, error)
            return []

    def _is_there(self, path: Path) -> bool:
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            self._note(path, why(error, path))
            return False
        return True

    def _is_folder(self, path: Path) -> bool:
        """Whether the path is a folder. A broken link is noted if its name is that of a document or has no ending."""
        try:
            return stat.S_ISDIR(path.stat().st_mode)
        except FileNotFoundError as error:
            if _is_document(path) or not path.suffix:
                self._note(path, why(error, path))
        except OSError as error:
            self._note(path, why(error, path))
        return False

    def _note_error(self, folder: Path, error: OSError) -> None:
        """Note the place that the error names: `folder` or a folder below it."""
        place = Path(error.filename or folder)
        self._note(place, why(error, place))

    def _note(self, path: str | Path, reason: str) -> None:
        text = str(path)
        self.unreadable[text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"] = reason


def why(error: OSError, path: str | Path) -> str:
    """The reason why a path cannot be read."""
    if isinstance(error, FileNotFoundError) and os.path.islink(path):
        return "is a broken link"
    return f"cannot be read: {error.strerror}"


def _is_document(file: Path) -> bool:
    return file.suffix.lower() in _ENDINGS and not file.name.endswith(_SCHEMA_ENDING)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _matches(name: str, part: str) -> bool:
    return fnmatch(name, part) and (_is_hidden(part) or not _is_hidden(name))
