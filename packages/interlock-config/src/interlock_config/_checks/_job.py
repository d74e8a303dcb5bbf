"""Whether the job is complete: its config fits its type, and its retry delay is within limits."""

import re
import shlex
from datetime import timedelta
from typing import Any

import msgspec
import msgspec.inspect as shape
from msgspec import UNSET

from interlock_config._config import RETRY_DELAY_CEILING, PipelineConfig
from interlock_config._expansion import REFERENCE, is_secret, variables
from interlock_config._fields import JobType
from interlock_config._job_types import JOB_TYPES
from interlock_config._problems import Findings
from interlock_config._values import walk

from ._check import check

_NO_TIME = timedelta(0)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTING = re.compile(r"['\"\\]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FORMS = {job_type: shape.type_info(form) for job_type, form in JOB_TYPES.items()}


def _config(config: PipelineConfig, findings: Findings) -> None:
    if findings.covers(("job", "config")):
        return
    form = JOB_TYPES[config.job.type]
    if _fits(form, config.job.config):
        return
    walk(_FORMS[config.job.type], config.job.config, ("job", "config"), findings)
    if not findings.failed:  # decoding failed and the walk found no error: never accept on doubt
        findings.error(("job", "config"), UNSET, f"does not fit the job type {config.job.type}")


def _fits(form: type, values: dict[str, Any]) -> bool:
    if None in values.values():
        return False
    try:
        msgspec.convert(values, form)
    except msgspec.ValidationError:
        return False
    return True


def _command(config: PipelineConfig, findings: Findings) -> None:
    command = config.job.config.get("command")
    if config.job.type is not JobType.COMMAND or not isinstance(command, str):
        return
    if command and not command.isspace() and not _QUOTING.search(command):
        return
    try:
        words = shlex.split(command)
    except ValueError:
        findings.error(("job", "config", "command"), command, "has a quote that is not closed")
    else:
        if not words and command:
            findings.error(("job", "config", "command"), command, "must name a program")


def _headers(config: PipelineConfig, findings: Findings) -> None:
    """RFC 9110: a name is a token. A line end in a value would begin another header."""
    headers = config.job.config.get("headers")
    for name, value in headers.items() if isinstance(headers, dict) else ():
        path = ("job", "config", "headers", name)
        if value is None:
            continue  # Its own problem is "has no value". The name may be a part of a secret behind a comma.
        if not _HEADER_NAME.fullmatch(name):
            findings.error(path, UNSET, "must have a name of letters, digits and -, without spaces or a colon")
        elif isinstance(value, str) and _CONTROL.search(value):
            findings.error(path, value, "must not hold line ends or other control characters")


def _secrets(config: PipelineConfig, findings: Findings) -> None:
    for path, name in variables(config.job.config, ("job", "config")):
        if name.startswith(REFERENCE) and not is_secret(name):
            allowed = "${secret:NAME} or ${secret:NAME#FIELD}, with the name or the ARN of a secret in Secrets Manager"
            findings.error(path, UNSET, f"has a reference to a secret that is not {allowed}")


def _retry_delay(config: PipelineConfig, findings: Findings) -> None:
    delay = config.job.retry_delay
    if not _NO_TIME <= delay <= RETRY_DELAY_CEILING:
        findings.error(("job", "retryDelay"), delay.text, "must be from 0s to 1h")


JOB_CHECKS = (
    check(_config, "job.type"),
    check(_command, "job.type", "job.config.command"),
    check(_headers, "job.type"),
    check(_secrets),
    check(_retry_delay, "job.retryDelay"),
)
