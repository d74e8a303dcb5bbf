"""EMR, EMR Serverless, Step Functions and Lambda: the behaviour that is special to each."""

import json
import time
from typing import Any

import pytest
from trigger_peers.aws import MACHINE, ROLE, Aws, Rejected, in_process
from trigger_peers.server import Answer, Server

from interlock_triggers import (
    Attempt,
    Category,
    CheckFailed,
    Clients,
    OutcomeUnknown,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Timing,
    check,
    start,
)

ATTEMPT = Attempt("bronze", "stream", "2026-03-03T07", 0, "k-1")
RESUMED = Attempt("bronze", "stream", "2026-03-03T07", 0, "k-1", resumed=True)
DRIVER = {"sparkSubmit": {"entryPoint": "s3://code/load.py"}}


def _start(aws: Aws, job_type: str, config: dict[str, Any], attempt: Attempt = ATTEMPT, **more: Any) -> Started:
    clients = Clients(aws=in_process(aws), environment={}, **more)
    return start(job_type, config, attempt, until=time.time() + 60, clients=clients)


@pytest.mark.parametrize(
    ("command", "arguments", "jar", "words"),
    [
        ("spark-submit s3://c/l.py", [], "command-runner.jar", ["spark-submit", "s3://c/l.py"]),
        ("command-runner.jar", ["spark-submit", "x y"], "command-runner.jar", ["spark-submit", "x y"]),
        ("s3://c/load.jar a 'b c'", ["d"], "s3://c/load.jar", ["a", "b c", "d"]),
        (
            "run",
            {"--table": "o", "--n": 3, "--f": True},
            "command-runner.jar",
            ["run", "--table", "o", "--n", "3", "--f", "true"],
        ),
        ("run", [1, False], "command-runner.jar", ["run", "1", "false"]),
    ],
)
def test_emr_steps(command: str, arguments: Any, jar: str, words: list[str]) -> None:
    aws = Aws()
    config = {"clusterId": "j-1", "stepName": "load", "command": command, "arguments": arguments}
    assert _start(aws, "emr", config).run_id == "s-0"
    assert aws.steps["s-0"]["Config"] == {"Jar": jar, "Args": words}
    assert aws.steps["s-0"]["Name"] == "load [k-1]"


def test_a_long_step_name_is_cut_before_its_key() -> None:
    aws = Aws()
    config = {"clusterId": "j-1", "stepName": "n" * 300, "command": "run"}
    _start(aws, "emr", config)
    name = aws.steps["s-0"]["Name"]
    assert len(name) == 256
    assert name.endswith("n [k-1]")
    assert _start(aws, "emr", config, RESUMED).run_id == "s-0"


@pytest.mark.parametrize("command", ["", "'"])
def test_an_emr_command_that_cannot_be_split_is_rejected(command: str) -> None:
    aws = Aws()
    with pytest.raises(StartRejected):
        _start(aws, "emr", {"clusterId": "j-1", "stepName": "load", "command": command})
    assert aws.requests == []


def test_a_step_is_found_on_a_later_page_but_not_among_old_ones() -> None:
    aws = Aws()
    config = {"clusterId": "j-1", "stepName": "load", "command": "run"}
    _start(aws, "emr", config)
    for number in range(80):
        _start(aws, "emr", config, Attempt("p", "s", "2026-03-03", 0, f"other-{number}"))
    recently = Timing(now=lambda: 1_772_524_900.0)
    clients = Clients(aws=in_process(aws), environment={}, timing=recently)
    assert start("emr", config, RESUMED, until=1_772_524_960, clients=clients).run_id == "s-0"
    aws.requests.clear()
    assert _start(aws, "emr", config, RESUMED).run_id == "s-81"
    assert len(aws.requests) == 2


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"FailureDetails": {"Reason": "Unknown Error.", "Message": "exit 1"}}, "FAILED: exit 1"),
        ({"FailureDetails": {"Reason": "Unknown Error."}}, "FAILED: Unknown Error."),
        ({"StateChangeReason": {"Message": "cancelled by user"}}, "FAILED: cancelled by user"),
        ({}, "FAILED"),
    ],
)
def test_the_reason_of_a_failed_step(details: dict[str, Any], reason: str) -> None:
    aws = Aws()
    config = {"clusterId": "j-1", "stepName": "load", "command": "run"}
    _start(aws, "emr", config)
    aws.put_state("FAILED", **details)
    status = check("emr", config, "s-0", until=time.time() + 60, clients=Clients(aws=in_process(aws), environment={}))
    assert status.reason == reason


def test_an_emr_serverless_run_has_driver_role_name_and_token() -> None:
    aws = Aws()
    config = {"applicationId": "app1", "executionRoleArn": ROLE, "jobDriver": DRIVER}
    assert _start(aws, "emr-serverless", config | {"jobName": "load"}).run_id == "00run0"
    assert _start(aws, "emr-serverless", config, Attempt("p", "s", "2026-03-03", 0, "k-2")).run_id == "00run1"
    asked = aws.job_runs["00run0"]
    assert (asked["clientToken"], asked["executionRoleArn"], asked["name"]) == ("k-1", ROLE, "load")
    assert asked["jobDriver"] == DRIVER
    assert aws.job_runs["00run1"]["name"] == "p 2026-03-03"


@pytest.mark.parametrize("driver", [{"sparkSubmit": {"entryPoint": 5}}, {"sparkSubmt": {}}])
def test_a_job_driver_that_boto3_rejects_shows_no_values(driver: dict[str, Any]) -> None:
    aws = Aws()
    config = {"applicationId": "app1", "executionRoleArn": ROLE, "jobDriver": driver}
    with pytest.raises(StartRejected) as rejected:
        _start(aws, "emr-serverless", config)
    assert rejected.value.category is Category.PERMANENT
    assert "entryPoint" not in str(rejected.value)
    assert aws.requests == []


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [({"table": "orders"}, {"table": "orders"}), ({}, {"par_day": "20260303", "par_hour": "07"})],
)
def test_an_execution_has_the_key_as_name_and_the_arguments(arguments: dict[str, Any], sent: dict[str, Any]) -> None:
    aws = Aws()
    started = _start(aws, "step-function", {"stateMachineArn": MACHINE, "arguments": arguments})
    assert started.run_id == MACHINE.replace("stateMachine", "execution") + ":k-1"
    assert json.loads(aws.executions["k-1"]["input"]) == sent


@pytest.mark.parametrize("state", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_an_existing_execution_is_adopted_even_after_its_end(state: str) -> None:
    """AWS reports that an ended execution already exists, and only this attempt uses the name."""
    aws = Aws()
    config = {"stateMachineArn": MACHINE}
    first = _start(aws, "step-function", config)
    aws.put_state(state)
    assert _start(aws, "step-function", config, RESUMED) == first
    assert len(aws.executions) == 1


@pytest.mark.parametrize("suffix", ["", ":7", ":PROD"])
def test_versions_and_aliases_are_no_part_of_an_execution(suffix: str) -> None:
    aws = Aws()
    aws.reject_starts = Rejected("ExecutionAlreadyExists")
    aws._DescribeStateMachine = lambda request, document: {"type": "STANDARD", "name": "load"}  # type: ignore[method-assign]
    started = _start(aws, "step-function", {"stateMachineArn": MACHINE + suffix})
    assert started.run_id == MACHINE.replace("stateMachine", "execution") + ":k-1"


def test_an_express_machine_is_rejected_before_it_is_started() -> None:
    aws = Aws()
    aws.machine_type = "EXPRESS"
    with pytest.raises(StartRejected) as rejected:
        _start(aws, "step-function", {"stateMachineArn": MACHINE})
    assert rejected.value.category is Category.PERMANENT
    assert aws.executions == {}


def test_a_machine_that_may_not_be_described_is_still_started() -> None:
    aws = Aws()

    def denied(request: Any, document: Any) -> Any:
        raise Rejected("AccessDeniedException", "not authorized")

    aws._DescribeStateMachine = denied  # type: ignore[method-assign]
    assert _start(aws, "step-function", {"stateMachineArn": MACHINE}).run_id.endswith(":k-1")


def test_a_started_express_execution_is_an_unknown_outcome() -> None:
    aws = Aws()

    def denied(request: Any, document: Any) -> Any:
        raise Rejected("AccessDeniedException", "not authorized")

    aws._DescribeStateMachine = denied  # type: ignore[method-assign]
    aws._StartExecution = lambda request, document: {  # type: ignore[method-assign]
        "executionArn": MACHINE.replace("stateMachine", "express") + ":k-1:uuid",
        "startDate": 1_772_524_800,
    }
    with pytest.raises(OutcomeUnknown):
        _start(aws, "step-function", {"stateMachineArn": MACHINE})


@pytest.mark.parametrize("arn", ["load", "arn:aws:states:::stateMachine:load", "arn:aws:states:x:1:activity:y"])
def test_an_arn_of_another_kind_is_rejected(arn: str) -> None:
    aws = Aws()
    with pytest.raises(StartRejected) as rejected:
        _start(aws, "step-function", {"stateMachineArn": arn})
    assert rejected.value.category is Category.PERMANENT
    assert aws.requests == []


def test_input_beyond_the_limit_is_rejected() -> None:
    aws = Aws()
    with pytest.raises(StartRejected):
        _start(aws, "step-function", {"stateMachineArn": MACHINE, "arguments": {"x": "y" * 262_144}})
    assert aws.requests == []


def test_output_error_and_cause_of_an_execution_are_kept() -> None:
    aws = Aws()
    config = {"stateMachineArn": MACHINE}
    clients = Clients(aws=in_process(aws), environment={})
    started = _start(aws, "step-function", config)
    aws.put_state("SUCCEEDED", output='{"rows": 12}')
    status = check("step-function", config, started, until=time.time() + 60, clients=clients)
    assert status.details["output"] == '{"rows": 12}'
    aws.put_state("FAILED", error="LoadFailed", cause="no rows\nat all")
    status = check("step-function", config, started, until=time.time() + 60, clients=clients)
    assert status.reason == "FAILED: LoadFailed: no rows at all"
    assert (status.details["error"], status.details["cause"]) == ("LoadFailed", "no rows at all")


def test_a_machine_of_another_region_is_asked_there() -> None:
    asked: list[str | None] = []
    aws = Aws()
    make = in_process(aws)

    def recording(service: str, *, region: str | None, **more: Any) -> Any:
        asked.append(region)
        return make(service, region=region, **more)

    start(
        "step-function",
        {"stateMachineArn": MACHINE},
        ATTEMPT,
        until=time.time() + 60,
        clients=Clients(aws=recording, environment={}),
    )
    assert set(asked) == {"eu-central-1"}


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (None, b'{"par_day": "20260303", "par_hour": "07"}'),
        ({"a": 1}, b'{"a": 1}'),
        ([1], b"[1]"),
        ('{"a":1}', b'{"a":1}'),
    ],
)
def test_a_function_is_given_its_payload(payload: Any, sent: bytes) -> None:
    aws = Aws()
    config = {"functionName": "load"} | ({} if payload is None else {"payload": payload})
    status = _start(aws, "lambda", config).status
    assert status is not None
    assert status.state is State.SUCCEEDED
    assert status.details["output"] == '{"rows": 12}'
    assert aws.invocations == [sent]


@pytest.mark.parametrize("payload", ["not json", {"x": "y" * (6 * 1024 * 1024)}])
def test_a_payload_that_cannot_be_sent_is_rejected(payload: Any) -> None:
    aws = Aws()
    with pytest.raises(StartRejected) as rejected:
        _start(aws, "lambda", {"functionName": "load", "payload": payload})
    assert rejected.value.category is Category.PERMANENT
    assert aws.requests == []


@pytest.mark.parametrize(
    ("error", "category"),
    [
        ({"errorType": "ValueError", "errorMessage": "no rows"}, Category.TRANSIENT),
        ({"errorType": "Runtime.ExitError", "errorMessage": "exited"}, Category.TRANSIENT),
        ({"errorMessage": "2026-03-03T08:00:00Z 1-2 Task timed out after 3.00 seconds"}, Category.TIMEOUT),
        ({"errorType": "Sandbox.Timedout", "errorMessage": "Error: Task timed out"}, Category.TIMEOUT),
        ({"errorType": "Runtime.ImportModuleError", "errorMessage": "No module"}, Category.PERMANENT),
        ({"errorType": "Runtime.HandlerNotFound", "errorMessage": "x"}, Category.PERMANENT),
        (["odd"], Category.TRANSIENT),
        ("odd", Category.TRANSIENT),
    ],
)
def test_function_errors(error: Any, category: Category) -> None:
    aws = Aws()
    aws.function_answer = Answer(200, json.dumps(error).encode(), {"X-Amz-Function-Error": "Unhandled"})
    status = _start(aws, "lambda", {"functionName": "load"}).status
    assert status is not None
    assert (status.state, status.category) == (State.FAILED, category)
    assert "the function failed" in status.reason


@pytest.mark.parametrize(
    ("code", "status", "error", "category"),
    [
        ("TooManyRequestsException", 429, StartRejected, Category.TRANSIENT),
        ("ResourceNotFoundException", 404, StartRejected, Category.PERMANENT),
        ("RequestTooLargeException", 413, StartRejected, Category.PERMANENT),
        ("InvalidRequestContentException", 400, StartRejected, Category.PERMANENT),
        ("AccessDeniedException", 403, StartRejected, Category.PERMANENT),
        ("EC2ThrottledException", 502, StartRejected, Category.TRANSIENT),
        ("ENILimitReachedException", 502, StartRejected, Category.TRANSIENT),
        ("KMSDisabledException", 502, StartRejected, Category.TRANSIENT),
        ("ServiceUnavailableException", 503, StartRejected, Category.TRANSIENT),
        ("ServiceException", 500, OutcomeUnknown, Category.TRANSIENT),
        ("BadGateway", 502, OutcomeUnknown, Category.TRANSIENT),
        ("GatewayTimeout", 504, OutcomeUnknown, Category.TRANSIENT),
    ],
)
def test_rejections_of_lambda_before_the_function_runs(
    code: str, status: int, error: type[Exception], category: Category
) -> None:
    aws = Aws()
    aws.reject_starts = Rejected(code, "because", status)
    with pytest.raises((StartRejected, OutcomeUnknown)) as raised:
        _start(aws, "lambda", {"functionName": "load"})
    assert type(raised.value) is error
    assert raised.value.category is category


def test_a_function_beyond_the_deadline_has_an_unknown_outcome() -> None:
    aws = Aws()
    aws.fault_starts = "hang-after"
    with pytest.raises(OutcomeUnknown) as unknown:
        _start(aws, "lambda", {"functionName": "load"})
    assert unknown.value.category is Category.TIMEOUT


def test_a_resumed_invocation_is_not_repeated() -> None:
    aws = Aws()
    with pytest.raises(OutcomeUnknown):
        _start(aws, "lambda", {"functionName": "load"}, RESUMED)
    assert aws.requests == []


@pytest.mark.parametrize(
    ("job_type", "config"),
    [
        ("emr-serverless", {"applicationId": "app1", "executionRoleArn": ROLE, "jobDriver": DRIVER}),
        ("step-function", {"stateMachineArn": MACHINE}),
    ],
)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"])
def test_lost_permissions_do_not_reject_an_earlier_start(job_type: str, config: dict[str, Any], code: str) -> None:
    aws = Aws()
    aws.reject_starts = Rejected(code, "denied", 403)
    with pytest.raises(StartUnconfirmed):
        _start(aws, job_type, config, RESUMED)
    with pytest.raises(StartRejected):
        _start(aws, job_type, config)


def _broken_client(*_: Any, **__: Any) -> Any:
    from botocore.exceptions import NoRegionError

    raise NoRegionError


def test_a_client_that_cannot_be_made_started_nothing() -> None:
    with pytest.raises(StartRejected) as rejected:
        start(
            "glue",
            {"jobName": "load"},
            ATTEMPT,
            until=time.time() + 60,
            clients=Clients(aws=_broken_client, environment={}),
        )
    assert rejected.value.category is Category.PERMANENT
    assert "region" in str(rejected.value)


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(StartRejected) as rejected:
        start("glue", {"jobName": "load"}, ATTEMPT, until=time.time() + 60, clients=Clients(environment={}))
    assert rejected.value.category is Category.PERMANENT
    assert "credentials" in str(rejected.value)


def test_default_clients_send_a_start_once_and_a_question_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(aws := Aws()) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret-key-of-aws",
        }.items():
            monkeypatch.setenv(name, value)
        clients = Clients(environment={})
        aws.fault_starts, aws.fault_others = "500", "500"
        with pytest.raises(StartRejected):
            start("glue", {"jobName": "load"}, ATTEMPT, until=time.time() + 60, clients=clients)
        assert [aws.operation(request) for request in aws.requests] == ["StartJobRun"]
        aws.requests.clear()
        with pytest.raises(CheckFailed):
            check("glue", {"jobName": "load"}, "jr_0", until=time.time() + 60, clients=clients)
        assert [aws.operation(request) for request in aws.requests] == ["GetJobRun"] * 3
