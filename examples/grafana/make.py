"""Writes the two Grafana dashboards of this folder: `python examples/grafana/make.py`.

`cloudwatch.json` reads the metrics that functions write with INTERLOCK_METRICS=emf, and those of AWS. `prometheus.json`
reads the same metrics from a Prometheus that a collector of OpenTelemetry fills. docs/reference/environment.md §5 lists
the metrics.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
SCHEMA = 39
"""The schema of Grafana 11. A newer Grafana converts it."""

WIDTH, HEIGHT, COLUMNS = 8, 8, 3
RATE = "$__rate_interval"


class Panel(NamedTuple):
    """A panel of metrics of the packages. kind: `counter`, `histogram` or `gauge`. unit: that of Grafana."""

    title: str
    kind: str
    unit: str
    metrics: tuple[str, ...]
    description: str


PANELS = (
    Panel(
        "Lateness of runs (p90)",
        "histogram",
        "s",
        ("interlock.run.lateness",),
        "Time from the deadline to the completion, 0 for a completion in time.",
    ),
    Panel(
        "Held runs and start delay (p90)",
        "histogram",
        "s",
        ("interlock.run.held.duration", "interlock.run.start.delay"),
        "Time for which rules held a run, and time from the first sensor to the start of the job.",
    ),
    Panel(
        "Records",
        "counter",
        "short",
        ("interlock.records.processed", "interlock.dlq.routed", "interlock.batch.failures"),
        "Handled records, dead letters, and records that their source delivers again.",
    ),
    Panel(
        "Alerts that wait",
        "gauge",
        "short",
        ("interlock.alerts.pending",),
        "Alerts that wait for their targets.",
    ),
    Panel(
        "Slack and circuit breakers",
        "gauge",
        "short",
        ("interlock.slack.faults", "interlock.breaker.state"),
        "1 if Slack rejects its token or channel. Circuit breakers: 0 closed, 1 half open, 2 open.",
    ),
    Panel(
        "Canary of the alerts (p90)",
        "histogram",
        "s",
        ("interlock.canary.latency",),
        "Time from the send of a canary to Slack's answer.",
    ),
    Panel(
        "Wakes and stages (p90)",
        "histogram",
        "s",
        ("interlock.wake.latency", "interlock.stage.duration"),
        "Time from the record of a wake to the look that follows it, and duration of a stage.",
    ),
    Panel(
        "Rules, overruns and lost reports",
        "counter",
        "short",
        ("interlock.rules.evaluated", "interlock.stage.overruns", "interlock.dead_man.failures"),
        "Evaluated rules, stages that outlasted STAGE_TIMEOUT, and reports that did not reach DEAD_MAN_URL.",
    ),
    Panel(
        "Busy workers (p90)",
        "histogram",
        "short",
        ("interlock.pool.active",),
        "Most workers that were busy at once, for each pool of tasks.",
    ),
)

OF_AWS = (
    (
        "Executions",
        "AWS/States",
        "Sum",
        ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed"),
        "StateMachineArn",
    ),
    ("Errors of the functions", "AWS/Lambda", "Sum", ("Errors", "Throttles"), "FunctionName"),
    ("Age of the streams", "AWS/Lambda", "Maximum", ("IteratorAge",), "FunctionName"),
    ("Messages of the queues", "AWS/SQS", "Maximum", ("ApproximateNumberOfMessagesVisible",), "QueueName"),
)
"""Title, namespace, statistic, metrics and dimension of a panel of AWS's own metrics.

The values of the dimension begin with the name of the environment.
"""


def prometheus_of(metric: str, panel: Panel) -> str:
    """The query of a metric in PromQL, with the name that OpenTelemetry's rules for Prometheus give it."""
    name = metric.replace(".", "_")
    if panel.kind == "counter":
        return f"sum by (job) (increase({name}_total{{{SELECTED}}}[{RATE}]))"
    if panel.kind == "gauge":
        # A collector adds _ratio to a gauge with the unit 1. The exporter for Python does not.
        return f'max by (job) ({{__name__=~"{name}(_ratio)?", {SELECTED}}})'
    unit = "_seconds" if panel.unit == "s" else ""
    return f"histogram_quantile(0.9, sum by (le) (increase({name}{unit}_bucket{{{SELECTED}}}[{RATE}])))"


SELECTED = 'job=~"interlock/.*"'
"""The job of a series is the namespace and the name of the service, as OpenTelemetry's rules make it.

Each series has a job, while only some metrics have the attribute `service`.
"""


def cloudwatch_of(metric: str, panel: Panel) -> str:
    """The search of a metric in CloudWatch. A dimension that is missing or added finds nothing."""
    stat = {"counter": "Sum", "gauge": "Maximum", "histogram": "p90"}[panel.kind]
    return _search_of("Interlock,environment,service", f'MetricName="{metric}" environment="$environment"', stat)


def _search_of(dimensions: str, words: str, stat: str) -> str:
    return f"SEARCH('{{{dimensions}}} {words}', '{stat}', 300)"


def dashboard(source: str) -> dict[str, Any]:
    """The dashboard of a source: `cloudwatch` or `prometheus`."""
    panels = [*_own(source), *(_of_aws() if source == "cloudwatch" else ())]
    return {
        "title": f"Interlock ({'CloudWatch' if source == 'cloudwatch' else 'Prometheus'})",
        "uid": f"interlock-{source}",
        "description": "Runs, alerts and records of a deployment of Interlock.",
        "tags": ["interlock"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "timezone": "browser",
        "refresh": "5m",
        "time": {"from": "now-12h", "to": "now"},
        "templating": {"list": [*_variables(source)]},
        "panels": [_placed(number, panel) for number, panel in enumerate(panels)],
    }


def _variables(source: str) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": source, "refresh": 1}
    if source == "cloudwatch":
        yield {"name": "region", "label": "Region", "type": "textbox", "query": "default"}
        yield {"name": "environment", "label": "Environment", "type": "textbox", "query": "prod"}


def _own(source: str) -> Iterator[dict[str, Any]]:
    for panel in PANELS:
        build = _cloudwatch_target if source == "cloudwatch" else _prometheus_target
        targets = [build(metric, panel, "ABC"[number]) for number, metric in enumerate(panel.metrics)]
        yield _panel(panel.title, panel.description, panel.unit, source, targets)


def _of_aws() -> Iterator[dict[str, Any]]:
    for title, namespace, stat, metrics, dimension in OF_AWS:
        targets = [
            _search(
                _search_of(f"{namespace},{dimension}", f'MetricName="{metric}" "$environment-interlock"', stat),
                metric,
                "ABC"[number],
            )
            for number, metric in enumerate(metrics)
        ]
        unit = "ms" if metrics == ("IteratorAge",) else "short"
        yield _panel(title, f"Metrics of {namespace}.", unit, "cloudwatch", targets)


def _prometheus_target(metric: str, panel: Panel, letter: str) -> dict[str, Any]:
    legend = metric.removeprefix("interlock.")
    return {
        "refId": letter,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "expr": prometheus_of(metric, panel),
        "legendFormat": legend if panel.kind == "histogram" else f"{legend} {{{{job}}}}",
    }


def _cloudwatch_target(metric: str, panel: Panel, letter: str) -> dict[str, Any]:
    return _search(cloudwatch_of(metric, panel), metric.removeprefix("interlock."), letter)


def _search(expression: str, label: str, letter: str) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": {"type": "cloudwatch", "uid": "${datasource}"},
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "metricEditorMode": 1,
        "region": "$region",
        "expression": expression,
        "id": f"q{letter.lower()}",
        "label": f"{label} ${{LABEL}}",
    }


def _panel(title: str, description: str, unit: str, source: str, targets: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": {"type": source, "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _placed(number: int, panel: dict[str, Any]) -> dict[str, Any]:
    place = {"x": WIDTH * (number % COLUMNS), "y": HEIGHT * (number // COLUMNS), "w": WIDTH, "h": HEIGHT}
    return {"id": number + 1, "gridPos": place, **panel}


def text_of(source: str) -> str:
    """The content of a dashboard's file."""
    return json.dumps(dashboard(source), indent=2) + "\n"


if __name__ == "__main__":
    for name in ("cloudwatch", "prometheus"):
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")
