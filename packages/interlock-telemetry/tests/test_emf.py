"""Metrics in CloudWatch's embedded metric format: the form of its specification, its limits, and its values."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import jsonschema
import pytest

from interlock_telemetry import Metric, environment
from interlock_telemetry._emf import EmfExporter
from interlock_telemetry._metrics import INSTRUMENTS

NOW = datetime(2026, 3, 3, 12, 0, 0, 123000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
UNITS = [
    *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"),
    *(f"{size}{unit}" for size in ("", "Kilo", "Mega", "Giga", "Tera") for unit in ("Bytes", "Bits")),
]
NUMBER = {"type": "number"}
# The rules of the specification's schema, with its limits of an array and of the metrics of a directive.
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                                        "Unit": {"enum": UNITS},
                                        "StorageResolution": {"enum": [1, 60]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
    "patternProperties": {
        "^interlock[.]": {"anyOf": [NUMBER, {"type": "array", "maxItems": 100, "items": NUMBER}]},
        "^(service|environment)$": {"type": "string", "minLength": 1, "maxLength": 1024},
    },
}


class Emf:
    """An exporter and its lines."""

    def __init__(self, deployment: str = "prod") -> None:
        self._stream = StringIO()
        self.exporter = EmfExporter("watchdog", deployment, stream=lambda: self._stream, now=lambda: NOW)

    def measure(self, metric: Metric, value: float = 1, **attributes: str) -> None:
        self.exporter.measure(metric, value, attributes)

    def flush(self) -> list[dict[str, Any]]:
        """The lines of a flush. Each has the form of the specification, and its targets."""
        self._stream.seek(0)
        self._stream.truncate()
        self.exporter.flush(SECOND)
        texts = self._stream.getvalue().splitlines()
        assert all(len(text) < 256 * 1024 for text in texts)
        lines = [json.loads(text) for text in texts]
        for line in lines:
            jsonschema.validate(line, SCHEMA)
            (directive,) = line["_aws"]["CloudWatchMetrics"]
            targets = {name for names in directive["Dimensions"] for name in names}
            assert targets | {metric["Name"] for metric in directive["Metrics"]} == line.keys() - {"_aws"}
        return lines


def test_a_flush_is_one_line_of_the_specification() -> None:
    emf = Emf()
    emf.measure(Metric.RECORDS_PROCESSED, 3, service="watchdog")
    emf.measure(Metric.STAGE_DURATION, 0.5, stage="tick")
    assert emf.flush() == [
        {
            "_aws": {
                "Timestamp": 1772539200123,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Interlock",
                        "Dimensions": [["service", "environment"]],
                        "Metrics": [
                            {"Name": "interlock.records.processed", "Unit": "Count"},
                            {"Name": "interlock.stage.duration", "Unit": "Seconds"},
                        ],
                    }
                ],
            },
            "service": "watchdog",
            "environment": "prod",
            "interlock.records.processed": 3,
            "interlock.stage.duration": 0.5,
        }
    ]


class Broken(StringIO):
    """A stream whose writes fail for a time."""

    fails = True

    def write(self, text: str) -> int:
        if self.fails:
            raise OSError("no space left")
        return super().write(text)


def test_values_stay_until_a_write_succeeds() -> None:
    stream = Broken()
    exporter = EmfExporter("watchdog", "prod", stream=lambda: stream, now=lambda: NOW)
    for value in (1, 2):
        exporter.measure(Metric.RECORDS_PROCESSED, value, {})
        exporter.measure(Metric.STAGE_DURATION, value, {})
        exporter.measure(Metric.ALERTS_PENDING, 7, {})
        with pytest.raises(OSError, match="no space left"):
            exporter.flush(SECOND)
    stream.fails = False
    exporter.flush(SECOND)
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert line["interlock.records.processed"] == 3
    assert line["interlock.stage.duration"] == [1, 2]
    assert line["interlock.alerts.pending"] == 7
    exporter.flush(SECOND)
    assert stream.getvalue().count("\n") == 1


def test_unwritten_values_do_not_grow_without_end() -> None:
    stream = Broken()
    exporter = EmfExporter("watchdog", "prod", stream=lambda: stream, now=lambda: NOW)
    for _ in range(3):
        for value in range(6000):
            exporter.measure(Metric.STAGE_DURATION, value, {})
        with pytest.raises(OSError, match="no space left"):
            exporter.flush(SECOND)
    stream.fails = False
    exporter.flush(SECOND)
    lines = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert sum(len(line["interlock.stage.duration"]) for line in lines) == 10_000


def test_unknown_deployment_is_no_dimension() -> None:
    emf = Emf("")
    emf.measure(Metric.RECORDS_PROCESSED)
    (line,) = emf.flush()
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_each_metric_fits_into_one_line() -> None:
    emf = Emf()
    for metric in Metric:
        emf.measure(metric, 1, stage="a", target="b")
    (line,) = emf.flush()
    assert line.keys() >= {str(metric) for metric in INSTRUMENTS}


def test_counter_is_the_sum_since_the_last_flush() -> None:
    emf = Emf()
    emf.measure(Metric.DLQ_ROUTED, 2, service="a")
    emf.measure(Metric.DLQ_ROUTED, 3, service="b")
    assert [line["interlock.dlq.routed"] for line in emf.flush()] == [5]
    assert emf.flush() == []
    emf.measure(Metric.DLQ_ROUTED, 1)
    assert [line["interlock.dlq.routed"] for line in emf.flush()] == [1]


def test_gauge_is_the_highest_of_its_levels() -> None:
    emf = Emf()
    emf.measure(Metric.BREAKER_STATE, 2, target="a")
    emf.measure(Metric.BREAKER_STATE, 1, target="b")
    assert [line["interlock.breaker.state"] for line in emf.flush()] == [2]
    emf.measure(Metric.BREAKER_STATE, 0, target="a")
    emf.measure(Metric.BREAKER_STATE, 1, target="b")
    assert [line["interlock.breaker.state"] for line in emf.flush()] == [1]


def test_gauge_has_no_level_of_an_earlier_flush() -> None:
    emf = Emf()
    emf.measure(Metric.ALERTS_PENDING, 7, target="a")
    emf.measure(Metric.ALERTS_PENDING, 2, target="b")
    assert [line["interlock.alerts.pending"] for line in emf.flush()] == [7]
    emf.measure(Metric.ALERTS_PENDING, 1, target="b")
    assert [line["interlock.alerts.pending"] for line in emf.flush()] == [1]
    assert emf.flush() == []


def test_newer_level_replaces_one_that_was_not_written() -> None:
    stream = Broken()
    exporter = EmfExporter("watchdog", "prod", stream=lambda: stream, now=lambda: NOW)
    exporter.measure(Metric.ALERTS_PENDING, 7, {"target": "a"})
    exporter.measure(Metric.ALERTS_PENDING, 3, {"target": "b"})
    with pytest.raises(OSError, match="no space left"):
        exporter.flush(SECOND)
    exporter.measure(Metric.ALERTS_PENDING, 0, {"target": "a"})
    stream.fails = False
    exporter.flush(SECOND)
    assert json.loads(stream.getvalue())["interlock.alerts.pending"] == 3


def test_a_gauge_is_the_highest_last_value_of_its_attributes() -> None:
    emf = Emf()
    for value, target in ((2, "a"), (0, "a"), (1, "b")):
        emf.measure(Metric.BREAKER_STATE, value, target=target)
    assert [line["interlock.breaker.state"] for line in emf.flush()] == [1]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (2, [2]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_values_of_a_histogram_are_split_after_a_hundred(count: int, sizes: list[int]) -> None:
    emf = Emf()
    emf.measure(Metric.RECORDS_PROCESSED)
    for value in range(count):
        emf.measure(Metric.RUN_LATENESS, value, clock="absolute")
    lines = emf.flush()
    values = [line["interlock.run.lateness"] for line in lines]
    assert [len(found) if isinstance(found, list) else 1 for found in values] == sizes
    parts = [found if isinstance(found, list) else [found] for found in values]
    assert [value for part in parts for value in part] == list(range(count))
    assert sum("interlock.records.processed" in line for line in lines) == 1


WORK = """
import sys
from interlock_telemetry import Metric, flush, instrument, measure, span, traceparent
print(instrument("watchdog"), file=sys.stderr)
with span("tick"):
    measure(Metric.RECORDS_PROCESSED, 3)
flush()
print([name for name in ("opentelemetry", "boto3") if name in sys.modules], traceparent(), file=sys.stderr)
"""


def run(**variables: str) -> tuple[list[str], list[str]]:
    done = subprocess.run([sys.executable, "-c", WORK], env=variables, capture_output=True, text=True, check=True)
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_variable_selects_the_exporter_of_a_function() -> None:
    lines, said = run(INTERLOCK_METRICS="emf", AWS_LAMBDA_FUNCTION_NAME="prod-interlock-watchdog")
    (line,) = [json.loads(line) for line in lines]
    assert (line["service"], line["environment"], line["interlock.records.processed"]) == ("watchdog", "prod", 3)
    assert said == ["True", "[] None"]


def test_without_the_variable_nothing_is_written() -> None:
    assert run() == ([], ["False", "[] None"])


@pytest.mark.parametrize(("written", "read"), [({}, "otlp"), ({"INTERLOCK_METRICS": "emf"}, "emf")])
def test_setting_has_the_selected_exporter(written: dict[str, str], read: str) -> None:
    assert environment(source=written).metrics == read
