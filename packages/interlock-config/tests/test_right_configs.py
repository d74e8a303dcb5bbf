"""Right configs: their values, equal spellings, and the defaults."""

from datetime import date, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from interlock_config import ConfigError, JobType, PipelineConfig, decode_json, decode_yaml, encode_json, json_schema
from interlock_config._files._yaml import read_yaml
from interlock_rules import Check, Mode, Rule

FULL = """
pipeline: {id: bronze-orders, owner: data-platform, description: "Loads: the day's orders"}
schedule:
  cron: "0 8 * * mon-fri"
  timezone: Europe/Berlin
  time: "08:00"
  trigger: {key: orders-ready, check: gte, field: row_count, value: 1000, deadline: "12:00"}
  exclude: {weekends: true, dates: [2026-12-25], holidays: us-holidays}
  calendar: plant-closings
  evaluation: {window: 2h, interval: 1m30s}
sla: {deadline: "10:00", expectedDuration: 30m, maxDuration: 1.5h, timezone: Europe/Paris,
  critical: true, excludedDays: keep}
validation:
  trigger: ANY
  rules:
    - {key: orders-ready, check: exists}
    - {key: customers, check: age_lt, value: 6h}
job:
  type: glue
  config: {jobName: load-orders, arguments: {--table: orders}}
  maxRetries: 2
  maxCodeRetries: 0
  maxDriftReruns: 5
  maxManualReruns: 0
  jobPollWindowSeconds: 7200
  retryDelay: 90s
postRun:
  rules: [{key: counts, check: gt, field: n, value: 0}]
  driftField: count
  driftThreshold: 2.5
  sensorTimeout: 30m
dryRun: true
watch: {enabled: false}
"""
MINIMAL = """
pipeline: {id: orders}
schedule: {}
validation: {rules: [{key: orders, check: exists}]}
job: {type: command, config: {command: load}}
"""


def with_job(job: str) -> PipelineConfig:
    return decode_yaml(MINIMAL.replace("{type: command, config: {command: load}}", job))


def test_every_key_is_read() -> None:
    config = decode_yaml(FULL)
    schedule, sla, job, post_run = config.schedule, config.sla, config.job, config.post_run
    assert (config.id, config.pipeline.owner) == ("bronze-orders", "data-platform")
    assert config.pipeline.description == "Loads: the day's orders"
    assert (schedule.cron, schedule.timezone, schedule.time) == ("0 8 * * mon-fri", "Europe/Berlin", "08:00")
    assert schedule.trigger is not None
    assert schedule.trigger.deadline == "12:00"
    assert config.trigger_rule == Rule("orders-ready", Check.GTE, "row_count", 1000)
    assert schedule.exclude is not None
    assert (schedule.exclude.weekends, schedule.exclude.dates) == (True, (date(2026, 12, 25),))
    assert config.calendar_names == ("plant-closings", "us-holidays")
    assert schedule.evaluation.window == timedelta(hours=2)
    assert schedule.evaluation.interval == timedelta(seconds=90)
    assert sla is not None
    assert (sla.deadline, sla.timezone, sla.critical, sla.excluded_days) == ("10:00", "Europe/Paris", True, "keep")
    assert (sla.expected_duration, sla.max_duration) == (timedelta(minutes=30), timedelta(minutes=90))
    assert (config.validation.trigger, len(config.validation.rules)) == (Mode.ANY, 2)
    assert (job.type, job.config) == (
        JobType.GLUE,
        {"jobName": "load-orders", "arguments": {"--table": "orders"}},
    )
    assert (job.max_retries, job.max_code_retries, job.max_drift_reruns, job.max_manual_reruns) == (2, 0, 5, 0)
    assert (job.job_poll_window_seconds, job.retry_delay) == (7200, timedelta(seconds=90))
    assert post_run is not None
    assert (post_run.drift_field, post_run.drift_threshold) == ("count", 2.5)
    assert post_run.sensor_timeout == timedelta(minutes=30)
    assert (config.dry_run, config.watch.enabled) == (True, False)


def test_defaults() -> None:
    config = decode_yaml(MINIMAL)
    job, schedule = config.job, config.schedule
    assert (schedule.timezone, schedule.cron, schedule.trigger, schedule.exclude) == (None, None, None, None)
    assert schedule.evaluation.window == timedelta(hours=1)
    assert schedule.evaluation.interval == timedelta(minutes=5)
    assert (job.max_retries, job.max_code_retries, job.max_drift_reruns, job.max_manual_reruns) == (0, 1, 1, 1)
    assert (job.job_poll_window_seconds, job.retry_delay) == (3600, timedelta(0))
    assert (config.sla, config.post_run, config.dry_run, config.watch.enabled) == (None, None, False, True)
    assert config.validation.trigger is Mode.ALL


def test_post_run_defaults() -> None:
    config = decode_yaml(MINIMAL + "postRun: {rules: [{key: counts, check: exists}]}")
    assert config.post_run is not None
    assert (config.post_run.drift_field, config.post_run.drift_threshold) == ("sensor_count", 0)
    assert config.post_run.sensor_timeout == timedelta(hours=2)


def test_zero_disables_and_a_missing_key_means_the_default() -> None:
    zeros = "maxRetries: 0, maxCodeRetries: 0, maxDriftReruns: 0, maxManualReruns: 0"
    job = with_job(f"{{type: command, config: {{command: load}}, {zeros}}}").job
    assert (job.max_retries, job.max_code_retries, job.max_drift_reruns, job.max_manual_reruns) == (0, 0, 0, 0)


def test_a_poll_window_of_zero_is_the_default() -> None:
    job = with_job("{type: command, config: {command: load}, jobPollWindowSeconds: 0}").job
    assert job.job_poll_window_seconds == 3600


@pytest.mark.parametrize("mode", ["any", "Any", "ANY", "aNy"])
def test_the_mode_in_any_letter_case(mode: str) -> None:
    config = decode_yaml(MINIMAL.replace("{rules:", f"{{trigger: {mode}, rules:"))
    assert config.validation.trigger is Mode.ANY


@pytest.mark.parametrize(
    ("snake", "camel"),
    [
        (
            '{type: airflow, config: {url: "https://a.example.com", dag_id: load}}',
            {"url": "https://a.example.com", "dagID": "load"},
        ),
        (
            "{type: command, config: {command: load, working_directory: /opt/jobs}}",
            {"command": "load", "workingDirectory": "/opt/jobs"},
        ),
        ("{type: glue, config: {job_name: load}}", {"jobName": "load"}),
        (
            "{type: emr, config: {cluster_id: j-1, step_name: load, command: x.jar}}",
            {"clusterId": "j-1", "stepName": "load", "command": "x.jar"},
        ),
        (
            "{type: emr-serverless, config: {application_id: a, execution_role_arn: 'arn:aws:iam::1:role/r', "
            "job_name: load, job_driver: {sparkSubmit: {entryPoint: x}}}}",
            {
                "applicationId": "a",
                "executionRoleArn": "arn:aws:iam::1:role/r",
                "jobName": "load",
                "jobDriver": {"sparkSubmit": {"entryPoint": "x"}},
            },
        ),
        (
            "{type: step-function, config: {state_machine_arn: 'arn:aws:states:x:1:stateMachine:m'}}",
            {"stateMachineArn": "arn:aws:states:x:1:stateMachine:m"},
        ),
        (
            '{type: databricks, config: {workspace_url: "https://d.example.com", job_id: 620}}',
            {"workspaceUrl": "https://d.example.com", "jobId": 620},
        ),
        ("{type: lambda, config: {function_name: load}}", {"functionName": "load"}),
    ],
)
def test_snake_case_job_keys_become_camel_case(snake: str, camel: dict[str, Any]) -> None:
    assert with_job(snake).job.config == camel


@pytest.mark.parametrize(
    "job",
    [
        '{type: http, config: {url: "http://10.0.0.1/run"}}',
        '{type: http, config: {url: "${INTERLOCK_URL}/x", method: PUT, headers: {X: y, N: 3}, body: b, timeout: 5}}',
        '{type: http, config: {url: "https://me:pass@word@a.example.com:65535?x"}}',
        '{type: http, config: {url: "http://[::1]:8080/run"}}',
        '{type: http, config: {url: "http://a:/run#x"}}',
        '{type: http, config: {url: "https://${INTERLOCK_HOST}.example.com:${INTERLOCK_PORT}"}}',
        '{type: http, config: {url: "https://a.example.com", body: {deep: [1, null, {a: true}]}, timeout: 0.5}}',
        "{type: command, config: {command: \"python -m load 'a b'\"}}",
        "{type: command, config: {command: load, workingDirectory: '${INTERLOCK_HOME}/jobs'}}",
        '{type: airflow, config: {url: "https://a.example.com", dagID: load, body: {conf: {}}, headers: {}}}',
        "{type: glue, config: {jobName: load}}",
        "{type: emr, config: {clusterId: j-1, stepName: s, command: c, arguments: [a, 1]}}",
        "{type: emr, config: {clusterId: j-1, stepName: s, command: c, arguments: {--a: b}}}",
        "{type: step-function, config: {stateMachineArn: '${INTERLOCK_MACHINE}', arguments: {a: [1]}}}",
        '{type: databricks, config: {workspaceUrl: "https://d.example.com", jobId: "620", headers: {A: b}}}',
        "{type: databricks, config: {workspaceUrl: 'https://d.example.com', jobId: '${INTERLOCK_JOB}'}}",
        "{type: lambda, config: {functionName: load, payload: {a: 1}}}",
        "{type: lambda, config: {functionName: load, payload: [null, {b: null}]}}",
        '{type: http, config: {url: "https://a.example.com", method: get}}',
        "{type: lambda, config: {functionName: load, payload: '{\"a\": 1}'}}",
    ],
)
def test_complete_jobs_of_every_type(job: str) -> None:
    config = with_job(job)
    assert decode_json(encode_json(config)) == config


def test_a_timeout_may_be_a_duration_and_is_kept_in_seconds() -> None:
    timeouts = [
        with_job(f'{{type: http, config: {{url: "https://a.example.com", timeout: {text}}}}}').job.config["timeout"]
        for text in ("1m30s", "500ms", "20")
    ]
    assert timeouts == [90, 0.5, 20]


def test_arguments_and_headers_are_kept_as_text() -> None:
    config = with_job(
        '{type: http, config: {url: "https://a.example.com", headers: {Retries: 3, Debug: true}}}'
    ).job.config
    assert config["headers"] == {"Retries": "3", "Debug": "true"}


@pytest.mark.parametrize(
    "cron",
    [
        "0 8 * * *",
        "0 8,12 * * mon-fri",
        "15 */2 * * *",
        "0 0 l * *",
        "0 9 * * fri#2",
        "30 6 1 jan *",
        "59 23 31 12 7",
        "0 9 15W,LW * ?",
        "0 9 L-3,L-5W * *",
        "0 9 ? * 5L,monL",
    ],
)
def test_crons(cron: str) -> None:
    text = MINIMAL.replace("schedule: {}", f'schedule: {{cron: "{cron}"}}')
    config = decode_yaml(text)
    assert config.cron is not None
    assert config.cron.text == cron
    assert decode_json(encode_json(config)) == config
    assert Draft202012Validator(json_schema()).is_valid(read_yaml(text, "")[0])


@pytest.mark.parametrize(
    ("window", "interval"), [("1s", "1s"), ("2000s", "1s"), ("1h", "1h"), ("24h", "43.2s"), ("1h", "1.8s")]
)
def test_evaluation_windows_at_their_bounds(window: str, interval: str) -> None:
    config = decode_yaml(
        MINIMAL.replace("schedule: {}", f"schedule: {{evaluation: {{window: {window}, interval: {interval}}}}}")
    )
    assert config.schedule.evaluation.window.text == window


def test_bounds_that_are_allowed() -> None:
    job = "maxRetries: 10, maxCodeRetries: 3, maxDriftReruns: 5, maxManualReruns: 5, retryDelay: 1h"
    for window in (60, 86400):
        with_job(f"{{type: command, config: {{command: load}}, {job}, jobPollWindowSeconds: {window}}}")
    with_trigger = MINIMAL.replace("schedule: {}", "schedule: {trigger: {key: a, check: exists}}")
    config = decode_yaml(with_trigger + "sla: {maxDuration: 24h}\ndryRun: true")
    assert config.dry_run


def test_json_is_compact_and_camel_case() -> None:
    assert encode_json(decode_yaml(MINIMAL)) == (
        '{"pipeline":{"id":"orders"},"schedule":{},"validation":{"rules":[{"key":"orders","check":"exists"}]},'
        '"job":{"type":"command","config":{"command":"load"}}}'
    )


def test_durations_keep_their_spelling() -> None:
    text = encode_json(decode_yaml(FULL))
    assert '"maxDuration":"1.5h"' in text
    assert '"interval":"1m30s"' in text


def test_the_file_and_its_json_mean_the_same() -> None:
    config = decode_yaml(FULL)
    assert decode_json(encode_json(config)) == config
    assert decode_json(encode_json(config).encode()) == config


@pytest.mark.parametrize("value", ["5", "[a]", "{a: b}", "true"])
def test_a_working_directory_is_text(value: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        with_job(f"{{type: command, config: {{command: load, workingDirectory: {value}}}}}")
    (problem,) = wrong.value.problems
    assert problem.path == "job.config.workingDirectory"
