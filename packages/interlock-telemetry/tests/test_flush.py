"""The flush: its limits, one thread, and no delay by a collector that stays away."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import pytest

import interlock_telemetry._flush as module
from interlock_telemetry import Metric, flush

MS = timedelta(milliseconds=1)


class Context:
    """The used part of Lambda's context."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Sending:
    """An exporter whose collector answers, fails or hangs until it is released."""

    def __init__(self) -> None:
        self.limits: list[timedelta] = []
        self.act: Callable[[], object] = lambda: None
        self.release = threading.Event()

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        return nullcontext()

    def measure(self, metric: Metric, value: float, attributes: Mapping[str, str]) -> None:
        return

    def flush(self, timeout: timedelta) -> None:
        self.limits.append(timeout)
        self.act()

    def hang(self) -> None:
        self.act = self.release.wait

    def fail(self) -> None:
        def reject() -> None:
            raise ConnectionError("rejected")

        self.act = reject

    def answer(self) -> None:
        self.act = lambda: None


class Lines:
    """Keeps the logged events."""

    def __init__(self) -> None:
        self.found: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, /, **fields: object) -> None:
        self.found.append((event, fields))

    warning = info


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sending]:
    found = Sending()
    monkeypatch.setattr(module, "exporter", lambda: found)
    monkeypatch.setattr(module, "_flusher", module.Flusher())
    yield found
    found.release.set()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    found = Lines()
    monkeypatch.setattr(module, "_log", found)
    return found


@pytest.mark.parametrize(
    ("left", "limit"), [(60_000, 2000), (2050, 2000), (2049, 1999), (60, 10), (50, 0), (10, 0), (-5, 0)]
)
def test_flush_waits_at_most_for_rest_of_invocation(sending: Sending, left: int, limit: int) -> None:
    flush(context=Context(left))
    _joined()
    assert sending.limits == [limit * MS]


def test_flush_without_a_context_waits_for_its_timeout(sending: Sending) -> None:
    flush(700 * MS)
    assert sending.limits == [700 * MS]


def test_after_a_failure_flush_waits_100_ms(sending: Sending, lines: Lines) -> None:
    sending.fail()
    flush(context=Context(60_000))
    flush(context=Context(60_000))
    flush(context=Context(80))
    sending.answer()
    flush(context=Context(60_000))
    flush(context=Context(60_000))
    assert sending.limits == [2000 * MS, 100 * MS, 30 * MS, 100 * MS, 2000 * MS]
    assert lines.found == [
        ("telemetry_not_sent", {"reason": "ConnectionError: rejected"}),
        ("telemetry_sent_again", {"failed_flushes": 3}),
    ]


def test_silent_collector_keeps_one_thread_busy(sending: Sending, lines: Lines) -> None:
    before = threading.active_count()
    sending.hang()
    for _ in range(5):
        flush(20 * MS)
    assert (len(sending.limits), threading.active_count()) == (1, before + 1)
    assert lines.found == [("telemetry_not_sent", {"reason": "the collector did not answer within 0.02s"})]
    sending.release.set()
    flush()
    flush()
    assert (len(sending.limits), threading.active_count()) == (3, before)
    assert [event for event, _ in lines.found] == ["telemetry_not_sent", "telemetry_sent_again"]


def test_end_of_a_slow_flush_begins_the_next_one(sending: Sending, lines: Lines) -> None:
    sending.hang()
    flush(20 * MS)
    sending.release.set()
    _joined()
    flush(20 * MS)
    assert len(sending.limits) == 2
    assert [event for event, _ in lines.found] == ["telemetry_not_sent", "telemetry_sent_again"]


def test_late_error_is_not_a_second_failure(sending: Sending, lines: Lines) -> None:
    def reject_late() -> None:
        sending.release.wait()
        raise ConnectionError("rejected")

    sending.act = reject_late
    flush(20 * MS)
    sending.release.set()
    _joined()
    sending.answer()
    flush()
    assert lines.found == [
        ("telemetry_not_sent", {"reason": "the collector did not answer within 0.02s"}),
        ("telemetry_sent_again", {"failed_flushes": 1}),
    ]


def test_flush_without_a_thread_raises_nothing(sending: Sending, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", no_thread)
        flush()
        flush()
    assert sending.limits == []
    flush()
    assert len(sending.limits) == 1
    assert lines.found == [
        ("telemetry_not_sent", {"reason": "RuntimeError: can't start new thread"}),
        ("telemetry_sent_again", {"failed_flushes": 2}),
    ]


def _joined() -> None:
    """Wait for a flush that its limit has left to the background."""
    for thread in threading.enumerate():
        if thread.name == "interlock-telemetry":
            thread.join(10)
