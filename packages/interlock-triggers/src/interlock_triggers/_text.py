"""Foreign text for messages: bounded and without control characters."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

BODY_BYTES = 512
"""Most bytes of an answer's body in a message."""
_MESSAGE_BYTES = 1024


def one_line(text: str, limit: int = _MESSAGE_BYTES) -> str:
    """The text on one line, without control characters, cut to `limit` bytes of UTF-8."""
    flat = " ".join(_CONTROL.sub(" ", text).split())
    kept = flat.encode("utf-8", "replace")[:limit]
    return kept.decode("utf-8", "ignore")


def decoded(body: bytes, limit: int = BODY_BYTES) -> str:
    """The start of an answer's body as one line of text."""
    return one_line(body[: 4 * limit].decode("utf-8", "replace"), limit)
