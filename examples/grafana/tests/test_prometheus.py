"""A real Prometheus answers each query of the dashboard with the metrics that the product's exporter records.

INTERLOCK_TEST_PROMETHEUS is the executable of Prometheus. OpenTelemetry's exporter for Prometheus names the series.
"""

import json
import math
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from interlock_telemetry import Metric
from interlock_telemetry._otlp import OtelExporter

FOLDER = Path(__file__).parents[1]
JOB = "interlock/watchdog"
PATIENCE = 120.0


@pytest.fixture(scope="module")
def metrics() -> Iterator[tuple[OtelExporter, str]]:
    """The exporter of a Lambda, and the address at which Prometheus reads its metrics."""
    if "INTERLOCK_TEST_PROMETHEUS" not in os.environ:
        pytest.skip("INTERLOCK_TEST_PROMETHEUS is not set (`nox -s prometheus` sets it)")
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from prometheus_client import start_http_server

    exporter = OtelExporter("watchdog", InMemorySpanExporter(), PrometheusMetricReader())
    server, thread = start_http_server(0, addr="127.0.0.1")
    yield exporter, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    exporter.shutdown()


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """The address of a Prometheus that reads the target each second."""
    scrape = {"job_name": JOB, "static_configs": [{"targets": [target]}]}
    settings = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    (folder / "prometheus.json").write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        os.environ["INTERLOCK_TEST_PROMETHEUS"],
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as server,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def answer(url: str, query: str) -> list[dict[str, Any]]:
    """The series of an instant query, an empty list while the server starts."""
    try:
        with urlopen(f"{url}/api/v1/query?{urlencode({'query': query})}", timeout=10) as response:
            found = json.load(response)
    except URLError as error:
        if isinstance(error.reason, ConnectionRefusedError) or getattr(error, "code", None) == 503:
            return []
        raise
    assert found["status"] == "success"
    series: list[dict[str, Any]] = found["data"]["result"]
    return series


def shown(series: list[dict[str, Any]]) -> bool:
    return bool(series) and all(math.isfinite(float(one["value"][1])) for one in series)


def test_prometheus_answers_each_query_of_the_dashboard(metrics: tuple[OtelExporter, str], tmp_path: Path) -> None:
    exporter, target = metrics
    panels = json.loads((FOLDER / "prometheus.json").read_text())["panels"]
    targets = [target for panel in panels for target in panel["targets"]]
    open_queries = {one["expr"].replace("$__rate_interval", "30s"): one for one in targets}
    answers: dict[str, list[dict[str, Any]]] = {}
    with prometheus(tmp_path, target) as url:
        end = time.monotonic() + PATIENCE
        while open_queries and time.monotonic() < end:
            for metric in Metric:
                exporter.measure(metric, 1.0, {"stage": "tick"} if metric is Metric.STAGE_OVERRUNS else {})
            time.sleep(0.5)
            for query in [*open_queries]:
                if shown(series := answer(url, query)):
                    answers[query] = series
                    del open_queries[query]
    assert [*open_queries] == []
    assert len(answers) == len(targets) == len(Metric)
    for query, series in answers.items():
        labels = [one["metric"] for one in series]
        # The legend of a series is its job. A quantile is one series.
        assert labels == ([{}] if query.startswith("histogram_quantile") else [{"job": JOB}]), query
        assert all(float(one["value"][1]) > 0 for one in series), query
