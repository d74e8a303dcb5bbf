"""The parts of a file's text that may be shown, decided in one place for values, messages and paths of problems.

Problems are printed in build logs. Hidden are the values of headers and of keys named like secrets, the text before
the `@` of an address, the path of a webhook, and the text after a secret's name. In doubt, more is hidden than
necessary: the line of a problem still names the place.
"""

import re
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from msgspec import UNSET

from ._misspelt import is_misspelt_secret
from ._names import nearest

HIDDEN = "…"
"""The sign for hidden text."""


class _Sign:
    """A pattern, compiled at its first use: these take a noticeable part of a cold start, which shows no problem."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = pattern
        self._flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, self._flags)


_SECRET_NAME = _Sign(
    r"header|authori[sz]ation|bearer|token|passw|passphrase|secret|credential|signature|cookie"
    r"|(?:api|access|account|private|shared)[-_ .]?key"
    r"|(?<![a-z])(?:auth|pass|pwd|sas|sig)(?![a-z])",
    re.IGNORECASE,
)
# A secret may follow these names inside a text: `token=…`, `"password": …`, `--secret …`, `Bearer …`.
_GIVEN = _Sign(rf"(?:{_SECRET_NAME.pattern})[\w.-]{{0,40}}['\"”]?\s{{0,3}}[=:]\s?['\"]?", re.IGNORECASE)
_OPTION = _Sign(rf"(?<![\w-])-[\w.-]{{0,40}}?(?:{_SECRET_NAME.pattern})[\w.-]{{0,40}}\s", re.IGNORECASE)
# Any name before a value, for the misspelt names of secrets.
_NAMED = _Sign(r"(?<![\w.-])-{0,2}([A-Za-z][\w.-]{0,40})['\"”]?\s{0,3}[=:]\s?['\"]?|(?<!\S)--?([A-Za-z][\w-]{0,40})\s")
_SENT_AS = _Sign(r"\b(?:Bearer|Basic)\s(?=\S)", re.IGNORECASE)
# A password without its host, or cut off at a comma, is at the position of the port.
_NO_PORT = r"(?=[^\s/?#@:\[]{1,255}:(?![0-9]{1,5}(?:[/?#\s'\"”,;)]|$)|\$\{))"
_URL_WITHOUT_PORT = _Sign(rf"://{_NO_PORT}")
_ADDRESS_WITHOUT_PORT = _Sign(
    rf"\W*+(?:[a-z][a-z0-9+.-]*(?::/+|/+))?(?!(?:https?|ftps?|s3):/){_NO_PORT}", re.IGNORECASE
)
_HOOK = _Sign(r"(\b[a-z][a-z0-9+.-]{0,20}://(?=[^\s'\"]{0,300}?hook)[^\s/?#'\"]{1,300})[/?#][^\s'\",}]+", re.IGNORECASE)
_WEBHOOK = "webhook"
_HOST_ALONE = _Sign(r"^((?:[a-z][a-z0-9+.-]*://)?[^/?#]*)[/?#].+", re.IGNORECASE | re.DOTALL)
_SCHEME_NAME = _Sign(r"(?<![\w.+-])[a-z][a-z.+-]{0,20}$", re.IGNORECASE)
_ADDRESS_NAME = _Sign(r"ur[li]|host|endpoint|address|server|dsn|connection", re.IGNORECASE)
# `url:https://user: password` without quotes: the key is the beginning of the address, and its value the rest.
_BEGUN_ADDRESS = _Sign(r"://|(?:ur[li]|host|endpoint|address|server|dsn|connection)[\w.-]{0,40}:.", re.IGNORECASE)
_NAME_ENDS = re.compile(r"[:=\s]")
_HEADER_NAME_ENDS = re.compile(r"[^A-Za-z0-9_.-]")
_KNOWN_HEADER = _Sign(
    r"(?:(?:proxy-)?authorization|(?:set-)?cookie|accept(?:-encoding|-language)?|content-(?:type|length|encoding)"
    r"|user-agent|host|x-api-key|x-auth-token|x-request-id|x-correlation-id|idempotency-key)(?![\w-])",
    re.IGNORECASE,
)
_DEEPEST = 32
_LONGEST = 1000  # characters of a text: problems show far fewer, and the rest needs no search
_MOST = 100  # items of a list or mapping, likewise


def is_secret(name: str | int) -> bool:
    """Whether values of this name may be secrets, also of a misspelt name such as `pasword` or a begun address."""
    if not isinstance(name, str):
        return False
    if _SECRET_NAME.compiled.search(name) or _BEGUN_ADDRESS.compiled.search(name):
        return True
    return _is_near(name, "headers") or is_misspelt_secret(name)


def is_hidden(path: tuple[str | int, ...]) -> bool:
    """Whether nothing of the value at this place may be shown."""
    return any(is_secret(step) for step in path)


def shown_at(path: tuple[str | int, ...], value: Any) -> Any:
    """The value at a place, without its secrets."""
    if value is UNSET or value is None:
        return value
    if is_hidden(path):
        return HIDDEN
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    if isinstance(value, str) and name == _WEBHOOK:
        value = _HOST_ALONE.compiled.sub(rf"\1/{HIDDEN}", value)
    return _shown(value, is_address=_is_address(name), deep=0)


def shown(value: Any) -> Any:
    """The value without its secrets, independent of its place."""
    return _shown(value, is_address=False, deep=0)


def shown_key(key: str, *, of_secrets: bool, is_alone: bool = False) -> str:
    """The key of a mapping without its secrets: without a space or a colon, a key also contains its value.

    is_alone: the key has no value, and may be the text behind the comma of a value that needed quotes.
    """
    if key == HIDDEN:
        return key
    end = (_HEADER_NAME_ENDS if of_secrets else _NAME_ENDS).search(key)
    begin = key if end is None else key[: end.end()]
    if "@" in begin or ("@" in key and "://" not in key):
        return HIDDEN
    if is_alone and of_secrets and _KNOWN_HEADER.compiled.match(begin) is None:
        return HIDDEN
    return begin if end is None else begin + HIDDEN


def _shown(value: Any, *, is_address: bool, deep: int) -> Any:
    if isinstance(value, str):
        value = _without_path_of_webhook(value)
        return _without_what_is_named(_beginning(_without_user(value, is_address=is_address)), is_address=is_address)
    if not isinstance(value, dict | list):
        return value
    if deep >= _DEEPEST:
        return HIDDEN
    if isinstance(value, list):
        inside = [_shown(inner, is_address=is_address, deep=deep + 1) for inner in value[:_MOST]]
        return inside if len(value) <= _MOST else [*inside, HIDDEN]
    items = dict(islice(value.items(), _MOST))
    secret = any(is_secret(key) or _is_address(key) for key in items)
    return {
        shown_key(key, of_secrets=secret and inner is None, is_alone=inner is None): _shown_under(key, inner, deep + 1)
        for key, inner in items.items()
    }


def _shown_under(key: str, value: Any, deep: int) -> Any:
    if value is None:
        return None
    if isinstance(value, str) and key == _WEBHOOK:
        value = _HOST_ALONE.compiled.sub(rf"\1/{HIDDEN}", value)
    return HIDDEN if is_secret(key) else _shown(value, is_address=_is_address(key), deep=deep)


def _is_address(name: str) -> bool:
    return _ADDRESS_NAME.compiled.search(name) is not None or _is_near(name, "url")


@lru_cache(maxsize=512)
def _is_near(name: str, known: str) -> bool:
    """Cached for each name: the items of a list repeat their keys."""
    return nearest(name, (known,)) is not None


def _without_user(text: str, *, is_address: bool) -> str:
    """The text without user and password. They end at the last @, as a password may contain any sign.

    They begin after the first `://`, else with the word that contains the first colon. A word without a colon is a mail
    address, except in the value of an address key, where it is a user.
    """
    before, at, rest = text.rpartition("@")
    if not at:
        return text
    name, colon, behind = before.partition(":")
    if behind.startswith("//") and _SCHEME_NAME.compiled.search(name):
        return f"{name}://{HIDDEN}@{rest}"
    if is_address:
        return f"{HIDDEN}@{rest}"
    if not colon:
        return text
    words = re.split(r"(\s+)", name)
    return f"{''.join(words[:-1])}{HIDDEN}@{rest}"


def _without_path_of_webhook(text: str) -> str:
    """The text without the path of each webhook's URL: who knows the path can post there."""
    return _HOOK.compiled.sub(rf"\1/{HIDDEN}", text)


def _beginning(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + HIDDEN


def _without_what_is_named(text: str, *, is_address: bool) -> str:
    """The text up to the first name of a secret."""
    ends = [
        found.end() for sign in (_GIVEN, _OPTION, _SENT_AS, _URL_WITHOUT_PORT) if (found := sign.compiled.search(text))
    ]
    ends += [found.end() for found in _NAMED.compiled.finditer(text) if is_misspelt_secret(found[1] or found[2])]
    if is_address and (found := _ADDRESS_WITHOUT_PORT.compiled.match(text)):
        ends.append(found.end())
    end = min(ends, default=len(text))
    return text if end >= len(text) else text[:end] + HIDDEN
