"""Changelogs in the form of Keep a Changelog: the entries of a version, and the step from unreleased to released."""

import re

UNRELEASED = "Unreleased"

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_SECTION = re.compile(r"^(?P<version>\d\S*) - (?P<day>\d{4}-\d{2}-\d{2})$")


class ChangelogError(Exception):
    """A changelog is not in the expected form."""


def sections(text: str) -> dict[str, str]:
    """The body of each section, by its heading without the day."""
    parts = _HEADING.split(text)[1:]
    names = [found["version"] if (found := _SECTION.match(name)) else name for name in parts[::2]]
    return dict(zip(names, parts[1::2], strict=True))


def entries(text: str, name: str) -> int:
    """The number of entries of a section. A section that does not exist has none."""
    return len(re.findall(r"^- ", sections(text).get(name, ""), re.MULTILINE))


def release(text: str, version: str, day: str) -> str:
    """The changelog after a release: the unreleased entries below the version and its day (YYYY-MM-DD).

    Raises ChangelogError if the changelog has no entries for the release, or already has the version.
    """
    if version in sections(text):
        raise ChangelogError(f"has a section {version} already")
    if not entries(text, UNRELEASED):
        raise ChangelogError(f"has no entries under '## {UNRELEASED}'")
    return text.replace(f"## {UNRELEASED}\n", f"## {UNRELEASED}\n\n## {version} - {day}\n", 1)


def add_change(text: str, line: str) -> str:
    """The changelog with one more unreleased entry under `### Changed`.

    Raises ChangelogError if the changelog has no section for unreleased entries.
    """
    body = sections(text).get(UNRELEASED)
    if body is None:
        raise ChangelogError(f"has no heading '## {UNRELEASED}'")
    title = "### Changed\n\n"
    if title in body:
        longer = body.replace(title, f"{title}- {line}\n", 1)
    else:
        longer = f"{body.rstrip()}\n\n{title}- {line}\n{_end_of(body)}"
    start = text.index(f"## {UNRELEASED}\n") + len(f"## {UNRELEASED}")
    return text[:start] + longer + text[start + len(body) :]


def _end_of(body: str) -> str:
    """The empty line before the next section, if one follows."""
    return "\n" if body.endswith("\n\n") else ""
