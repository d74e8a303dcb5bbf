"""The reader of YAML, imported at its first use: the functions on AWS read JSON only, and their zips have no PyYAML."""

from typing import Any

from interlock_config._problems import Findings


def read_yaml(text: str | bytes, source: str) -> tuple[Any, Findings]:
    """The plain values of a YAML text, with its problems and the line of each place. Raises ConfigError."""
    from ._yaml import read_yaml as read

    return read(text, source)
