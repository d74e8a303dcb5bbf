"""Converts events of Interlock into events of OpenLineage (https://openlineage.io, spec 2-0-2). It needs no library.

A run of OpenLineage is one attempt of a date. Its parent is the date. Both ids are UUIDs that are made from the
pipeline, the schedule, the date and the attempt, so that an event that comes twice names the same run.

| event of Interlock | event type of OpenLineage |
|---|---|
| JOB_TRIGGERED of the orchestrator | START |
| VALIDATION_PASSED | OTHER, with an assertion for each sensor |
| JOB_COMPLETED | COMPLETE |
| JOB_FAILED | FAIL |
| VALIDATION_EXHAUSTED | FAIL, with an assertion for each rule that did not hold |
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

TYPES = ("JOB_TRIGGERED", "VALIDATION_PASSED", "JOB_COMPLETED", "JOB_FAILED", "VALIDATION_EXHAUSTED")
"""The event types that the EventBridge rule passes on."""

_SPEC = "https://openlineage.io/spec"
_RUN_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "externalQuery": "1-0-2/ExternalQueryRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "ownership": "1-0-1/OwnershipJobFacet",
    "parent": "1-2-0/ParentRunFacet",
}


class Settings(NamedTuple):
    """namespace: that of the jobs and the sensors. producer: the URI of the producer of the metadata."""

    namespace: str = "interlock"
    producer: str = "urn:interlock:openlineage"


class Unreadable(ValueError):
    """An entry that is no event of Interlock about a run. The message names the field and the value."""


def run_id(namespace: str, pipeline: str, schedule: str, date: str, attempt: int | None) -> str:
    """The id of an attempt, or of the date itself if `attempt` is None."""
    parts = [namespace, pipeline, schedule, date, *([] if attempt is None else [str(attempt)])]
    # A slash may be part of a namespace. The number of characters keeps two lists of parts apart.
    name = "/".join(f"{len(part)}:{part}" for part in parts)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"interlock:{name}"))


def openlineage_of(entry: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """The run event of an entry of the bus. None for an entry without a counterpart. Raises Unreadable."""
    if entry.get("source") != "interlock":
        raise Unreadable(f"source is {entry.get('source')!r}, must be 'interlock'")
    kind, event = entry.get("detail-type"), entry.get("detail")
    if kind not in TYPES:
        return None
    if not isinstance(event, Mapping):
        raise Unreadable(f"detail of {kind} is {event!r}, must be an object")
    detail = event.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    if kind == "JOB_TRIGGERED" and "jobType" not in detail:
        # The execution has started. The job has not.
        return None
    build = _BUILD[kind]
    return build(_Attempt(event, detail, settings))


class _Attempt:
    """The attempt that an event is about."""

    def __init__(self, event: Mapping[str, Any], detail: Mapping[str, Any], settings: Settings) -> None:
        self.detail, self.settings = detail, settings
        self.pipeline, self.schedule, self.date, self.at = (
            _text(event, name) for name in ("pipelineId", "scheduleId", "date", "timestamp")
        )
        self.message = str(event.get("message") or "")
        attempt = event.get("attempt")
        if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 0:
            raise Unreadable(f"attempt is {attempt!r}, must be a whole number from 0 on")
        self.number: int = attempt

    def event(
        self, event_type: str, run_facets: Mapping[str, Any], inputs: Iterable[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        """A run event."""
        namespace = self.settings.namespace
        parent = self.facet(
            "parent",
            run={"runId": run_id(namespace, self.pipeline, self.schedule, self.date, None)},
            job={"namespace": namespace, "name": self.pipeline},
        )
        owner = self.detail.get("owner")
        owned = {"ownership": self.facet("ownership", owners=[{"name": owner}])} if isinstance(owner, str) else {}
        job_type = self.facet("jobType", processingType="BATCH", integration="INTERLOCK", jobType="JOB")
        return {
            "eventType": event_type,
            "eventTime": self.at,
            "producer": self.settings.producer,
            "schemaURL": _RUN_EVENT,
            "run": {
                "runId": run_id(namespace, self.pipeline, self.schedule, self.date, self.number),
                "facets": {"parent": parent, **run_facets},
            },
            "job": {
                "namespace": namespace,
                "name": f"{self.pipeline}.job",
                "facets": {"jobType": job_type, **owned},
            },
            "inputs": list(inputs),
            "outputs": [],
        }

    def facet(self, name: str, **fields: Any) -> dict[str, Any]:
        """A facet of the specification."""
        schema, _, kind = _FACETS[name].partition("/")
        return {
            "_producer": self.settings.producer,
            "_schemaURL": f"{_SPEC}/facets/{schema}/{kind}.json#/$defs/{kind}",
            **fields,
        }

    def sensor(self, key: str, assertions: list[dict[str, Any]]) -> dict[str, Any]:
        """A sensor of the pipeline as a dataset with its assertions."""
        return {
            "namespace": self.settings.namespace,
            "name": f"{self.pipeline}.{key}",
            "inputFacets": {"dataQualityAssertions": self.facet("dataQualityAssertions", assertions=assertions)},
        }


def _start(attempt: _Attempt) -> dict[str, Any]:
    run, kind = attempt.detail.get("runId"), attempt.detail["jobType"]
    query = {"externalQuery": attempt.facet("externalQuery", externalQueryId=str(run), source=str(kind))} if run else {}
    return attempt.event("START", query)


def _complete(attempt: _Attempt) -> dict[str, Any]:
    return attempt.event("COMPLETE", {})


def _fail(attempt: _Attempt) -> dict[str, Any]:
    return attempt.event("FAIL", _error(attempt))


def _passed(attempt: _Attempt) -> dict[str, Any]:
    """The validation held as a whole. With `trigger: ANY` a single rule may not, so each assertion names the whole."""
    assertion = {
        "assertion": "validation",
        "success": True,
        "name": f"validation of {attempt.pipeline}",
        "description": attempt.message,
    }
    keys = dict.fromkeys(str(row["key"]) for row in _maps(attempt.detail.get("rows")) if "key" in row)
    return attempt.event("OTHER", {}, [attempt.sensor(key, [assertion]) for key in keys])


def _exhausted(attempt: _Attempt) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in _maps(attempt.detail.get("rules")):
        found.setdefault(str(rule.get("key")), []).append(_assertion(rule))
    return attempt.event("FAIL", _error(attempt), [attempt.sensor(key, rules) for key, rules in found.items()])


def _assertion(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule that does not hold. `needed` and `observed` are texts of the event."""
    field, check = rule.get("field"), str(rule.get("check"))
    named = {"assertion": check, "success": False, "severity": "error"}
    optional = {
        "column": field,
        "name": " ".join(str(part) for part in (rule.get("key"), field, check) if part),
        "expected": rule.get("needed"),
        "actual": rule.get("observed"),
    }
    return named | {name: str(value) for name, value in optional.items() if value is not None}


def _error(attempt: _Attempt) -> dict[str, Any]:
    message = str(attempt.detail.get("error") or attempt.message or "no reason given")
    return {"errorMessage": attempt.facet("errorMessage", message=message, programmingLanguage="unknown")}


def _maps(found: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _text(event: Mapping[str, Any], name: str) -> str:
    found = event.get(name)
    if not isinstance(found, str) or not found:
        raise Unreadable(f"{name} is {found!r}, must be a text")
    return found


_BUILD = {
    "JOB_TRIGGERED": _start,
    "VALIDATION_PASSED": _passed,
    "JOB_COMPLETED": _complete,
    "JOB_FAILED": _fail,
    "VALIDATION_EXHAUSTED": _exhausted,
}
