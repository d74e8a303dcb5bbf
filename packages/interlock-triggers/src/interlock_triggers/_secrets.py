"""The secret values of a job's config, and their masking in all messages, logs and details."""

import base64
import binascii
import contextlib
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

_MASK = "***"
_SHORTEST = 4
"""Shorter values are not masked: they also occur in ordinary text."""
_NAME = re.compile(
    r"auth(?!or(?!iz))|cookie|passw|passphrase|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|"
    r"account[-_ ]?key|credential|signature|session[-_ ]?id|bearer|passcode|(?:^|[-_.])(?:sig|pass)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[a-z](?:Pass|Sig)$")
_IN_A_QUERY = ("key", "code")
"""Names that mark a secret only in the query of a URL."""
# Names have a limited length and begin at the start of a word: payloads of megabytes are searched in one pass.
_VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s&;,\"']+)"
_ASSIGNED = re.compile(r"(?<![\w.-])-{0,2}([A-Za-z][\w.-]{0,63})[ \t]{0,3}[=:][ \t]{0,3}" + _VALUE)
_OPTION = re.compile(r"(?<!\S)--?([A-Za-z][\w-]{0,63})[ \t]{1,3}(?!-)" + _VALUE)
_CREDENTIALS = re.compile(
    r"(?<![\w-])([A-Za-z][\w-]{0,63})[\"']?[ \t]{0,3}:[ \t]{0,3}[\"']?"  # Authorization:
    r"([A-Za-z][\w-]{0,31}[ \t]{1,3}[^\s\"',;]{1,8192})"  # Bearer abc
)
_LOGIN = re.compile(r"(?<!\S)(?:-u|-U|--user|--proxy-user)[ \t=]{0,3}" + _VALUE)
_LOGIN_OPTIONS = ("-u", "-U", "--user", "--proxy-user")
_NO_USER_INFO = re.compile(r"[\s\"']")
_SCHEME_END = re.compile("://")
_USER_INFO_LENGTH = 256
_QUERY = re.compile(rf"[?&](?:{'|'.join(_IN_A_QUERY)})=([^\s&#\"']{{1,8192}})", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"-{0,2}([A-Za-z_][\w.-]{0,63})=(.+)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][\w-]{0,31}")
_TOKEN_LENGTH = 20
"""A user name of this length in a URL without a password is a token."""
_COMMAND_LENGTH = 64 * 1024
_FORM = re.compile(r"[^\s=&]*=[^\s]*")
_NOT_SECRET = re.compile(r"idempotency|pagination|next[-_]?token", re.IGNORECASE)


def names_a_secret(name: str) -> bool:
    """Whether a header, a field or an option of this name holds a secret."""
    return bool(_NAME.search(name) or _CAMEL.search(name)) and not _NOT_SECRET.search(name)


class Redactor:
    """Masks the secret values that it knows in any text."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self.learn(values)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Redactor":
        """A redactor that knows the secrets of a job's config."""
        return cls(_secrets_in(config))

    @staticmethod
    def secrets_of(values: Mapping[str, Any]) -> Iterator[str]:
        """The secret values of a mapping, unchanged."""
        return _secrets_in(values)

    def learn(self, values: Iterable[str]) -> None:
        """Also mask these values."""
        for value in {value for value in values if len(value) >= _SHORTEST}:
            self._values.update(form for form in _spellings(value) if len(form) >= _SHORTEST)

    def scrub(self, text: str) -> str:
        """The text with every known secret replaced by `***`."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, _MASK)
        return text

    def scrub_bytes(self, body: bytes) -> bytes:
        """The body of an answer with every known secret replaced by `***`."""
        return self.scrub(body.decode("utf-8", "replace")).encode()

    def __repr__(self) -> str:
        return f"Redactor({len(self._values)} values)"


def _secrets_in(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        named = _name_of_the_value(value)
        for key, inner in value.items():
            inner_name = named if named and str(key).lower() == "value" else str(key)
            yield from _secrets_in(inner, name if names_a_secret(name) else inner_name)
    elif isinstance(value, list | tuple):
        yield from _secrets_in_list([*value], name)
    elif name and names_a_secret(name) and value is not None and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, str):
        yield from _secrets_in_text(value)
        if name in _LOGIN_OPTIONS:
            yield from _login(value)
        if name == "command" and len(value) <= _COMMAND_LENGTH:
            with contextlib.suppress(ValueError):
                yield from _secrets_in_list(shlex.split(value), "")


def _name_of_the_value(value: Mapping[Any, Any]) -> str:
    """The name in `{"name": "DB_PASSWORD", "value": …}`, empty without a name."""
    named = next((inner for key, inner in value.items() if str(key).lower() in ("name", "key")), "")
    return named if isinstance(named, str) else ""


def _secrets_in_list(values: list[Any], name: str) -> Iterator[str]:
    """Secrets of a list. In a list of words, the word after `--password` and the text after `--token=` are secrets."""
    before = ""
    for value in values:
        names_the_next = before.startswith("-") and "=" not in before
        follows_option = names_the_next and (names_a_secret(before) or before in _LOGIN_OPTIONS)
        yield from _secrets_in(value, before if follows_option else name)
        if isinstance(value, str) and (found := _ENVIRONMENT.fullmatch(value)) and names_a_secret(found[1]):
            yield found[2]
        before = value if isinstance(value, str) else ""


def _login(value: str) -> Iterator[str]:
    """`user:password`, as curl takes it."""
    _, colon, password = value.strip("\"'").partition(":")
    if colon:
        yield password


def _secrets_in_text(text: str) -> Iterator[str]:
    """Secrets inside a text that is a URL, a JSON document, a form, or holds `name=value` words."""
    yield from _secrets_in_url(text)
    if text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            yield from _secrets_in(json.loads(text))
    for words in (_ASSIGNED, _OPTION, _CREDENTIALS):
        for found in words.finditer(text):
            if names_a_secret(found[1]):
                yield found[2].strip("\"'")
    for found in _LOGIN.finditer(text):
        yield from _login(found[1])


def _secrets_in_url(text: str) -> Iterator[str]:
    """Secrets of a text that is a URL or a form, and of the URLs inside a text."""
    for user, password in _user_infos(text):
        secret = password or (user if len(user) >= _TOKEN_LENGTH else "")
        yield from (secret, unquote(secret))
    for found in _QUERY.finditer(text):
        yield from (found[1], unquote_plus(found[1]))
    try:
        parts = urlsplit(text)
        if parts.password:
            yield parts.password
    except ValueError:
        return
    form = parts.query if parts.scheme else text
    for name, value in parse_qsl(form) if _FORM.fullmatch(form) else ():
        if names_a_secret(name):
            yield value


def _user_infos(text: str) -> Iterator[tuple[str, str]]:
    """User and password of every `scheme://user:password@` in a text. Passwords may hold reserved signs."""
    for scheme in _SCHEME_END.finditer(text):
        ahead = text[scheme.end() : scheme.end() + _USER_INFO_LENGTH]
        if "@" in ahead:
            word = _NO_USER_INFO.split(ahead, maxsplit=1)[0]
            authority = word.partition("/")[0]
            user, _, password = (authority if "@" in authority else word).rpartition("@")[0].partition(":")
            yield user if "/" not in user else "", password


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


def _basic_parts(scheme: str, credentials: str) -> list[str]:
    if scheme.lower() != "basic":
        return []
    try:
        pair = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [pair, pair.partition(":")[2]]
