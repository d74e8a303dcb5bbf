"""The document of a file, and the errors between the documents of several files."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from msgspec import UNSET, Struct

from interlock_config._alert_rules import AlertRules
from interlock_config._config import CALENDAR_PLACES, PipelineConfig, calendar_places, unknown_calendar
from interlock_config._problems import ConfigError, Findings, Path, Problem, readable
from interlock_config._warnings import warn, warn_of_calendars, warn_of_moves_by_calendars
from interlock_sla import Calendar

from ._alerts import build_alerts
from ._calendars import build_calendar, warn_calendar
from ._codec import build_pipeline, examine
from ._json import read_json
from ._yaml_on_demand import read_yaml

Document: TypeAlias = PipelineConfig | Calendar | AlertRules
"""The content of one file: a pipeline, a calendar or the routing of alerts."""

_OF_PIPELINES = {"pipeline", "schedule", "validation", "job"}
_OF_CALENDARS = {"name", "days", "dates", "workdays"}
_OF_ALERTS = {"version", "targets", "routes", "default", "suppress", "digest"}
_ALERTS_FILE = re.compile(r"(?:.*[/\\])?alerts\.(?:ya?ml|json)", re.IGNORECASE | re.DOTALL)
_NAME_LINE = re.compile(r"""^[ \t{]*["']?name["']?[ \t]*:[ \t]*["']?([^"'#,}\r\n]+)""", re.MULTILINE)
_BEGINNING = 4096


class Review(Struct, frozen=True):
    """The content of a set of files: the usable documents by source, and every problem of all files."""

    documents: dict[str, Document]
    problems: tuple[Problem, ...]

    @property
    def failed(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.severity == "error" for problem in self.problems)


def read_document(text: str | bytes, source: str = "") -> Document:
    """Read a pipeline, a calendar or the routing of alerts, as the keys of the document decide.

    A file with the name alerts.yaml, alerts.yml or alerts.json is the routing of alerts, whatever its keys are. The
    text is JSON if `source` ends in .json, in any letter case, else YAML. Raises ConfigError with every error of the
    file.
    """
    return _document(*_plain(text, source))


def check(config: PipelineConfig, calendars: Mapping[str, Calendar], source: str = "") -> tuple[Problem, ...]:
    """The problems between a config and the existing calendars, by name.

    Errors: names of unknown calendars. Warnings: calendars that exclude the whole schedule.
    """
    findings = Findings(source)
    _look_at_calendars(config, calendars, set(), findings)
    return tuple(findings.problems)


def validate(documents: Mapping[str, Document]) -> tuple[Problem, ...]:
    """The problems between documents, by source: repeated ids and calendar names, and the problems of `check`."""
    findings = {source: Findings(source) for source in documents}
    _look_between(documents, {source: _name(document) for source, document in documents.items()}, findings, set())
    return tuple(problem for source in documents for problem in findings[source].problems)


def review(texts: Mapping[str, str | bytes]) -> Review:
    """Read files (source to text) and find all errors and warnings of each file and between the files."""
    documents: dict[str, Document] = {}
    findings: dict[str, Findings] = {}
    names: dict[str, _Name] = {}
    unusable: dict[str, Any] = {}
    problems: list[Problem] = []
    for source, text in texts.items():
        raw: Any = None
        try:
            raw, findings[source] = _plain(text, source)
            documents[source] = _reviewed(raw, findings[source])
        except ConfigError as error:
            problems += error.problems
            findings[source] = Findings(source, findings[source].lines if source in findings else None)
            unusable[source] = raw
            names.update({source: name} if (name := _name_in(raw, source)) else {})
        else:
            names[source] = _name(documents[source])
    broken = {name.text for source, name in names.items() if source in unusable and name.path == _CALENDAR_NAME}
    broken |= {line for source, raw in unusable.items() if raw is None and (line := _name_line(texts[source]))}
    _look_between(documents, names, findings, broken)
    known = broken | {name.text for name in names.values() if name.path == _CALENDAR_NAME}
    for source, raw in unusable.items():
        _look_for_calendars(_places_in(raw), known, findings[source])
    problems += (problem for source in texts for problem in findings[source].problems)
    return Review(documents, tuple(sorted(problems, key=lambda problem: (problem.source, problem.line or 0))))


def _plain(text: str | bytes, source: str) -> tuple[Any, Findings]:
    if source.lower().endswith(".json"):
        return read_json(text, source).value, Findings(source)
    return read_yaml(text, source)


def _document(raw: Any, findings: Findings) -> Document:
    if _is_alerts(raw, findings.source):
        return build_alerts(raw, findings)
    return build_calendar(raw, findings) if _is_calendar(raw) else build_pipeline(raw, findings)


def _reviewed(raw: Any, findings: Findings) -> Document:
    """The document, with its warnings. Raises ConfigError with its errors and the warnings of its valid sections."""
    if _is_alerts(raw, findings.source):
        return build_alerts(raw, findings)
    if _is_calendar(raw):
        calendar = build_calendar(raw, findings)
        warn_calendar(calendar, findings)
        return calendar
    config = examine(raw, findings)
    if config is not None:
        warn(config, findings)
    if config is None or findings.failed:
        raise ConfigError(findings.in_order())
    return config


def _is_alerts(raw: Any, source: str) -> bool:
    if _ALERTS_FILE.fullmatch(source) is not None:
        return True
    return isinstance(raw, dict) and bool(_OF_ALERTS & raw.keys()) and not (_OF_PIPELINES | _OF_CALENDARS) & raw.keys()


def _is_calendar(raw: Any) -> bool:
    return isinstance(raw, dict) and bool(_OF_CALENDARS & raw.keys()) and not _OF_PIPELINES & raw.keys()


class _Name(NamedTuple):
    """The name of a document, and the place of this name."""

    path: Path
    text: str


_CALENDAR_NAME: Path = ("name",)
_PIPELINE_ID: Path = ("pipeline", "id")
_ALERTS: Path = ()
_ONE_ROUTING = _Name(_ALERTS, "alerts")
"""Each routing of alerts has this name, because a deployment has one."""


def _name(document: Document) -> _Name:
    if isinstance(document, AlertRules):
        return _ONE_ROUTING
    if isinstance(document, PipelineConfig):
        return _Name(_PIPELINE_ID, document.id)
    return _Name(_CALENDAR_NAME, document.name)


def _name_in(raw: Any, source: str) -> _Name | None:
    """The name in an invalid document: other documents may have the same name, or refer to it."""
    if _is_alerts(raw, source):
        return _ONE_ROUTING
    path = _CALENDAR_NAME if _is_calendar(raw) else _PIPELINE_ID
    text = _text_at(raw, path)
    return _Name(path, text) if text else None


def _name_line(text: str | bytes) -> str | None:
    """The name near the top of a text that cannot be parsed. Pipelines that name this calendar are not wrong."""
    beginning = text[:_BEGINNING]
    found = _NAME_LINE.search(beginning if isinstance(beginning, str) else beginning.decode(errors="replace"))
    return found[1].strip() if found else None


def _places_in(raw: Any) -> dict[Path, str]:
    """The places where an invalid pipeline names calendars."""
    if _is_calendar(raw):
        return {}
    return {path: text for path in CALENDAR_PLACES if (text := _text_at(raw, path))}


def _text_at(raw: Any, path: Path) -> str | None:
    for key in path:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw if isinstance(raw, str) else None


def _look_between(
    documents: Mapping[str, Document],
    names: Mapping[str, _Name],
    findings: Mapping[str, Findings],
    broken_calendars: set[str],
) -> None:
    calendars = {item.name: item for item in documents.values() if isinstance(item, Calendar)}
    first: dict[_Name, str] = {}
    for source, name in names.items():
        earlier = first.setdefault(name, source)
        if earlier == source:
            continue
        if name == _ONE_ROUTING:
            findings[source].error(
                (), UNSET, f"routes alerts, as {readable(earlier)} does; a deployment has one such file"
            )
        else:
            findings[source].error(
                name.path, name.text, f"is also the {name.path[-1]} of {readable(earlier)}; it must be unique"
            )
    for source, document in documents.items():
        if isinstance(document, PipelineConfig):
            _look_at_calendars(document, calendars, broken_calendars, findings[source])


def _look_at_calendars(
    config: PipelineConfig, calendars: Mapping[str, Calendar], broken: set[str], findings: Findings
) -> None:
    _look_for_calendars(calendar_places(config), calendars.keys() | broken, findings)
    if all(name in calendars for name in config.calendar_names):
        warn_of_calendars(config, calendars, findings)
        warn_of_moves_by_calendars(config, calendars, findings)


def _look_for_calendars(places: Mapping[Path, str], known: set[str], findings: Findings) -> None:
    for path, name in places.items():
        if name not in known:
            message = unknown_calendar(name, known)
            findings.error(path, name, message if known else f"{message}; validate its file together with this one")
