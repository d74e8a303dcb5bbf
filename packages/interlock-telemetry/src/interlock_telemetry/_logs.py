"""How log records look: one JSON object a line, with event name, fields, source location and correlation id."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from interlock_telemetry._correlation import correlation_id

_RESERVED = frozenset({"time", "level", "event", "service", "logger", "source", "correlation_id", "exception"})
# At DEBUG these print whole requests and answers, secrets included.
_TALKATIVE = ("boto3", "botocore", "opentelemetry", "s3transfer", "slack_sdk", "urllib3")


class EventLogger:
    """Writes named events with fields: `log.info("run_started", pipeline="bronze")`.

    Fields may be anything that msgspec encodes; other values are written as `str()` shows them. A field named like
    one of the line's own keys (`event`, `time`, …) gets an underscore appended.
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: object) -> None:
        """For the developer of the service."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Something happened as it should."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Something is odd, and was coped with."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Something failed."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """Something failed; to be called in an `except` block, whose error is written with its traceback."""
        self._log(logging.ERROR, event, fields, with_error=True)

    def _log(self, level: int, event: str, fields: Mapping[str, object], *, with_error: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"event": event, "fields": fields}
            # Level 3 is the caller of debug(), info() and so on.
            self._logger.log(level, "%s", event, extra=extra, exc_info=with_error, stacklevel=3)


def get_logger(name: str) -> EventLogger:
    """The logger of a module: `get_logger(__name__)`. It is the standard library's logger underneath."""
    return EventLogger(logging.getLogger(name))


def configure_logging(service: str, level: int | str = logging.INFO, *, stream: TextIO | None = None) -> None:
    """Send every log record of this process to `stream` (default: standard error) as JSON lines.

    Replaces whatever handlers the root logger has (Lambda installs one of its own); calling it again is harmless.
    Libraries that print requests and secrets at DEBUG stay at WARNING whatever `level` says.
    """
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class _StandardError(logging.StreamHandler[TextIO]):
    """Looks standard error up at each line, so that whoever replaces it (a test, a runtime) gets the lines."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class JsonFormatter(logging.Formatter):
    """One JSON object per record, for records of `get_logger` and of any other library alike.

    Another library's record has its message as `event`. A record whose `extra` holds `event` (text) and `fields`
    (a mapping) is written with those.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline. Never raises: what cannot be encoded is written as text."""
        line = self._line(record)
        try:
            return _encode(line)
        except Exception:  # noqa: BLE001 - a field that cannot be written must not lose the line
            return _encode({_plain(key): _plain(value) for key, value in line.items()})

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": getattr(record, "event", None) or record.getMessage(),
            "service": self._service,
            "logger": record.name,
            "source": f"{record.filename}:{record.lineno}",
        }
        correlation = correlation_id()
        if correlation is not None:
            line["correlation_id"] = correlation
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        for key, value in (getattr(record, "fields", None) or {}).items():
            line[f"{key}_" if key in _RESERVED else key] = value
        return line


def _encode(line: Mapping[str, Any]) -> str:
    return msgspec.json.encode(line, enc_hook=str).decode()


def _plain(value: object) -> str:
    """Printable text for any value: also for lone surrogates, unusual keys, and a broken `__repr__`."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - see format
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode()
