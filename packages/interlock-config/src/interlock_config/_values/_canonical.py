"""The canonical spelling of a config: several ways to write a value become one before it is decoded."""

from typing import Any

from interlock_config._job_types import Method, aliases
from interlock_config._problems import Findings, show_at
from interlock_config._structs import Job
from interlock_sla import DurationError, parse_duration

_JOB_CONFIG = ("job", "config")
_METHODS = tuple(Method)
_TEXT_ARGUMENT_TYPES = ("glue", "emr")
_SPELLED_IN_SEVERAL_WAYS = frozenset({"arguments", "headers", "method", "timeout"})


def canonical(raw: Any, findings: Findings) -> Any:
    """The document with one spelling of every value in its job: camelCase keys, seconds, text, the poll window.

    A value without the expected shape stays as it is. `raw` is not changed.
    """
    if not isinstance(raw, dict):
        return raw
    job = raw.get("job")
    if not isinstance(job, dict):
        return raw
    changed = _canonical_job(job, findings)
    return raw if changed is job else {**raw, "job": changed}


def is_canonical(job: Job) -> bool:
    """Whether `canonical` would leave the job's config as it is."""
    config = job.config
    if aliases(job.type.value).keys() & config.keys():
        return False
    spelled = _SPELLED_IN_SEVERAL_WAYS & config.keys()
    return all(_canonical_value(key, config[key], job.type.value) == config[key] for key in spelled)


def _canonical_job(job: dict[str, Any], findings: Findings) -> dict[str, Any]:
    window = job.get("jobPollWindowSeconds")
    if type(window) is int and window == 0:
        job = {key: value for key, value in job.items() if key != "jobPollWindowSeconds"}
    config = job.get("config")
    if not isinstance(config, dict):
        return job
    named = _camel_keys(config, aliases(job.get("type")), findings)
    spelled = _SPELLED_IN_SEVERAL_WAYS & named.keys()
    if named is config and not spelled:
        return job
    valued = {key: _canonical_value(key, named[key], job.get("type")) for key in spelled}
    return {**job, "config": {**named, **valued}}


def _camel_keys(config: dict[str, Any], known: dict[str, str], findings: Findings) -> dict[str, Any]:
    if known.keys().isdisjoint(config):
        return config
    renamed: dict[str, Any] = {}
    spellings = {name: name for name in config if name not in known}
    for key, value in config.items():
        name = known.get(key, key)
        if (earlier := spellings.setdefault(name, key)) != key:
            findings.error((*_JOB_CONFIG, key), value, _same_setting(config, key, earlier, name))
            continue
        renamed[name] = value
        line = findings.lines.get((*_JOB_CONFIG, key))
        if line is not None:
            findings.lines[(*_JOB_CONFIG, name)] = line
    return renamed


def _same_setting(config: dict[str, Any], key: str, earlier: str, name: str) -> str:
    """The message about a second spelling of a key: the other spelling, its value, and the spelling to keep."""
    given = f"is the same setting as {earlier} = {show_at((*_JOB_CONFIG, earlier), config[earlier])}"
    value = "" if config[key] == config[earlier] else ", with the right one of the two values,"
    if earlier == name:
        return f"{given}; keep {name}{value} and remove {key}"
    return f"{given}; write {name}{value} instead of both"


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
