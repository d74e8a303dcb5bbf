"""Retries of an HTTP request, its circuit breaker, and the combined result of its tries."""

import logging
from datetime import UTC
from email.utils import parsedate_to_datetime

import tenacity
from msgspec import Struct

from interlock_triggers._deadline import Deadline, Timing
from interlock_triggers._types import Category

from ._breakers import Breakers, CircuitOpen
from ._dial import Forbidden, Network, Unreachable
from ._exchange import Answer, AnswerLost, Misdirected, Request, exchange
from ._target import parse_url

_log = logging.getLogger("interlock_triggers")

_TRIES = 3
_PAUSE = 0.2
_GATEWAY_LOST_IT = (502, 504)
"""Statuses of a gateway without an answer: the target may have accepted the forwarded request."""


class NotAccepted(Exception):
    """No try was accepted by the target."""

    def __init__(self, category: Category, reason: str) -> None:
        super().__init__(reason)
        self.category = category


class Unclear(Exception):
    """A try may have been accepted, but its answer is lost."""

    def __init__(self, reason: str, *, timed_out: bool) -> None:
        super().__init__(reason)
        self.category = Category.TIMEOUT if timed_out else Category.TRANSIENT


class Reply(Struct, frozen=True):
    """The answer to the last try. `doubtful`: an earlier try, or this try behind a gateway, may have been accepted."""

    answer: Answer
    doubtful: bool

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return _is_success(self.answer)


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


class _Again(Exception):
    """A try that may be repeated: it failed, or its answer was a 5xx or a throttle."""

    def __init__(self, outcome: Answer | Exception, wait: float = 0.0) -> None:
        super().__init__()
        self.outcome = outcome
        self.wait = wait


class Caller:
    """Sends requests for the HTTP types, three times at most, through the host's circuit breaker."""

    def __init__(self, network: Network, breakers: Breakers, timing: Timing) -> None:
        self._network = network
        self._breakers = breakers
        self._timing = timing

    def call(self, request: Request, deadline: Deadline, *, doubtful: bool = False) -> Reply:
        """Send a request, again after 5xx answers, network errors and throttles with Retry-After.

        `doubtful`: the same request may have been sent before. Returns the last answer with any status.
        Raises NotAccepted or Unclear without an answer.
        """
        doubts = [doubtful]
        try:
            return Reply(self._retrying(deadline)(self._try, request, deadline, doubts), doubts[0])
        except _Again as last:
            if isinstance(last.outcome, Answer):
                return Reply(last.outcome, doubts[0])
            error = last.outcome
        except (Forbidden, Misdirected, CircuitOpen) as stopped:
            error = stopped
        raise _without_an_answer(error, doubtful=doubts[0])

    def _retrying(self, deadline: Deadline) -> tenacity.Retrying:
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_TRIES) | _stops_at(deadline),
            wait=self._pause,
            retry=tenacity.retry_if_exception_type(_Again),
            sleep=self._timing.sleep,
            before_sleep=_note_retry,
            reraise=True,
        )

    def _try(self, request: Request, deadline: Deadline, doubts: list[bool]) -> Answer:
        host = parse_url(request.url).authority
        self._breakers.admit(host)
        try:
            answer = exchange(self._network, request, deadline.within(request.seconds))
        except (Unreachable, AnswerLost) as error:
            self._breakers.record(host, failed=True)
            doubts[0] = doubts[0] or isinstance(error, AnswerLost)
            raise _Again(error) from None
        self._breakers.record(host, failed=answer.status >= 500)
        if answer.taken and not _is_success(answer):
            # The server accepted the request: a repetition would start it again, and this answer does not reject it.
            raise Unclear(f"{host} took the request, but answered {answer.status} for its outcome", timed_out=False)
        doubts[0] = doubts[0] or answer.status in _GATEWAY_LOST_IT
        wait = self._retry_after(answer)
        if answer.status >= 500 or (answer.status == 429 and wait is not None):
            raise _Again(answer, wait or 0.0)
        return answer

    def _pause(self, state: tenacity.RetryCallState) -> float:
        asked = 0.0
        if state.outcome is not None and isinstance(again := state.outcome.exception(), _Again):
            asked = again.wait
        return max(asked, _PAUSE * (0.5 + self._timing.dice()))

    def _retry_after(self, answer: Answer) -> float | None:
        """Seconds that a throttled answer asks to wait, None without Retry-After."""
        if answer.status not in (429, 503):
            return None
        text = (answer.header("retry-after") or "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - self._timing.now())


def _without_an_answer(error: Exception, *, doubtful: bool) -> NotAccepted | Unclear:
    if doubtful:
        return Unclear(str(error), timed_out=getattr(error, "timed_out", False))
    permanent = isinstance(error, Forbidden | Misdirected)
    return NotAccepted(Category.PERMANENT if permanent else Category.TRANSIENT, str(error))


def _stops_at(deadline: Deadline) -> tenacity.stop.stop_base:
    """Stop if the pause would outlast the deadline."""

    class _Stop(tenacity.stop.stop_base):
        def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
            return retry_state.upcoming_sleep >= deadline.remaining()

    return _Stop()


def _note_retry(state: tenacity.RetryCallState) -> None:
    again = state.outcome.exception() if state.outcome is not None else None
    outcome = again.outcome if isinstance(again, _Again) else None
    why = str(outcome.status) if isinstance(outcome, Answer) else type(outcome).__name__
    _log.warning(
        "http_retry",
        extra={
            "host": parse_url(state.args[0].url).authority,
            "try": state.attempt_number,
            "why": why,
            "pause_seconds": round(state.upcoming_sleep, 3),
        },
    )
