"""One guarded POST, for callers that start no job. It is sent once and never follows a redirect to another method."""

import time
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ._deadline import Deadline, Timing
from ._http import AllowList, AnswerLost, Forbidden, Misdirected, Network, Request, Unreachable, exchange, parse_url

_KEPT_BYTES = 2048


class PostForbidden(Exception):
    """The address may not be reached, or it redirects in a way that would change the request."""


class PostUnanswered(Exception):
    """No complete answer came. The server may have accepted the request."""


class PostAnswer(Struct, frozen=True):
    """The status of the answer, and its Retry-After in whole seconds, if any."""

    status: int
    retry_after: int | None


class Poster:
    """Sends POSTs to public addresses and to the entries of the allow-list.

    `allowed_hosts` is the text of INTERLOCK_TRIGGER_ALLOWED_HOSTS or a list. Raises AllowListError for a wrong entry.
    """

    def __init__(self, allowed_hosts: str | Iterable[str] = (), timing: Timing | None = None) -> None:
        self._network = Network(AllowList(allowed_hosts))
        self._timing = timing or Timing(now=time.time, monotonic=time.monotonic)

    def check(self, url: str, *, seconds: float) -> None:
        """Raise PostForbidden if `post` would not reach the address, and PostUnanswered if its name leads nowhere now.

        Nothing is sent.
        """
        deadline = Deadline(self._timing.now() + seconds, self._timing)
        try:
            target = parse_url(url)
            self._network.check(target.host, target.port, deadline)
        except Forbidden as error:
            raise PostForbidden(str(error)) from None
        except Unreachable as error:
            raise PostUnanswered(str(error)) from None

    def post(self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float) -> PostAnswer:
        """Send one request within a number of seconds. Raises PostForbidden or PostUnanswered."""
        request = Request("POST", url, headers, body, seconds, _KEPT_BYTES)
        deadline = Deadline(self._timing.now() + seconds, self._timing)
        try:
            answer = exchange(self._network, request, deadline)
        except (Forbidden, Misdirected) as error:
            raise PostForbidden(str(error)) from None
        except (Unreachable, AnswerLost) as error:
            raise PostUnanswered(str(error)) from None
        text = (answer.header("retry-after") or "").strip()
        return PostAnswer(answer.status, int(text) if text.isascii() and text.isdigit() else None)
