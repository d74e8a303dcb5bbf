"""Finds the values in a job's config that must not be shown: secrets by their names, and the values of headers."""

import contextlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

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
_TOKEN_LENGTH = 20
"""A user name of this length in a URL without a password is a token."""
_HEADERS = re.compile(r"(?:http|request|extra|custom)?[-_]?headers?", re.IGNORECASE)
_HEADER_OPTIONS = frozenset({"-H", "--header", "--proxy-header"})
_HEADER_IN_TEXT = re.compile(
    r"(?<!\S)(?:-H|--header|--proxy-header)[ \t=]{0,3}([\"']?)([A-Za-z][\w-]{0,63}):[ \t]{0,3}"
    r"((?(1)[^\"'\n]{1,8192}|[^\s\"']{1,8192}))"
)
_NEGOTIATION = frozenset(
    (
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-language",
        "content-type",
    )
)
"""Headers whose values are words of HTTP itself."""

_COMMAND_LENGTH = 64 * 1024
_FORM = re.compile(r"[^\s=&]*=[^\s]*")
_NOT_SECRET = re.compile(r"idempotency|pagination|next[-_]?token", re.IGNORECASE)


def names_a_secret(name: str) -> bool:
    """Whether a header, a field or an option of this name has a secret."""
    return bool(_NAME.search(name) or _CAMEL.search(name)) and not _NOT_SECRET.search(name)


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """The values with names of secrets, and those inside texts."""
    if isinstance(value, Mapping):
        named = _name_of_the_value(value)
        for key, inner in value.items():
            inner_name = named if named and str(key).lower() == "value" else str(key)
            yield from secrets_in(inner, name if names_a_secret(name) else inner_name)
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
        yield from secrets_in(value, before if follows_option else name)
        if isinstance(value, str) and (found := _ENVIRONMENT.fullmatch(value)) and names_a_secret(found[1]):
            yield found[2]
        before = value if isinstance(value, str) else ""


def _login(value: str) -> Iterator[str]:
    """`user:password`, as curl takes it."""
    _, colon, password = value.strip("\"'").partition(":")
    if colon:
        yield password


def _secrets_in_text(text: str) -> Iterator[str]:
    """Secrets inside a text that is a URL, a JSON document, a form, or contains `name=value` words."""
    yield from _secrets_in_url(text)
    if text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            yield from secrets_in(json.loads(text))
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
    """User and password of every `scheme://user:password@` in a text. Passwords may contain reserved signs."""
    for scheme in _SCHEME_END.finditer(text):
        ahead = text[scheme.end() : scheme.end() + _USER_INFO_LENGTH]
        if "@" in ahead:
            word = _NO_USER_INFO.split(ahead, maxsplit=1)[0]
            authority = word.partition("/")[0]
            user, _, password = (authority if "@" in authority else word).rpartition("@")[0].partition(":")
            yield user if "/" not in user else "", password


def header_values_in(value: Any) -> Iterator[str]:
    """The values of all headers: of fields called `headers`, and of `-H` and `--header` in texts and lists."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _HEADERS.fullmatch(str(key)) and isinstance(inner, Mapping | list | tuple):
                yield from _values_of_headers(inner)
            else:
                yield from header_values_in(inner)
    elif isinstance(value, str):
        for found in _HEADER_IN_TEXT.finditer(value):
            yield from _values_of_headers({found[2]: found[3].strip()})
    elif isinstance(value, list | tuple):
        for option, inner in pairwise(("", *value)):
            if option in _HEADER_OPTIONS and isinstance(inner, str):
                name, _, text = inner.partition(":")
                yield from _values_of_headers({name: text.strip()})
            else:
                yield from header_values_in(inner)


def _values_of_headers(headers: Any) -> Iterator[str]:
    """The values of `{name: value}`, of a list of `{"name": …, "value": …}` or of a list of `name: value`."""
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            if str(name).lower() not in _NEGOTIATION:
                yield from _leaves(value)
        return
    for one in headers:
        if isinstance(one, str):
            name, _, text = one.partition(":")
            yield from _values_of_headers({name: text.strip()})
        elif isinstance(one, Mapping):
            named = _name_of_the_value(one)
            values = {key: value for key, value in one.items() if value != named}
            yield from _values_of_headers({named: list(values.values())} if named else values)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
