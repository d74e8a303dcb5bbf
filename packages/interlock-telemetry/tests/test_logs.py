"""The form of log lines, which are written without failure."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct

from interlock_telemetry import bind_correlation, configure_logging, correlation_id, get_logger

log = get_logger("interlock.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The stream of a configured process. The root logger is restored afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    found = io.StringIO()
    configure_logging("stream-router", stream=found)
    yield found
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def line(stream: io.StringIO) -> dict[str, Any]:
    (found,) = lines(stream)
    return found


def test_line_has_event_fields_service_and_source_location(stream: io.StringIO) -> None:
    log.info("run_started", pipeline="bronze", attempt=1)
    found = line(stream)
    assert datetime.fromisoformat(found.pop("time")).tzinfo == UTC
    assert found.pop("source").startswith("test_logs.py:")
    assert found == {
        "level": "INFO",
        "event": "run_started",
        "service": "stream-router",
        "logger": "interlock.test",
        "pipeline": "bronze",
        "attempt": 1,
    }


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_each_level_is_written_under_its_name(stream: io.StringIO, level: str) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    getattr(log, level)("something", n=1)
    assert line(stream)["level"] == level.upper()


def test_records_below_level_are_not_written(stream: io.StringIO) -> None:
    log.debug("detail")
    assert lines(stream) == []


def test_an_exception_is_written_with_its_traceback(stream: io.StringIO) -> None:
    try:
        raise ValueError("too late")
    except ValueError:
        log.exception("job_failed", run="a")
    found = line(stream)
    assert found["level"] == "ERROR"
    assert found["exception"].splitlines()[0].startswith("Traceback")
    assert found["exception"].endswith("ValueError: too late")
    assert "\n" not in stream.getvalue().rstrip("\n")


def test_source_is_caller_for_every_method(stream: io.StringIO) -> None:
    def write() -> None:
        log.warning("odd")

    write()
    first = write.__code__.co_firstlineno
    assert line(stream)["source"] == f"test_logs.py:{first + 1}"


def test_correlation_id_is_on_lines_of_its_block_only(stream: io.StringIO) -> None:
    log.info("before")
    with bind_correlation("outer"):
        with bind_correlation("inner"):
            log.info("a")
            logging.getLogger("another.library").warning("b")
        log.info("c")
    log.info("after")
    assert [found.get("correlation_id") for found in lines(stream)] == [None, "inner", "inner", "outer", None]


def test_the_outer_correlation_returns_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), bind_correlation("inner"):
        raise ValueError("x")
    assert correlation_id() is None


def test_threads_do_not_share_a_correlation_id() -> None:
    seen: list[str | None] = []
    with bind_correlation("mine"):
        thread = threading.Thread(target=lambda: seen.append(correlation_id()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_field_with_reserved_name_gets_underscore(stream: io.StringIO) -> None:
    log.info("real", event="fake", time=1, level="fake", service="fake")
    found = line(stream)
    assert (found["event"], found["event_"], found["level"], found["time_"]) == ("real", "fake", "INFO", 1)
    assert found["service"] == "stream-router"


class Point(Struct):
    """A struct as a field."""

    x: int


class Broken:
    """A value with a broken `repr`."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 3, 3, tzinfo=UTC), "2026-03-03T00:00:00Z"),
        (Point(1), {"x": 1}),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        (None, None),
        (float("nan"), None),
        (ValueError("bad"), "bad"),
        ("ümläut → ok", "ümläut → ok"),
        ("a\nb", "a\nb"),
    ],
)
def test_any_value_can_be_a_field(stream: io.StringIO, value: object, written: object) -> None:
    log.info("seen", value=value)
    assert line(stream)["value"] == written


ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "written"),
    [("\ud800", "\\ud800"), (ENDLESS, "[[...]]"), (Broken(), "<Broken>"), (2**70, str(2**70))],
)
def test_value_without_json_form_is_written_as_text(stream: io.StringIO, value: object, written: str) -> None:
    log.info("seen", value=value, pipeline="bronze")
    found = line(stream)
    assert str(found["value"]) == written
    assert (found["event"], found["pipeline"]) == ("seen", "bronze")


def test_record_of_other_library_is_json_line(stream: io.StringIO) -> None:
    logging.getLogger("library").warning("%d retries left", 3)
    found = line(stream)
    assert (found["event"], found["logger"], found["service"]) == ("3 retries left", "library", "stream-router")


def test_other_library_can_log_event_with_fields(stream: io.StringIO) -> None:
    extra = {"event": "dead_letter", "fields": {"id": "a"}}
    logging.getLogger("interlock_dlq").error("dead_letter {…}", extra=extra)
    found = line(stream)
    assert (found["event"], found["id"]) == ("dead_letter", "a")


def test_configuring_again_writes_each_line_once(stream: io.StringIO) -> None:
    second = io.StringIO()
    configure_logging("again", stream=second)
    log.info("once")
    assert (lines(stream), len(lines(second))) == ([], 1)


@pytest.mark.parametrize(
    "name", ["botocore.endpoint", "boto3", "urllib3.connectionpool", "slack_sdk.web", "s3transfer"]
)
def test_debug_lines_of_libraries_with_secrets_are_dropped(stream: io.StringIO, name: str) -> None:
    configure_logging("x", logging.DEBUG, stream=stream)
    logging.getLogger(name).debug("Authorization: secret")
    logging.getLogger(name).warning("pool is full")
    assert [found["event"] for found in lines(stream)] == ["pool is full"]


def test_lines_go_to_current_standard_error(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("x")
    log.info("seen")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "seen"
    assert captured.out == ""
