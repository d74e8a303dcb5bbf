"""Ctrl-C in the demo ends its stack without the rest of its work, since nothing of it is kept."""

from types import SimpleNamespace
from typing import Any, Self

import pytest

from interlock_local.demo import _play, play
from interlock_local.stack import LocalStack


class Pump:
    """A pump with work that is left."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def drain(self, _: float) -> bool:
        self.calls.append("drain")
        return False

    def stop(self) -> bool:
        self.calls.append("stop")
        return True


def stopped(*, drain: bool) -> list[str]:
    stack, pump = LocalStack(), Pump()
    stack._pump = pump  # type: ignore[assignment]
    stack.stop(drain=drain)
    return pump.calls


def test_a_stop_reads_the_streams_by_default() -> None:
    assert stopped(drain=True) == ["drain", "stop"]
    assert stopped(drain=False) == ["stop"]


class Stack:
    """A stack that notes how it is stopped."""

    endpoint_url = "http://127.0.0.1:4600"
    stops: list[bool]

    def __init__(self, **_: Any) -> None:
        type(self).stops = []

    def store(self) -> Any:
        return SimpleNamespace(put_config=lambda _: None)

    def stop(self, *, drain: bool = True) -> None:
        self.stops.append(drain)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Paper:
    """A terminal that keeps its lines."""

    is_terminal, width = False, 80

    def __init__(self) -> None:
        self.lines: list[str] = []

    def console(self) -> "Paper":
        return self

    def line(self, *parts: Any) -> None:
        self.lines.append("".join(part if isinstance(part, str) else part[1] for part in parts))

    def progress(self, _: object) -> Any:
        return self.line

    def span(self, seconds: float) -> str:
        return f"{seconds:.0f} s"

    def as_called(self, text: str) -> str:
        return f"uv run {text}"


def test_ctrl_c_leaves_the_rest_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(_play, "LocalStack", Stack)
    monkeypatch.setattr(_play, "_push_roster", interrupted)
    paper = Paper()
    with pytest.raises(KeyboardInterrupt):
        play(paper)  # type: ignore[arg-type]
    assert Stack.stops[0] is False
    assert paper.lines[-1] == "interrupted: stopping the local stack"
    shown = paper.lines.index("to look on in another terminal:")
    assert paper.lines[shown + 1 : shown + 4] == [
        "  export AWS_ENDPOINT_URL=http://127.0.0.1:4600",
        "  uv run interlock status",
        "  uv run interlock web",
    ]
