"""Pipelines, moments and runs that the lifecycle's tests share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import Run, RunKey, RunStatus, Verdict
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)

PIPELINE = """
pipeline: {id: bronze-orders}
schedule:
  timezone: Europe/Berlin
  trigger: {key: landing, check: equals, field: complete, value: true}
  evaluation: {window: 10m, interval: 1m}
sla: {maxDuration: 30m, expectedDuration: 10m}
validation:
  trigger: ALL
  rules:
    - {key: landing, check: gte, field: count, value: 100}
job: {type: command, config: {command: "true"}, maxRetries: 1}
"""


@pytest.fixture
def configure() -> Callable[..., PipelineConfig]:
    """A pipeline like the standard one, with pieces of its file replaced."""

    def make(**replaced: str) -> PipelineConfig:
        text = PIPELINE
        for old, new in replaced.items():
            text = text.replace(PIECES[old], new)
        return decode_yaml(text, "bronze.yaml")

    return make


PIECES = {
    "sla": "sla: {maxDuration: 30m, expectedDuration: 10m}\n",
    "retries": "maxRetries: 1",
    "timezone": "timezone: Europe/Berlin",
    "job": 'job: {type: command, config: {command: "true"}, maxRetries: 1}',
}


@pytest.fixture
def config(configure: Callable[..., PipelineConfig]) -> PipelineConfig:
    return configure()


@pytest.fixture
def key() -> RunKey:
    return RunKey("bronze-orders", "stream", parse_execution_date("2026-03-03T11"))


@pytest.fixture
def run(key: RunKey) -> Run:
    """A started run of attempt 0 that holds its date."""
    return Run(
        key=key,
        status=RunStatus.RUNNING,
        attempt=0,
        run_token="token0",
        committed_at=NOW,
        started_token="token0",
        started_at=NOW,
        lease_until=NOW + timedelta(hours=4, minutes=30),
    )


@pytest.fixture
def no_sla(key: RunKey) -> SlaFacts:
    return SlaFacts(None, Verdict(key))


@pytest.fixture
def arrived(key: RunKey) -> SlaFacts:
    """The relative clock runs since NOW."""
    return SlaFacts(NOW, Verdict(key))
