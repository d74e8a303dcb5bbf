"""Renders text of others for a Slack message. It is the only way of such text into a message."""

import unicodedata

# Control, format (bidi and zero-width marks), surrogate, private and unassigned characters, line and paragraph ends.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LINE_END = "⏎"


def render_foreign(text: str, limit: int) -> str:
    """One line of text that Slack shows as it is: no mention, no link under another name, no hidden character.

    `&`, `<` and `>` are escaped, so `<!channel>`, `<@U1>` and `<http://x|y>` are plain text. A line end becomes `⏎`, so
    no text can begin a line of its own. Other characters that Slack would not show are written as escapes, such as
    `\\x1b` and `\\u202e`. The result shows at most `limit` characters and then ends with `…`. A URL remains a URL.
    """
    return render_plain(text, limit).translate(_ENTITIES)


def render_plain(text: str, limit: int) -> str:
    """The same for a reader that knows no mentions and no entities, such as a mail program: `&`, `<` and `>` stay."""
    # Each character is shown by one or more, so the rest of a long text cannot be seen and need not be rendered.
    shown = "".join(_visible(character) for character in text[: limit + 1].replace("\r\n", "\n"))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def escape(text: str) -> str:
    """A rendered text with the entities of Slack."""
    return text.translate(_ENTITIES)


def render_within(text: str, most: int) -> str:
    """The text as `render_foreign` renders it, with at most `most` characters as Slack counts them.

    Slack limits the characters that it receives, so `&amp;` are five. No escape is cut.
    """
    rendered, length = [], 0
    for character in text[:most].replace("\r\n", "\n"):
        piece = _visible(character).translate(_ENTITIES)
        length += len(piece)
        if length > most:
            break
        rendered.append(piece)
    else:
        if len(text) <= most:
            return "".join(rendered)
    while rendered and sum(map(len, rendered)) > most - 1:
        rendered.pop()
    return f"{''.join(rendered)}…"


def _visible(character: str) -> str:
    if character in "\n\r":
        return _LINE_END
    if character == "\t":
        return " "
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
