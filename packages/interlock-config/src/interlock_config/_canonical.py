"""Which spelling a config is kept in: several ways to write a value become one, before it is decoded."""

from typing import Any

from interlock_sla import DurationError, parse_duration

from ._job_types import Method, aliases
from ._problems import Findings
from ._structs import Job

_JOB_CONFIG = ("job", "config")
_METHODS = tuple(Method)
_TEXT_ARGUMENT_TYPES = ("glue", "emr")


def canonical(raw: Any, findings: Findings) -> Any:
    """The document with one spelling of everything in its job: camelCase keys, seconds, text, the poll window.

    What does not have the expected shape is left alone. `raw` is not changed.
    """
    if not isinstance(raw, dict):
        return raw
    job = raw.get("job")
    return {**raw, "job": _canonical_job(job, findings)} if isinstance(job, dict) else raw


def is_canonical(job: Job) -> bool:
    """Whether `canonical` would leave the job's config as it is."""
    config = job.config
    if aliases(job.type.value).keys() & config.keys():
        return False
    return all(_canonical_value(key, value, job.type.value) == value for key, value in config.items())


def _canonical_job(job: dict[str, Any], findings: Findings) -> dict[str, Any]:
    window = job.get("jobPollWindowSeconds")
    if type(window) is int and window == 0:
        job = {key: value for key, value in job.items() if key != "jobPollWindowSeconds"}
    config = job.get("config")
    if not isinstance(config, dict):
        return job
    named = _camel_keys(config, aliases(job.get("type")), findings)
    valued = {key: _canonical_value(key, value, job.get("type")) for key, value in named.items()}
    return {**job, "config": valued}


def _camel_keys(config: dict[str, Any], known: dict[str, str], findings: Findings) -> dict[str, Any]:
    if not known.keys() & config.keys():
        return config
    renamed: dict[str, Any] = {}
    for key, value in config.items():
        name = known.get(key, key)
        if name in renamed or (name != key and name in config):
            findings.error((*_JOB_CONFIG, key), value, f"is given twice, as {name} and as {key}; keep {name}")
            continue
        renamed[name] = value
        line = findings.lines.get((*_JOB_CONFIG, key))
        if line is not None:
            findings.lines[(*_JOB_CONFIG, name)] = line
    return renamed


def _canonical_value(key: str, value: Any, job_type: object) -> Any:
    if key == "timeout" and isinstance(value, str):
        return _seconds(value)
    if key == "method" and isinstance(value, str) and value.upper() in _METHODS:
        return value.upper()
    if key == "headers" or (key == "arguments" and job_type in _TEXT_ARGUMENT_TYPES):
        if isinstance(value, dict):
            return {name: _as_text(inner) for name, inner in value.items()}
        if isinstance(value, list) and key == "arguments":
            return [_as_text(inner) for inner in value]
    return value


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _seconds(text: str) -> Any:
    try:
        seconds = parse_duration(text).total_seconds()
    except DurationError:
        return text
    return int(seconds) if seconds.is_integer() else seconds
