"""A number with its noun. It loads no other module."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 date`, `1,200 dates`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
