"""Reports each completed tick to a monitor outside of the deployment, which raises an alarm when the reports stop."""

from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from interlock_telemetry import Metric, call_in_time, get_logger, measure

if TYPE_CHECKING:
    from http.client import HTTPResponse

_log = get_logger(__name__)

TIMEOUT = timedelta(seconds=5)
"""The longest wait for the monitor."""


class DeadMan:
    """The monitor at a URL, such as a check of Healthchecks. The URL is a secret: it is in no log line."""

    def __init__(self, url: str | None) -> None:
        """None: there is no monitor."""
        self._url = url

    def __repr__(self) -> str:
        return f"<DeadMan {'off' if self._url is None else 'on'}>"

    def report(self) -> None:
        """Send a GET. A monitor that cannot be reached is logged and counted, and never makes a tick fail."""
        if self._url is None:
            return
        try:
            status = call_in_time("dead_man", partial(_status_of, self._url))
        except Exception as error:  # noqa: BLE001 - the tick is done, and the monitor notices a lost report itself
            self._note(type(error).__name__)
            return
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            self._note(f"HTTP {status}")

    def _note(self, reason: str) -> None:
        # The text of an error can have the URL.
        _log.warning("dead_man_not_reached", reason=reason)
        measure(Metric.DEAD_MAN_FAILURES)


def _status_of(url: str) -> int:
    # Most deployments have no monitor, and the import takes a noticeable part of a cold start.
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "interlock-watchdog"})  # noqa: S310 - wiring allows only http and https
    try:
        answer: HTTPResponse
        with urlopen(request, timeout=TIMEOUT.total_seconds()) as answer:  # noqa: S310 - as above
            return answer.status
    except HTTPError as error:
        with error:
            return error.code
