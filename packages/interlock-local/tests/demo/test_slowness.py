"""The demo's verdict about a failed play: a slow machine, or an expectation that was not observed."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest

from interlock_local import LocalStackError
from interlock_local.demo import DemoFailed, _play
from interlock_local.demo._finding import Finding
from interlock_local.demo._slowness import slowness

FINDINGS = [Finding("gold counts every departure", False, "none"), Finding("each attempt started once", True, "84")]


class Stack:
    """A stack whose answers take a time. Its streams may stay unread."""

    def __init__(self, now: list[float], answer: float = 0.1, *, is_read: bool = True, failure: str = "") -> None:
        self.now, self.answer, self.is_read, self.failure = now, answer, is_read, failure

    def drain(self, timeout: float) -> bool:
        self.now[0] += 0.0 if self.is_read else timeout
        return self.is_read

    def invoke(self, service: str, payload: dict[str, Any]) -> Any:
        self.now[0] += self.answer
        if self.failure:
            raise LocalStackError(self.failure)
        return {}


def signs(**options: Any) -> str:
    now = [0.0]
    return slowness(Stack(now, **options), lambda: now[0])


def test_an_idle_machine_shows_no_sign() -> None:
    assert signs() == ""
    assert str(DemoFailed(FINDINGS)) == "1 of 2 expectations were not observed: gold counts every departure"


@pytest.mark.parametrize(
    ("options", "sign"),
    [
        ({"is_read": False}, "stream records were still unread after 10 s more"),
        ({"answer": 12.0}, "a function answered after 12 s"),
        ({"failure": "no answer"}, "a function did not answer (no answer)"),
    ],
)
def test_work_that_is_left_is_a_sign_of_slowness(options: dict[str, Any], sign: str) -> None:
    found = signs(**options)
    assert sign in found
    text = str(DemoFailed(FINDINGS, found))
    assert text.startswith("The machine is slow: ")
    assert "1 of 2 expectations were not observed: gold counts every departure. They may not be violated" in text


class LateRoster:
    """A roster whose warning is past after each push."""

    def __init__(self, _: object, __: Callable[[], object], now: datetime, *, set_up: Any) -> None:
        self.set_up = set_up
        pushes.append(set_up.total_seconds())

    def push(self, *_: object) -> bool:
        clock.append(clock[-1] + 70.0)
        return False


pushes: list[float] = []
clock: list[float] = [0.0]


def test_a_roster_that_is_never_in_time_names_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    class Now:
        @staticmethod
        def now(_: object) -> datetime:
            return datetime.fromtimestamp(clock[-1], UTC)

    monkeypatch.setattr(_play, "Roster", LateRoster)
    monkeypatch.setattr(_play, "datetime", Now)
    monkeypatch.setattr(_play, "_LONGEST_SET_UP", _play.timedelta(minutes=2))
    stack: Any = SimpleNamespace(invoke=None, drain=None, schedules=None)
    with pytest.raises(LocalStackError, match=r"^The machine is slow: the roster and its timers took 70 s"):
        _play._push_roster(stack, stack, stack, stack)
    assert pushes == [6.0]


class Paper:
    """An output of a width."""

    is_terminal, width = True, 40

    def __init__(self) -> None:
        self.text = StringIO()

    def line(self, *parts: Any) -> None:
        self.text.write("".join(part if isinstance(part, str) else part[1] for part in parts) + "\n")


def test_a_description_breaks_between_words() -> None:
    paper: Any = Paper()
    _play._say_pushed(paper, "bronze-flights: Types the departures of one hour and moves rows.")
    assert paper.text.getvalue() == "pushed bronze-flights: Types the\n  departures of one hour and moves rows.\n"


def test_a_file_gets_a_description_in_one_line() -> None:
    file: Any = Paper()
    file.is_terminal = False
    _play._say_pushed(file, "bronze-flights: Types the departures of one hour and moves rows.")
    assert file.text.getvalue() == "pushed bronze-flights: Types the departures of one hour and moves rows.\n"
