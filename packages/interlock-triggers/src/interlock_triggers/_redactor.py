"""The masking of the values of a job's config in all messages, logs and details."""

import base64
import binascii
import contextlib
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from ._secrets import header_values_in, secrets_in

_MASK = "***"
_SHORTEST = 3
"""Shorter values are not masked: they also occur in ordinary text."""

_SHORTEST_SECRET = 4
"""Secrets are masked within words from this length, and shorter ones only as whole words."""

_LONG = 8
"""Values without the name of a secret are masked within words from this length. Shorter values only as whole words."""

_SCHEME = re.compile(r"[A-Za-z][\w-]{0,31}")
_TRIVIAL = re.compile(
    r"true|false|null|none|yes|no|on|off|get|post|put|patch|delete|head|options|keep-alive|close|no-cache|utf-?8"
    r"|gzip|deflate|identity|https?|(?:application|text)/[\w.+-]+(?:; ?charset=[\w-]+)?",
    re.IGNORECASE,
)
"""Words of JSON and HTTP. They occur in ordinary messages, and a mask would hide nothing."""

_OURS = re.compile(r"\d{1,5}|[A-Za-z]{3}")
"""Statuses, ports, exit codes and short words also occur in Interlock's own text. Foreign text is masked first."""


class Redactor:
    """Masks the values that it knows in any text.

    Secrets are masked wherever they occur. Other values, such as those of headers, are not masked if they are trivial
    (`POST`, `true`, `application/json`). If they are short, they are masked only as whole words.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._words: set[str] = set()
        self._shown: set[str] = set()
        self.learn(values)

    @classmethod
    def of(cls, config: Mapping[str, Any], taken: Iterable[str] = (), shown: Iterable[str] = ()) -> "Redactor":
        """A redactor that knows the secrets and the headers of a job's config, and the values `taken` from variables.

        `shown`: values that are masked only as secrets, such as the execution date.
        """
        made = cls(secrets_in(config))
        made._shown = {value.lower() for value in shown} | {host for text in _texts(config) for host in _hosts(text)}
        made.learn_plain(header_values_in(config))
        made.learn_plain(part for value in taken for part in (value, *_parts(value)))
        return made

    @staticmethod
    def secrets_of(values: Mapping[str, Any]) -> Iterator[str]:
        """The secret values of a mapping, unchanged."""
        return secrets_in(values)

    def learn(self, values: Iterable[str]) -> None:
        """Also mask these secrets."""
        for form in {form for value in values for form in _spellings(value)}:
            if len(form) >= _SHORTEST_SECRET:
                self._values.add(form)
            elif len(form) == _SHORTEST:
                self._words.add(form)

    def learn_plain(self, values: Iterable[str]) -> None:
        """Also mask these values, which have no name of a secret. The hosts of the config's URLs stay visible."""
        for value in {value.strip() for value in values}:
            if len(value) < _SHORTEST or _TRIVIAL.fullmatch(value) or value.lower() in self._shown:
                continue
            self._values.update(form for form in _spellings(value) if len(form) >= _LONG)
            if len(value) < _LONG:
                self._words.update({value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)})

    def scrub(self, text: str) -> str:
        """The foreign text with every known value replaced by `***`."""
        return self._scrubbed(text, self._words)

    def scrub_ours(self, text: str) -> str:
        """Interlock's own text with the known values replaced by `***`, except small numbers and words of 3 letters.

        Foreign text within it is scrubbed before.
        """
        return self._scrubbed(text, {word for word in self._words if not _OURS.fullmatch(word)})

    def _scrubbed(self, text: str, words: set[str]) -> str:
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, _MASK)
        for word in sorted(words, key=len, reverse=True):
            if word in text:
                text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", _MASK, text)
        return text

    def scrub_bytes(self, body: bytes) -> bytes:
        """The body of an answer with every known value replaced by `***`."""
        return self.scrub(body.decode("utf-8", "replace")).encode()

    def __repr__(self) -> str:
        return f"Redactor({len(self._values) + len(self._words)} values)"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def _hosts(text: str) -> Iterator[str]:
    """Host and port of a text that is a URL, and its scheme with them. Messages name the target by them."""
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname:
            host = parts.hostname
            authority = f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
            yield from (host, authority, f"{parts.scheme}://{host}", f"{parts.scheme}://{authority}")
    except ValueError:
        return


def _parts(value: str) -> Iterator[str]:
    """The parts of a value that a target may repeat alone: the path of a URL, and the lines of a longer text."""
    try:
        parts = urlsplit(value)
        if parts.scheme and parts.netloc:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            yield from (part for part in (path, path.lstrip("/"), parts.query) if len(part) >= _LONG)
    except ValueError:
        return
    if value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            yield from (text for text in _texts(json.loads(value)) if len(text) >= _LONG)
    lines = value.splitlines()
    if len(lines) > 1:
        yield " ".join(value.split())
        yield from (line for line in lines if len(line.strip()) >= _LONG)


def _spellings(value: str) -> Iterator[str]:
    """The forms of a secret in text: unchanged, escaped, and the parts of an Authorization header.

    Many products have their own scheme (`Bearer`, `Splunk`, `GenieKey`), so that any first word counts as a scheme.
    """
    scheme, _, credentials = value.partition(" ")
    parts = [value]
    if credentials.strip() and _SCHEME.fullmatch(scheme):
        parts.append(credentials.strip())
        parts.extend(_basic_parts(scheme, credentials.strip()))
    for part in parts:
        yield part
        yield quote(part, safe="")
        yield quote_plus(part)
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield repr(part)[1:-1]
        yield html.escape(part)
        yield from _rarer_spellings(part)


def _rarer_spellings(part: str) -> Iterator[str]:
    """Lower-case percent signs, the escapes of PHP and Go in JSON, and Base64 with and without its padding."""
    yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quote(part, safe=""))
    escaped = json.dumps(part)[1:-1]
    yield escaped.replace("/", "\\/")
    yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    raw = part.encode("utf-8", "replace")
    for encoded in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        yield encoded
        yield encoded.rstrip("=")


def _basic_parts(scheme: str, credentials: str) -> list[str]:
    if scheme.lower() != "basic":
        return []
    try:
        pair = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [pair, pair.partition(":")[2]]
