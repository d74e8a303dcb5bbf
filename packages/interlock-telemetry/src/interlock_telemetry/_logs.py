"""Writes log records as JSON lines with event name, fields, source location and correlation id."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from interlock_telemetry._correlation import correlation_id
from interlock_telemetry._runs import bound_run

_RESERVED = frozenset({"time", "level", "event", "service", "logger", "source", "correlation_id", "exception"})
# At DEBUG these libraries print whole requests and answers with their secrets.
_TALKATIVE = ("boto3", "botocore", "opentelemetry", "s3transfer", "slack_sdk", "urllib3")


class EventLogger:
    """Writes named events with fields: `log.info("run_started", pipeline="bronze")`.

    A field can have any value that msgspec encodes. Other values are written with `str()`. A field with the name of one
    of the line's own keys (`event`, `time`, …) gets an underscore at its end.
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: object) -> None:
        """Log a detail for the developer of the service."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Log a normal event."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Log an unusual event that was handled."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Log a failure."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """Log a failure in an `except` block, with the traceback of the block's error."""
        self._log(logging.ERROR, event, fields, with_error=True)

    def _log(self, level: int, event: str, fields: Mapping[str, object], *, with_error: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"event": event, "fields": fields}
            # Level 3 is the caller of debug(), info() and so on.
            self._logger.log(level, "%s", event, extra=extra, exc_info=with_error, stacklevel=3)


def get_logger(name: str) -> EventLogger:
    """The logger of a module: `get_logger(__name__)`. It writes to a logger of the standard library."""
    return EventLogger(logging.getLogger(name))


def configure_logging(service: str, level: int | str = logging.INFO, *, stream: TextIO | None = None) -> None:
    """Send every log record of this process to `stream` (default: standard error) as JSON lines.

    It replaces all handlers of the root logger (Lambda installs a handler), so a second call does no harm. Libraries
    that print requests and secrets at DEBUG stay at WARNING for every `level`.
    """
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class _StandardError(logging.StreamHandler[TextIO]):
    """Uses the current standard error for each line, so that a test or a runtime can replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class JsonFormatter(logging.Formatter):
    """Formats each record as one JSON object, for records of `get_logger` and of any other library.

    The `event` of another library's record is its message. A record with `event` (text) and `fields` (a mapping) in its
    `extra` is written with these.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline. It never raises: a value that cannot be encoded is written as text."""
        line = self._line(record)
        try:
            return _encode(line)
        except Exception:  # noqa: BLE001 - an unwritable field must not lose the line
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
        run = bound_run()
        if run is not None:
            line |= run.fields
        for key, value in (getattr(record, "fields", None) or {}).items():
            line[f"{key}_" if key in _RESERVED else key] = value
        return line


def _encode(line: Mapping[str, Any]) -> str:
    return msgspec.json.encode(line, enc_hook=str).decode()


def _plain(value: object) -> str:
    """Printable text for any value, also with lone surrogates, for unusual keys and for a broken `__repr__`."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - see format
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode()
