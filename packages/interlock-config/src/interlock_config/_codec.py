"""From the text of a pipeline to a checked config and back."""

from typing import Any

from msgspec import UNSET

from interlock_rules import Rule

from ._build import shaped, to_json
from ._canonical import canonical
from ._checks import run_checks
from ._config import PipelineConfig
from ._json import JSON_LIMIT, read_json
from ._odd import is_plain
from ._problems import ConfigError, Findings
from ._yaml import read_yaml

_BYTES_OF_A_CHARACTER = 4
_RULE_KEYS = set(Rule.__struct_encode_fields__)


def decode_yaml(text: str | bytes, source: str = "") -> PipelineConfig:
    """Read one pipeline from YAML. `source` names the file in problems.

    Raises ConfigError with every error of the file, each with its path and line.
    """
    return build_pipeline(*read_yaml(text, source))


def decode_json(data: bytes | str, source: str = "") -> PipelineConfig:
    """Read one pipeline from JSON, as it is stored. Raises ConfigError with every error of the text."""
    return build_pipeline(read_json(data, source), Findings(source))


def encode_json(config: PipelineConfig) -> str:
    """The config as JSON, camelCase, without what equals a default; `decode_json` gives an equal config."""
    return to_json(config)


def build_pipeline(raw: Any, findings: Findings) -> PipelineConfig:
    """A checked config of plain values; raises ConfigError with all that is wrong."""
    config = shaped(PipelineConfig, canonical(raw, findings), findings, _looks_right)
    if config is not None:
        run_checks(config, findings)
        _needs_room(config, findings)
    if config is None or findings.failed:
        raise ConfigError(findings.in_order())
    return config


def _needs_room(config: PipelineConfig, findings: Findings) -> None:
    """Record that the JSON of a config could not be read back: aliases and escapes may grow on the way."""
    text = encode_json(config)
    if len(text) * _BYTES_OF_A_CHARACTER > JSON_LIMIT and (size := len(text.encode())) > JSON_LIMIT:
        findings.error((), UNSET, f"becomes {size} bytes of JSON; at most {JSON_LIMIT} can be stored")


def _looks_right(raw: dict[str, Any]) -> bool:
    return is_plain(raw) and all(_knows_keys(raw.get(section)) for section in ("validation", "postRun"))


def _knows_keys(section: Any) -> bool:
    """Whether the rules of a section have no unknown keys; decoding a Rule passes over those."""
    rules = section.get("rules") if isinstance(section, dict) else None
    if not isinstance(rules, list):
        return True
    return all(not isinstance(rule, dict) or rule.keys() <= _RULE_KEYS for rule in rules)
