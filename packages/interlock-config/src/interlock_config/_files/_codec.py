"""Conversion of a pipeline's text to a checked config and back."""

import json
from typing import Any

from msgspec import UNSET

from interlock_config._checks import run_checks
from interlock_config._config import PipelineConfig
from interlock_config._problems import ConfigError, Findings, shown
from interlock_config._values import as_written, canonical, is_canonical, plain_keys, shaped, to_json, without_absent

from ._json import JSON_LIMIT, read_json
from ._yaml_on_demand import read_yaml

_BYTES_OF_A_CHARACTER = 4
_BEGIN = b'{"pipeline":{"id":"'  # every text that `encode_json` writes begins so: other texts need no attempt


def decode_yaml(text: str | bytes, source: str = "") -> PipelineConfig:
    """Read one pipeline from YAML. `source` names the file in problems.

    Raises ConfigError with every error of the file, each with its path and line.
    """
    return build_pipeline(*read_yaml(text, source))


def decode_json(data: bytes | str, source: str = "") -> PipelineConfig:
    """Read one pipeline from JSON, as it is stored. Raises ConfigError with every error of the text."""
    stored = _as_stored(data)
    if stored is not None:
        return stored
    read = read_json(data, source)
    return build_pipeline(read.value, Findings(source), is_plain=read.is_plain, is_short=read.is_short)


def encode_json(config: PipelineConfig) -> str:
    """The config as JSON in camelCase, without values that equal a default. `decode_json` returns an equal config."""
    return to_json(config)


def shown_config(config: PipelineConfig) -> dict[str, Any]:
    """The config as plain values for people, without values that equal a default and without its secrets."""
    found = shown(json.loads(encode_json(config)))
    assert isinstance(found, dict)
    return found


def build_pipeline(raw: Any, findings: Findings, *, is_plain: bool = False, is_short: bool = False) -> PipelineConfig:
    """A checked config from plain values. Raises ConfigError with every error.

    is_plain, is_short: known properties of the values (see JsonText). The canonical spellings change neither.
    """
    config = examine(raw, findings, is_plain=is_plain, is_short=is_short)
    if config is None or findings.failed:
        raise ConfigError(findings.in_order())
    return config


def examine(raw: Any, findings: Findings, *, is_plain: bool = False, is_short: bool = False) -> PipelineConfig | None:
    """A config from plain values, with every error recorded. Harmless values replace the wrong ones."""
    if not is_plain and isinstance(raw, dict):
        is_plain = plain_keys(raw, may_be_empty=False) is not None
    given = raw if is_plain else without_absent(PipelineConfig, raw)
    config = shaped(PipelineConfig, canonical(given, findings), findings, is_plain or None)
    if config is not None:
        run_checks(config, findings)
        if not is_short:
            _needs_room(config, findings)
    return config


def _as_stored(data: bytes | str) -> PipelineConfig | None:
    """The config of a text that has the form of `encode_json` and no error, decoded the short way.

    For any other text the result is None, and the caller decodes it completely.
    """
    if not isinstance(data, bytes):
        try:
            data = data.encode()
        except UnicodeEncodeError:
            return None
    if len(data) > JSON_LIMIT or not data.startswith(_BEGIN):
        return None
    config = as_written(PipelineConfig, data)
    if config is None:
        return None
    if plain_keys(_free_values(config), may_be_empty=False) is None or not is_canonical(config.job):
        return None
    findings = Findings("")
    try:
        run_checks(config, findings)
    except ConfigError:  # too many errors
        return None
    return None if findings.failed else config


def _free_values(config: PipelineConfig) -> list[Any]:
    """The values of any type. Their numbers, their nesting and their empty parts must be checked."""
    rules = (*config.validation.rules, *(config.post_run.rules if config.post_run else ()))
    values = [rule.value for rule in rules if rule.value is not None]
    trigger = config.schedule.trigger
    if trigger is not None and trigger.value is not None:
        values.append(trigger.value)
    return [config.job.config, *values]


def _needs_room(config: PipelineConfig, findings: Findings) -> None:
    """Record a config whose JSON could not be read back: aliases and escapes may make it longer than its file."""
    text = encode_json(config)
    if len(text) * _BYTES_OF_A_CHARACTER > JSON_LIMIT and (size := len(text.encode())) > JSON_LIMIT:
        findings.error((), UNSET, f"becomes {size} bytes of JSON; at most {JSON_LIMIT} can be stored")
