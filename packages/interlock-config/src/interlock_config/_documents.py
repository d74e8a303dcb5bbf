"""Which documents a set of files holds, and what is wrong between them."""

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
    """What is wrong between a config and the calendars that exist: names that no calendar has."""
    findings = Findings(source)
    _name_known_calendars(config, set(calendars), findings)
    return tuple(findings.problems)


def validate(documents: Mapping[str, Document]) -> tuple[Problem, ...]:
    """What is wrong between documents (by source): ids and calendar names given twice, unknown calendars."""
    return _between(documents, {source: Findings(source) for source in documents}, set())


def review(texts: Mapping[str, str | bytes]) -> Review:
    """Read files (source to text) and find everything wrong with and between them, warnings included."""
    documents: dict[str, Document] = {}
    all_findings: dict[str, Findings] = {}
    problems: list[Problem] = []
    broken_calendars: set[str] = set()
    for source, text in texts.items():
        raw: Any = None
        try:
            raw, findings = _plain(text, source)
            document = _document(raw, findings)
        except ConfigError as error:
            problems += error.problems
            broken_calendars |= _calendar_name(raw)
            continue
        documents[source], all_findings[source] = document, findings
        _warn(document, findings)
        problems += findings.problems
        all_findings[source] = Findings(source, findings.lines)
    problems += _between(documents, all_findings, broken_calendars)
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


def _between(
    documents: Mapping[str, Document], findings: Mapping[str, Findings], also_known: set[str]
) -> tuple[Problem, ...]:
    calendars = {item.name for item in documents.values() if isinstance(item, Calendar)} | also_known
    first: dict[tuple[type, str], str] = {}
    for source, document in documents.items():
        pipeline = isinstance(document, PipelineConfig)
        path: Path = ("pipeline", "id") if pipeline else ("name",)
        name = document.id if isinstance(document, PipelineConfig) else document.name
        earlier = first.setdefault((type(document), name), source)
        if earlier != source:
            findings[source].error(path, name, f"is also the {path[-1]} of {earlier}; it must be unique")
        if isinstance(document, PipelineConfig):
            _name_known_calendars(document, calendars, findings[source])
    return tuple(problem for source in documents for problem in findings[source].problems)


def _name_known_calendars(config: PipelineConfig, known: set[str], findings: Findings) -> None:
    for path, name in calendar_places(config).items():
        if name not in known:
            findings.error(path, name, unknown_calendar(name, known))
