"""Defines how the text of an environment variable is read, and which values are allowed."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
    "ns": timedelta(microseconds=0.001),
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|ns|h|m|s))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Variable(Struct, frozen=True):
    """The form of one environment variable.

    read: the value of a text without surrounding spaces, or None if the text is not allowed.
    allowed: the end of the sentence "NAME is 'x', must be …".
    default: the value if the variable is unset.
    """

    read: Callable[[str], Any]
    allowed: str
    default: Any = None


def whole_number(default: int, *, lowest: int = 0, highest: int) -> Variable:
    """A whole number from `lowest` to `highest`."""
    return Variable(_whole(lowest, highest), f"a whole number from {lowest} to {highest}", default)


def whole_seconds(default: timedelta, *, highest: timedelta) -> Variable:
    """A time span that is written as whole seconds, at least 1."""
    most = int(highest.total_seconds())
    number = _whole(1, most)

    def read(text: str) -> timedelta | None:
        seconds = number(text)
        return None if seconds is None else timedelta(seconds=seconds)

    return Variable(read, f"a whole number of seconds from 1 to {most}", default)


def duration(default: timedelta, *, lowest: timedelta = timedelta(), highest: timedelta) -> Variable:
    """A duration such as `90s` or `1h30m`, from `lowest` to `highest`."""

    def read(text: str) -> timedelta | None:
        length = _length(text)
        return length if length is not None and lowest <= length <= highest else None

    return Variable(read, f"a duration from {_written(lowest)} to {_written(highest)}, such as 90s", default)


def truth(default: bool) -> Variable:
    """One of true, false, 1 and 0, in any case."""
    values = {"true": True, "1": True, "false": False, "0": False}
    return Variable(lambda text: values.get(text.lower()), "true or false", default)


def one_of(default: str, *others: str) -> Variable:
    """One of the given texts."""
    texts = (default, *others)
    return Variable(lambda text: text if text in texts else None, " or ".join(texts), default)


def url() -> Variable:
    """An address with a scheme (http or https) and a host."""
    return Variable(lambda text: text if _is_url(text) else None, "a URL such as https://host/path")


def arn(service: str, resource: str = "") -> Variable:
    """The ARN of one resource of a service: `arn("lambda", "function:")`. The pattern of several resources is invalid.

    resource: the begin of the ARN's last part, before the name. Only an ARN of IAM has no region. Only the name of a
    function may have a version or an alias.
    """
    where = "arn:aws:iam::123456789012:" if service == "iam" else f"arn:aws:{service}:eu-west-1:123456789012:"
    return Variable(
        lambda text: text if _is_arn(text, service, resource) else None,
        f"the ARN of one resource, such as {where}{resource}NAME",
    )


def bucket() -> Variable:
    """The name of a bucket of S3, as Terraform's variables take it. An address such as s3://letters is no name."""
    return Variable(
        lambda text: text if _BUCKET.fullmatch(text) else None,
        "the name of a bucket: 3 to 63 of a-z, 0-9, '.' and '-'",
    )


def _whole(lowest: int, highest: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        number = int(text) if _WHOLE.fullmatch(text) else None
        return number if number is not None and lowest <= number <= highest else None

    return read


def _length(text: str) -> timedelta | None:
    if not _DURATION.fullmatch(text):
        return None
    try:
        return sum((float(size) * _UNITS[unit] for size, unit in _PART.findall(text)), timedelta())
    except OverflowError:
        return None


def _written(length: timedelta) -> str:
    """The duration in the largest unit that leaves a whole number."""
    whole = (f"{length // size}{unit}" for unit, size in _UNITS.items() if length and not length % size)
    return next(whole, "0s")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port or IPv6 address
        return False


def _is_arn(text: str, service: str, resource: str) -> bool:
    parts = text.split(":", 5)
    if len(parts) < 6 or any(character in "*?" or character.isspace() for character in text):
        return False
    prefix, partition, named, region, account, last = parts
    return (
        (prefix, named) == ("arn", service)
        and partition.startswith("aws")
        and bool(region) == (service != "iam")
        and len(account) == 12
        and account.isascii()
        and account.isdigit()
        and last.startswith(resource)
        and last != resource
        and (service == "lambda" or ":" not in last[len(resource) :])
    )
