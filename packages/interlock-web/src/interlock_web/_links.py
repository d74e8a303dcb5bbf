"""The addresses of the pages, of a server and of exported files."""

import re
from collections.abc import Mapping
from datetime import date as calendar_day
from typing import Protocol
from urllib.parse import quote, urlencode

from interlock_lifecycle import RunKey, digest


class Links(Protocol):
    """The addresses of the pages, relative to the page that names them."""

    is_live: bool

    def static(self, name: str) -> str:
        """A file of the page, such as its style."""
        ...

    def overview(self, query: Mapping[str, object]) -> str:
        """The overview with a query."""
        ...

    def day(self, query: Mapping[str, object]) -> str:
        """A day on a time axis."""
        ...

    def run(self, key: RunKey) -> str:
        """The page of a date."""
        ...

    def pipeline(self, name: str) -> str:
        """The page of a pipeline."""
        ...


class ServerLinks:
    """The addresses of the server."""

    is_live = True

    def static(self, name: str) -> str:
        """A file of the page."""
        return f"/static/{quote(name)}"

    def overview(self, query: Mapping[str, object]) -> str:
        """The overview with a query."""
        words = {name: value for name, value in query.items() if value not in ("", None)}
        return f"/?{urlencode(words)}" if words else "/"

    def day(self, query: Mapping[str, object]) -> str:
        """A day on a time axis."""
        return f"/day{self.overview(query).removeprefix('/')}"

    def run(self, key: RunKey) -> str:
        """The page of a date."""
        return f"/run?{urlencode({'pipeline': key.pipeline_id, 'date': str(key.date)})}"

    def pipeline(self, name: str) -> str:
        """The page of a pipeline."""
        return f"/pipeline?{urlencode({'id': name})}"


class FileLinks:
    """The addresses of exported files in one folder. A name that is no file name becomes its digest.

    runs: the dates with a page of their own, as pipeline and date. Links to others lead to their pipeline. days: the
    days with a page on a time axis. Links to others lead to the overview.
    """

    is_live = False

    def __init__(
        self, runs: frozenset[tuple[str, str]] = frozenset(), days: frozenset[calendar_day] = frozenset()
    ) -> None:
        self._runs = runs
        self._days = days

    def static(self, name: str) -> str:
        """A file of the page."""
        return f"static/{quote(name)}"

    def overview(self, query: Mapping[str, object]) -> str:
        """The overview. Exported files have no queries, and each part of the rows is a file."""
        part = query.get("offset")
        return f"index-{part}.html" if part else "index.html"

    def day(self, query: Mapping[str, object]) -> str:
        """A day on a time axis. Each part of its rows is a file."""
        day, part = query.get("until"), query.get("offset")
        if day not in self._days:
            return self.overview({})
        return f"day-{day}-{part}.html" if part else f"day-{day}.html"

    def run(self, key: RunKey) -> str:
        """The page of a date."""
        date = str(key.date)
        if (key.pipeline_id, date) not in self._runs:
            return self.pipeline(key.pipeline_id)
        return f"run-{file_word(key.pipeline_id)}-{date}.html"

    def pipeline(self, name: str) -> str:
        """The page of a pipeline."""
        return f"pipeline-{file_word(name)}.html"


_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def file_word(text: str) -> str:
    """A part of a file name. A name of lower-case letters, digits and dashes stays. Any other becomes its digest.

    Upper-case letters are no part of a name, since some file systems do not distinguish them.
    """
    return text if _PLAIN_NAME.fullmatch(text) else f"_{digest('page', text)}"
