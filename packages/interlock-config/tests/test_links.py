"""The pages of jobs: the addresses of the runs that configs and run ids name, in their regions and partitions."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_config import (
    JobLinks,
    JobType,
    LogPlace,
    alarm_link,
    execution_arn,
    execution_link,
    execution_name,
    job_links,
    log_link,
)

EU = "https://eu-west-1.console.aws.amazon.com"
GLUE = f"{EU}/gluestudio/home?region=eu-west-1"
FUNCTIONS = f"{EU}/lambda/home?region=eu-west-1#/functions"
MACHINE = "arn:aws-cn:states:cn-north-1:123456789012:execution:load:orders-2026"
CASES: list[tuple[str, Mapping[str, Any], str, str, str]] = [
    (
        "glue",
        {"jobName": "load/a b"},
        "jr_8",
        "Glue run",
        f"{EU}/gluestudio/home?region=eu-west-1#/job/load%2Fa%20b/run/jr_8",
    ),
    ("glue", {"job_name": "load"}, "jr_8", "Glue run", f"{EU}/gluestudio/home?region=eu-west-1#/job/load/run/jr_8"),
    ("emr", {"clusterId": "j-2A"}, "s-1", "EMR cluster", f"{EU}/emr/home?region=eu-west-1#/clusterDetails/j-2A"),
    (
        "emr-serverless",
        {"applicationId": "00f1"},
        "00g2",
        "EMR Serverless application",
        f"{EU}/emr/home?region=eu-west-1#/serverless/applications/00f1",
    ),
    (
        "step-function",
        {"stateMachineArn": "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:load"},
        MACHINE,
        "Step Functions execution",
        f"https://cn-north-1.console.amazonaws.cn/states/home?region=cn-north-1#/v2/executions/details/{MACHINE}",
    ),
    (
        "lambda",
        {"functionName": "load:live"},
        "sync",
        "Lambda function",
        f"{EU}/lambda/home?region=eu-west-1#/functions/load",
    ),
    (
        "lambda",
        {"functionName": "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:load:7"},
        "sync",
        "Lambda function",
        "https://us-gov-west-1.console.amazonaws-us-gov.com/lambda/home?region=us-gov-west-1#/functions/load",
    ),
    (
        "databricks",
        {"workspaceUrl": "https://me:pw@a.cloud.databricks.com/?o=1", "jobId": 620},
        "77",
        "Databricks run",
        "https://a.cloud.databricks.com/jobs/620/runs/77",
    ),
    (
        "airflow",
        {"url": "http://[::1]:8080/base/api/v1", "dagID": "load"},
        "a b",
        "Airflow run",
        "http://[::1]:8080/base/dags/load/grid?dag_run_id=a%20b",
    ),
    (
        "airflow",
        {"url": "https://a.example/api/v2/", "dagId": "x"},
        "r",
        "Airflow run",
        "https://a.example/dags/x/runs/r",
    ),
]


@pytest.mark.parametrize(("kind", "config", "run_id", "label", "url"), CASES)
def test_each_job_type_has_the_page_of_its_run(
    kind: str, config: Mapping[str, Any], run_id: str, label: str, url: str
) -> None:
    run = job_links(kind, config, run_id, region="eu-west-1").run
    assert run is not None
    assert (run.label, run.url) == (label, url)


def test_every_type_but_command_and_http_has_a_case() -> None:
    assert {kind for kind, *_ in CASES} == set(JobType) - {"command", "http"}


@pytest.mark.parametrize("kind", ["command", "http", "unknown"])
def test_types_without_pages_have_no_link(kind: str) -> None:
    config = {"url": "https://a.example/?token=s3cr3t", "command": "true"}
    assert job_links(kind, config, "sync", region="eu-west-1") == JobLinks()


@pytest.mark.parametrize("api", ["v1", "v2", None])
def test_the_answer_of_a_start_names_the_airflow_version(api: str | None) -> None:
    page = {"v1": "/grid?dag_run_id=r", "v2": "/runs/r", None: ""}[api]
    config = {"url": "https://a.example", "dagID": "load"}
    run = job_links("airflow", config, "r", details={"api": api} if api else {}).run
    assert run is not None
    assert run.url == f"https://a.example/dags/load{page}"


@pytest.mark.parametrize(
    ("kind", "config", "run_id", "region"),
    [
        ("glue", {"jobName": "load"}, "jr_8", None),
        ("lambda", {"functionName": "arn:aws:lambda:eu-west-1:123456789012:function:load"}, "sync", None),
        ("step-function", {}, "arn:aws:states:eu-west-1:123456789012:execution:a:b", None),
        ("glue", {"jobName": "load"}, None, "eu-west-1"),
        ("glue", {"jobName": "load"}, "", "eu-west-1"),
        ("databricks", {"workspaceUrl": "https://a.example", "jobId": 1}, "sync", None),
        ("glue", {"jobName": "${INTERLOCK_JOB}"}, "jr_8", "eu-west-1"),
        ("glue", {"jobName": "load"}, "jr_8", "us-iso-east-1"),
        ("glue", {"jobName": "load"}, "jr_8", "eusc-de-east-1"),
        ("glue", {"jobName": "load"}, "jr_8", "evil.example/?x-1"),
        ("step-function", {"stateMachineArn": "arn"}, "arn:aws:states:eu-west-1", "eu-west-1"),
        ("databricks", {"workspaceUrl": "javascript:alert(1)", "jobId": 1}, "2", None),
        ("databricks", {"workspaceUrl": "https://a\nb", "jobId": 1}, "2", None),
        ("databricks", {"workspaceUrl": "https://a:99999999", "jobId": 1}, "2", None),
        ("airflow", {"url": "https://${INTERLOCK_HOST}", "dagID": "load"}, "r", None),
        ("lambda", {"functionName": "load/../x"}, "sync", "eu-west-1"),
        ("emr", {"clusterId": True}, "s-1", "eu-west-1"),
    ],
)
def test_an_unknown_part_leaves_no_page(kind: str, config: Mapping[str, Any], run_id: str | None, region: str) -> None:
    assert job_links(kind, config, run_id, region=region) == JobLinks()


@pytest.mark.parametrize(
    ("region", "host"), [("cn-north-1", "console.amazonaws.cn"), ("us-gov-east-1", "console.amazonaws-us-gov.com")]
)
def test_a_region_has_the_console_of_its_partition(region: str, host: str) -> None:
    run = job_links("glue", {"jobName": "load"}, "jr", region=region).run
    assert run is not None
    assert run.url.startswith(f"https://{region}.{host}/gluestudio/")


def test_variables_of_the_run_are_put_into_the_page() -> None:
    config = {"jobName": "load-${INTERLOCK_PAR_DAY}"}
    run = job_links("glue", config, "jr", region="eu-west-1", variables={"INTERLOCK_PAR_DAY": "20260303"}).run
    assert run is not None
    assert run.url.endswith("#/job/load-20260303/run/jr")


def test_glue_looks_in_its_own_group_first() -> None:
    config = {"jobName": "load", "arguments": {"--continuous-log-logGroup": "/own"}}
    found = job_links("glue", config, "jr_8", region="eu-west-1")
    assert found.places[0] == LogPlace("eu-west-1", "/own", "jr_8")
    assert [place.group for place in found.places[1:]] == [
        "/aws-glue/jobs/output",
        "/aws-glue/jobs/error",
        "/aws-glue/jobs/logs-v2",
    ]
    assert found.logs is not None
    assert found.logs.url.endswith("#logsV2:log-groups/log-group/$252Fown$3FlogStreamNameFilter$3Djr_8")


def test_logs_of_a_function_are_shown_for_the_time_of_the_job() -> None:
    begin, end = datetime(2026, 3, 3, 7, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC)
    found = job_links("lambda", {"functionName": "load"}, "sync", region="eu-west-1", begin=begin, end=end)
    assert found.places == (LogPlace("eu-west-1", "/aws/lambda/load"),)
    assert found.logs is not None
    assert found.logs.url == (
        f"{EU}/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fload"
        "/log-events$3Fstart$3D1772521200000$26end$3D1772524800000"
    )


def test_logs_of_a_serverless_run_have_its_streams() -> None:
    found = job_links("emr-serverless", {"applicationId": "00f1"}, "00g2", region="eu-west-1")
    assert [place.stream for place in found.places] == ["applications/00f1/jobs/00g2/", "/applications/00f1/jobs/00g2/"]
    assert job_links("emr-serverless", {"applicationId": "00f1"}, None, region="eu-west-1").places == ()


def test_an_execution_link_needs_the_arn_of_an_execution() -> None:
    link = execution_link("arn:aws:states:eu-west-1:123456789012:execution:prod-interlock:a-b")
    assert link is not None
    assert link.url == (
        f"{EU}/states/home?region=eu-west-1#/v2/executions/details/"
        "arn:aws:states:eu-west-1:123456789012:execution:prod-interlock:a-b"
    )
    assert execution_link("arn:aws:states:eu-west-1:123456789012:stateMachine:prod-interlock:a") is None
    assert execution_link("arn:aws-iso:states:us-iso-east-1:123456789012:execution:a:b") is None


def test_a_group_without_streams_and_times_is_its_page() -> None:
    link = log_link(LogPlace("eu-west-1", "/a[b]$"))
    assert link is not None
    assert link.url.endswith("/log-group/$252Fa$255Bb$255D$2524")


_TEXT = st.text(max_size=30) | st.sampled_from(["https://a.example", "load", "arn:aws:lambda:eu-west-1:1:function:a"])
_VALUES = st.dictionaries(
    st.sampled_from(
        ["jobName", "url", "workspaceUrl", "dagID", "jobId", "functionName", "clusterId", "applicationId", "arguments"]
    ),
    _TEXT | st.integers() | st.none() | st.dictionaries(st.just("--continuous-log-logGroup"), _TEXT),
)


@given(st.sampled_from([str(kind) for kind in JobType]), _VALUES, _TEXT, _TEXT | st.just("eu-west-1"))
def test_whatever_a_config_has_gives_web_addresses(
    kind: str, config: Mapping[str, Any], run_id: str, region: str
) -> None:
    found = job_links(kind, config, run_id, region=region)
    for link in (found.run, found.logs):
        if link is not None:
            parts = urlsplit(link.url)
            assert parts.scheme in ("http", "https")
            assert parts.hostname
            assert "@" not in parts.netloc
            assert link.url.isascii()
            assert link.url.isprintable()
            assert not set(link.url) & set(' <>"\\')
            assert unquote(parts.netloc)


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("eu-west-1", "arn:aws:states:eu-west-1:123456789012:execution:m:n"),
        ("cn-north-1", "arn:aws-cn:states:cn-north-1:123456789012:execution:m:n"),
        ("us-gov-west-1", "arn:aws-us-gov:states:us-gov-west-1:123456789012:execution:m:n"),
        ("us-iso-east-1", None),
        ("", None),
    ],
)
def test_an_execution_has_the_partition_of_its_region(region: str, arn: str | None) -> None:
    assert execution_arn(region, "123456789012", "m", "n") == arn


@pytest.mark.parametrize("account", ["", "12345678901", "1234567890123", "12345678901x"])
def test_an_account_has_twelve_digits(account: str) -> None:
    assert execution_arn("eu-west-1", account, "m", "n") is None


@given(st.text(max_size=100), st.text(alphabet="abc234567", min_size=16, max_size=16))
def test_the_name_of_an_execution_fits_step_functions(pipeline: str, token: str) -> None:
    name = execution_name(pipeline, "stream", "2026-03-03T07", token)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name)
    assert name.endswith(f"-{token}")


def test_an_alarm_is_found_by_its_name() -> None:
    alarm = alarm_link("eu-west-1", "a b/c")
    assert alarm is not None
    assert alarm.url == f"{EU}/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/a%20b%2Fc"
    assert alarm_link("", "a") is None
