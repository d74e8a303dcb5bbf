"""The Grafana dashboards show each metric of the packages, by the names that it has in both sources."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from interlock_telemetry import Metric
from interlock_telemetry._metrics import INSTRUMENTS

FOLDER = Path(__file__).parents[1]
SOURCES = ("cloudwatch", "prometheus")
# The metrics of AWS's documentation, with the dimension that selects them.
OF_AWS = {
    ("AWS/Lambda,FunctionName", "Errors"),
    ("AWS/Lambda,FunctionName", "IteratorAge"),
    ("AWS/Lambda,FunctionName", "Throttles"),
    ("AWS/SQS,QueueName", "ApproximateNumberOfMessagesVisible"),
    ("AWS/States,StateMachineArn", "ExecutionsFailed"),
    ("AWS/States,StateMachineArn", "ExecutionsStarted"),
    ("AWS/States,StateMachineArn", "ExecutionsSucceeded"),
}


@pytest.fixture(scope="session")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grafana_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def panels(source: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{source}.json").read_text())["panels"]
    return found


def queries(source: str) -> list[str]:
    """The queries of a dashboard's file."""
    key = "expression" if source == "cloudwatch" else "expr"
    return [target[key] for panel in panels(source) for target in panel["targets"]]


def prometheus_name(metric: Metric) -> str:
    """The name of a metric in Prometheus, as OpenTelemetry's specification of the translation makes it."""
    instrument = INSTRUMENTS[metric]
    name = str(metric).replace(".", "_") + ("_seconds" if instrument.unit == "s" else "")
    return name + {"counter": "_total", "histogram": "_bucket", "gauge": ""}[instrument.kind]


@pytest.mark.parametrize("source", SOURCES)
def test_the_files_are_those_of_the_script(make: ModuleType, source: str) -> None:
    assert (FOLDER / f"{source}.json").read_text() == make.text_of(source)


def test_cloudwatch_shows_each_metric_with_its_dimensions() -> None:
    own = [one for one in queries("cloudwatch") if "{Interlock," in one]
    found = [re.fullmatch(r"SEARCH\('\{Interlock,environment,service\} MetricName=\"(.+?)\" .*", one) for one in own]
    assert sorted(one[1] for one in found if one) == sorted(map(str, Metric))
    assert all(found)


def test_cloudwatch_shows_metrics_of_aws_that_exist() -> None:
    others = [one for one in queries("cloudwatch") if "{Interlock," not in one]
    found = {re.match(r"SEARCH\('\{(.+?)\} MetricName=\"(.+?)\"", one).groups() for one in others}  # type: ignore[union-attr]
    assert found == OF_AWS


def test_prometheus_shows_each_metric_by_its_name() -> None:
    names = [name for one in queries("prometheus") for name in re.findall(r"interlock_\w+", one)]
    assert sorted(names) == sorted(prometheus_name(metric) for metric in Metric)


@pytest.mark.parametrize("source", SOURCES)
def test_a_counter_is_summed_and_a_histogram_has_a_quantile(source: str) -> None:
    forms = {
        "cloudwatch": {"counter": "'Sum'", "histogram": "'p90'", "gauge": "'Maximum'"},
        "prometheus": {"counter": "increase(", "histogram": "histogram_quantile(0.9,", "gauge": "max by"},
    }[source]
    for metric, instrument in INSTRUMENTS.items():
        name = str(metric) if source == "cloudwatch" else prometheus_name(metric)
        (query,) = [one for one in queries(source) if re.search(rf"\b{re.escape(name)}\b", one)]
        assert forms[instrument.kind] in query


@pytest.mark.parametrize("source", SOURCES)
def test_panels_do_not_overlap_and_have_words(source: str) -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels(source)]
    assert len(set(places)) == len(places)
    assert all(panel["title"] and panel["description"] for panel in panels(source))
    assert len({panel["id"] for panel in panels(source)}) == len(places)


@pytest.mark.parametrize("source", SOURCES)
def test_each_variable_of_a_query_is_defined(source: str) -> None:
    text = (FOLDER / f"{source}.json").read_text()
    defined = {one["name"] for one in json.loads(text)["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used - {"__rate_interval"} <= defined
