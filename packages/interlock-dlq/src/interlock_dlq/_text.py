"""The text of errors and values, also of those whose own text raises an error."""


def text_of(error: BaseException) -> str:
    """The message of an error. An error in its `__str__` is part of the text."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - a message must not hide the error that it describes
        return f"(its text cannot be made: {type(broken).__name__})"


def repr_of(value: object) -> str:
    """The `repr` of a value. An error in it is part of the text."""
    try:
        return repr(value)
    except Exception as broken:  # noqa: BLE001 - a value without a text must not lose the letter
        return f"(its text cannot be made: {type(broken).__name__})"


def described(error: BaseException) -> str:
    """The type and the message of an error."""
    return f"{type(error).__name__}: {text_of(error)}"


def encodable(text: str) -> str:
    """The text with escapes instead of lone surrogates, which UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode()
