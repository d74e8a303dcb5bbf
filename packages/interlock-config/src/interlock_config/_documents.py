"""Which document a file holds, and what is wrong between the documents of several files."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from interlock_sla import Calendar

from ._calendars import build_calendar, warn_calendar
from ._codec import build_pipeline
from ._config import PipelineConfig, calendar_places, unknown_calendar
from ._json import read_json
from ._problems import ConfigError, Findings, Path, Problem
from ._warnings import warn
from ._warnings_schedule import warn_of_calendars
from ._yaml import read_yaml

Document: TypeAlias = PipelineConfig | Calendar
"""What one file holds: a pipeline or a calendar."""

_OF_PIPELINES = {"pipeline", "schedule", "validation", "job"}
_OF_CALENDARS = {"name", "days", "dates"}


class Review(Struct, frozen=True):
    """What a set of files holds: the documents that can be used, by source, and every problem of all files."""

    documents: dict[str, Document]
    problems: tuple[Problem, ...]

    @property
    def failed(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.severity == "error" for problem in self.problems)


def read_document(text: str | bytes, source: str = "") -> Document:
    """Read a pipeline or a calendar, told apart by their keys; JSON when `source` ends in .json, else YAML.

    Raises ConfigError with every error of the file.
    """
    return _document(*_plain(text, source))


def check(config: PipelineConfig, calendars: Mapping[str, Calendar], source: str = "") -> tuple[Problem, ...]:
    """What is wrong between a config and the calendars that exist, by name.

    Errors: names that no calendar has. Warnings: calendars that leave nothing of the schedule.
    """
    findings = Findings(source)
    _look_at_calendars(config, calendars, set(), findings)
    return tuple(findings.problems)


def validate(documents: Mapping[str, Document]) -> tuple[Problem, ...]:
    """What is wrong between documents, by source: ids and calendar names given twice, and what `check` finds."""
    findings = {source: Findings(source) for source in documents}
    _look_between(documents, findings, set())
    return tuple(problem for source in documents for problem in findings[source].problems)


def review(texts: Mapping[str, str | bytes]) -> Review:
    """Read files (source to text) and find everything wrong with and between them, warnings included."""
    documents: dict[str, Document] = {}
    findings: dict[str, Findings] = {}
    problems: list[Problem] = []
    broken_calendars: set[str] = set()
    for source, text in texts.items():
        raw: Any = None
        try:
            raw, findings[source] = _plain(text, source)
            documents[source] = _document(raw, findings[source])
        except ConfigError as error:
            problems += error.problems
            broken_calendars |= _calendar_name(raw)
        else:
            _warn(documents[source], findings[source])
    _look_between(documents, findings, broken_calendars)
    problems += (problem for source in documents for problem in findings[source].problems)
    return Review(documents, tuple(sorted(problems, key=lambda problem: (problem.source, problem.line or 0))))


def _plain(text: str | bytes, source: str) -> tuple[Any, Findings]:
    if source.endswith(".json"):
        return read_json(text, source), Findings(source)
    return read_yaml(text, source)


def _document(raw: Any, findings: Findings) -> Document:
    return build_calendar(raw, findings) if _is_calendar(raw) else build_pipeline(raw, findings)


def _is_calendar(raw: Any) -> bool:
    return isinstance(raw, dict) and bool(_OF_CALENDARS & raw.keys()) and not _OF_PIPELINES & raw.keys()


def _calendar_name(raw: Any) -> set[str]:
    """The name of a calendar that cannot be used: pipelines that name it are not wrong for that."""
    return {raw["name"]} if _is_calendar(raw) and isinstance(raw.get("name"), str) else set()


def _warn(document: Document, findings: Findings) -> None:
    if isinstance(document, PipelineConfig):
        warn(document, findings)
    else:
        warn_calendar(document, findings)


def _look_between(
    documents: Mapping[str, Document], findings: Mapping[str, Findings], broken_calendars: set[str]
) -> None:
    calendars = {item.name: item for item in documents.values() if isinstance(item, Calendar)}
    first: dict[tuple[Path, str], str] = {}
    for source, document in documents.items():
        path, name = _name(document)
        earlier = first.setdefault((path, name), source)
        if earlier != source:
            findings[source].error(path, name, f"is also the {path[-1]} of {earlier}; it must be unique")
        if isinstance(document, PipelineConfig):
            _look_at_calendars(document, calendars, broken_calendars, findings[source])


def _name(document: Document) -> tuple[Path, str]:
    if isinstance(document, PipelineConfig):
        return ("pipeline", "id"), document.id
    return ("name",), document.name


def _look_at_calendars(
    config: PipelineConfig, calendars: Mapping[str, Calendar], broken: set[str], findings: Findings
) -> None:
    known = calendars.keys() | broken
    for path, name in calendar_places(config).items():
        if name not in known:
            message = unknown_calendar(name, known)
            findings.error(
                path, name, message if known else f"{message}; its file has to be read together with this one"
            )
    if all(name in calendars for name in config.calendar_names):
        warn_of_calendars(config, calendars, findings)
