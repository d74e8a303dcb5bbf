"""A long line of an event: whole in a file, and broken between words in a terminal."""

from io import StringIO

import pytest

from interlock_cli._output._console import Output, _Guarded

EVENT = (
    "2026-03-03 07:00:00Z ",
    ("red", "SLA_BREACH"),
    " orders stream 2026-03-03  no success by the deadline 2026-03-03 08:00 CET (07:00Z)\x1b",
)
WHOLE = (
    "2026-03-03 07:00:00Z SLA_BREACH orders stream 2026-03-03  "
    "no success by the deadline 2026-03-03 08:00 CET (07:00Z)\\u001b"
)


def printed(width: int, *, is_terminal: bool) -> list[str]:
    file = StringIO()
    made = _Guarded(file=file, width=width, force_terminal=is_terminal, color_system=None, markup=False)
    Output(made).paragraph(*EVENT)
    return file.getvalue().splitlines()


def test_a_file_gets_one_line() -> None:
    assert printed(80, is_terminal=False) == [WHOLE]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_terminal_gets_whole_words(width: int) -> None:
    first, *rest = printed(width, is_terminal=True)
    assert all(len(line) <= width for line in (first, *rest))
    assert all(line.startswith("  ") for line in rest)
    assert " ".join((first, *rest)).split() == WHOLE.split()
    assert bool(rest) == (len(WHOLE) > width - 2)
