"""How an execution begins: windows that fit into its timeout, and no more polls than its history holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock_config import PipelineConfig, decode_yaml
from interlock_lifecycle import Run, RunKey
from interlock_lifecycle.runs import execution_input, execution_windows, open_run
from interlock_sla import parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
KEY = RunKey("bronze", "stream", parse_execution_date("2026-03-03"))
HOUR = 3600


def pipeline(window: int, interval: int, poll: int, *, delay: str = "0s") -> PipelineConfig:
    return decode_yaml(
        f"""
pipeline: {{id: bronze}}
schedule: {{trigger: {{key: ready, check: exists}}, evaluation: {{window: {window}s, interval: {interval}s}}}}
validation: {{rules: [{{key: ready, check: exists}}]}}
job: {{type: command, config: {{command: "true"}}, jobPollWindowSeconds: {poll}, retryDelay: {delay}, maxRetries: 3}}
""",
        "bronze.yaml",
    )


@pytest.fixture
def run() -> Run:
    return open_run(KEY, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None).run


@pytest.mark.parametrize(
    ("wanted", "timeout", "given"),
    [
        ((HOUR, HOUR), 4 * HOUR, (HOUR, HOUR)),
        ((10 * HOUR, HOUR), 4 * HOUR, (4 * HOUR - 300 - HOUR, HOUR)),
        ((HOUR, 10 * HOUR), 4 * HOUR, (HOUR, 4 * HOUR - 300 - HOUR)),
        ((10 * HOUR, 10 * HOUR), 4 * HOUR, (7050, 7050)),
        ((HOUR, HOUR), 2 * HOUR + 300, (HOUR, HOUR)),
        ((HOUR, HOUR), 2 * HOUR + 299, (HOUR, HOUR - 1)),
        ((HOUR, HOUR), 300, (1, 1)),
    ],
)
def test_windows_are_cut_to_the_timeout_and_the_job_keeps_half(
    run: Run, wanted: tuple[int, int], timeout: int, given: tuple[int, int]
) -> None:
    windows = execution_windows(run, pipeline(wanted[0], 60, wanted[1]), timedelta(seconds=timeout))
    assert (windows.evaluation_window, windows.job_poll_window) == given


def test_a_retrys_delay_is_part_of_its_time(run: Run) -> None:
    retry = replace(run, attempt=1, reason="job-fail-retry")
    windows = execution_windows(retry, pipeline(10 * HOUR, 60, HOUR, delay="30m"), timedelta(hours=4))
    assert (windows.evaluation_window, windows.job_poll_window) == (4 * HOUR - 300 - 1800 - HOUR, HOUR)


def test_windows_of_few_polls_are_looked_at_as_often_as_asked(run: Run) -> None:
    windows = execution_windows(run, pipeline(HOUR, 30, HOUR), timedelta(hours=4))
    assert (windows.evaluation_interval, windows.job_check_interval, windows.polls) == (30, 60, 200)


def test_windows_of_too_many_polls_get_longer_intervals(run: Run) -> None:
    windows = execution_windows(run, pipeline(24 * HOUR, 44, 24 * HOUR), timedelta(hours=50))
    assert (windows.evaluation_window, windows.job_poll_window) == (24 * HOUR, 24 * HOUR)
    assert (windows.evaluation_interval, windows.job_check_interval) == (128, 175)
    assert 1150 < windows.polls <= 1200
    reported = execution_input(run, pipeline(24 * HOUR, 44, 24 * HOUR), None, timedelta(hours=50))["config"]
    assert (reported["evaluationIntervalSeconds"], reported["jobCheckIntervalSeconds"]) == (128, 175)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    window=st.integers(60, 24 * HOUR),
    every=st.integers(1, HOUR),
    poll=st.integers(60, 24 * HOUR),
    timeout=st.integers(60, 400 * HOUR),
    has_config=st.booleans(),
)
@example(window=86400, every=44, poll=86400, timeout=50 * HOUR, has_config=True)
@example(window=86400, every=44, poll=60, timeout=50 * HOUR, has_config=True)
@example(window=60, every=60, poll=60, timeout=50 * HOUR, has_config=False)
def test_no_execution_exceeds_its_polls_or_timeout(
    window: int, every: int, poll: int, timeout: int, has_config: bool
) -> None:
    run = open_run(KEY, decided_at=NOW, execution_timeout=timedelta(hours=4), arrived_at=None).run
    interval = min(max(every, -(-window // 2000)), window)
    config = pipeline(window, interval, poll) if has_config else None
    windows = execution_windows(run, config, timedelta(seconds=timeout))
    assert windows.polls <= 1200
    assert windows.evaluation_window + windows.job_poll_window <= max(timeout - 300, 2)
    assert windows.evaluation_interval >= 1
