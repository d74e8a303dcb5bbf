"""One target that simulates the AWS services of the triggers, and boto3 clients that send requests to it."""

import json
import re
import threading
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from trigger_peers.server import Answer, Cut, Hang, Request, Server, Target

ACCOUNT = "123456789012"
MACHINE = f"arn:aws:states:eu-central-1:{ACCOUNT}:stateMachine:load"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/jobs"


class Rejected(Exception):
    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.answer = Answer(
            status,
            json.dumps({"__type": code, "message": message}).encode(),
            {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code},
        )


class Aws(Target):
    """The parts of Glue, its logs, EMR, EMR Serverless, Step Functions and Lambda that the triggers use."""

    STARTS = ("StartJobRun", "AddJobFlowSteps", "StartExecution", "ServerlessStart", "Invoke")

    def __init__(self) -> None:
        super().__init__()
        self.name = uuid.uuid4().hex
        self.runs: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, dict[str, Any]] = {}
        self.executions: dict[str, dict[str, Any]] = {}
        self.job_runs: dict[str, dict[str, Any]] = {}
        self.invocations: list[bytes] = []
        self.function_answer = Answer(200, b'{"rows": 12}')
        self.machine_type = "STANDARD"
        self.job_arguments: dict[str, str] = {}
        self.logs: dict[tuple[str, str], list[str]] = {}
        self.logs_rejection: str | None = None
        self.unreadable_streams: set[str] = set()
        self.endless_streams: set[str] = set()
        self.page_size = 50
        self.reject_starts: Rejected | None = None
        self.hide: set[str] = set()

    def operation(self, request: Request) -> str:
        target = request.header("X-Amz-Target")
        if target:
            return target.rpartition(".")[2]
        if request.path.endswith("/invocations"):
            return "Invoke"
        return "ServerlessStart" if request.method == "POST" else "ServerlessGet"

    def is_start(self, request: Request) -> bool:
        return self.operation(request) in self.STARTS

    @property
    def jobs(self) -> list[str]:
        """The keys of all started jobs."""
        return [
            *(run["Arguments"]["--interlock_key"] for run in self.runs.values()),
            *(step["Name"].rpartition("[")[2].rstrip("]") for step in self.steps.values()),
            *self.executions,
            *(run["clientToken"] for run in self.job_runs.values()),
            *(json.loads(payload)["key"] for payload in self.invocations),
        ]

    def error(self, kind: str) -> Answer:
        code, status = {
            "500": ("InternalServerException", 500),
            "503": ("ServiceUnavailable", 503),
            "throttle": ("ThrottlingException", 400),
            "throttle-wait": ("TooManyRequestsException", 429),
        }[kind]
        return Rejected(code, "not now", status).answer

    def handle(self, request: Request) -> Answer:
        operation = self.operation(request)
        document = json.loads(request.body or b"{}") if operation != "Invoke" else {}
        try:
            if self.reject_starts is not None and self.is_start(request):
                raise self.reject_starts
            answer = getattr(self, f"_{operation}")(request, document)
        except Rejected as rejected:
            return rejected.answer
        return answer if isinstance(answer, Answer) else Answer(200, json.dumps(answer).encode())

    # Glue and its logs

    def _StartJobRun(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if document["JobName"] != "load":
            raise Rejected("EntityNotFoundException", "Job load2 not found.")
        run_id = f"jr_{len(self.runs)}"
        self.runs[run_id] = {
            "Id": run_id,
            "JobRunState": "RUNNING",
            "Arguments": document["Arguments"],
            "StartedOn": 1_772_524_800 + len(self.runs),
            "LogGroupName": "/aws-glue/jobs",
        }
        return {"JobRunId": run_id}

    def _GetJobRun(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if document["RunId"] not in self.runs:
            raise Rejected("EntityNotFoundException", "run not found")
        return {"JobRun": self.runs[document["RunId"]]}

    def _GetJobRuns(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        runs = [run for run in reversed(self.runs.values()) if run["Id"] not in self.hide]
        return self._page(document, "NextToken", "JobRuns", runs)

    def _GetJob(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        return {"Job": {"Name": "load", "DefaultArguments": self.job_arguments}}

    def _FilterLogEvents(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if self.logs_rejection:
            raise Rejected(self.logs_rejection)
        (stream,) = document["logStreamNames"]
        if stream in self.unreadable_streams:
            raise Rejected("AccessDeniedException", "not authorized", 403)
        if stream in self.endless_streams:
            return {"events": [], "nextToken": "more"}
        lines = self.logs.get((document["logGroupName"], stream))
        if lines is None:
            raise Rejected("ResourceNotFoundException", "The specified log stream does not exist.")
        kept = [line for line in lines if matches(document["filterPattern"], line)]
        return self._page(document, "nextToken", "events", [{"message": line} for line in kept])

    # EMR

    def _AddJobFlowSteps(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if document["JobFlowId"] != "j-1":
            raise Rejected("InvalidRequestException", "Cluster id 'j-2' is not valid.")
        (step,) = document["Steps"]
        step_id = f"s-{len(self.steps)}"
        created = {"CreationDateTime": 1_772_524_800}
        self.steps[step_id] = {
            "Id": step_id,
            "Name": step["Name"],
            "Config": step["HadoopJarStep"],
            "Status": {"State": "PENDING", "Timeline": created},
        }
        return {"StepIds": [step_id]}

    def _ListSteps(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        steps = [step for step in reversed(self.steps.values()) if step["Id"] not in self.hide]
        return self._page(document, "Marker", "Steps", steps)

    def _DescribeStep(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if document["StepId"] not in self.steps:
            raise Rejected("InvalidRequestException", "Step id is not valid.")
        return {"Step": self.steps[document["StepId"]]}

    # Step Functions

    def _DescribeStateMachine(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if document["stateMachineArn"] != MACHINE:
            raise Rejected("StateMachineDoesNotExist", "no such machine")
        return {"stateMachineArn": MACHINE, "name": "load", "type": self.machine_type, "status": "ACTIVE"}

    def _StartExecution(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        name = document["name"]
        if name in self.executions:
            known = self.executions[name]
            if known["input"] != document["input"] or known["status"] != "RUNNING":
                raise Rejected("ExecutionAlreadyExists", "Execution Already Exists")
            return {"executionArn": known["executionArn"], "startDate": 1_772_524_800}
        arn = MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"
        self.executions[name] = {
            "executionArn": arn,
            "stateMachineArn": MACHINE,
            "name": name,
            "status": "RUNNING",
            "startDate": 1_772_524_800,
            "input": document["input"],
        }
        return {"executionArn": arn, "startDate": 1_772_524_800}

    def _DescribeExecution(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        found = self.executions.get(document["executionArn"].rpartition(":")[2])
        if found is None:
            raise Rejected("ExecutionDoesNotExist", "Execution Does Not Exist")
        return found

    # EMR Serverless

    def _ServerlessStart(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if request.path != "/applications/app1/jobruns":
            raise Rejected("ResourceNotFoundException", "Application app2 does not exist", 404)
        token = document["clientToken"]
        known = next((run for run in self.job_runs.values() if run["clientToken"] == token), None)
        if known is None:
            run_id = f"00run{len(self.job_runs)}"
            known = document | {"jobRunId": run_id, "applicationId": "app1", "state": "SUBMITTED"}
            known |= {"createdAt": 1_772_524_800, "updatedAt": 1_772_524_890}
            self.job_runs[run_id] = known
        return {"applicationId": "app1", "jobRunId": known["jobRunId"], "arn": "arn:aws:emr-serverless"}

    def _ServerlessGet(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        found = re.fullmatch(r"/applications/app1/jobruns/(\w+)", request.path)
        run = self.job_runs.get(found[1]) if found else None
        if run is None:
            raise Rejected("ResourceNotFoundException", "no such run", 404)
        return {"jobRun": run}

    # Lambda

    def _Invoke(self, request: Request, document: dict[str, Any]) -> Any:  # noqa: N802
        if request.path != "/2015-03-31/functions/load/invocations":
            raise Rejected("ResourceNotFoundException", "Function not found: load2", 404)
        self.invocations.append(request.body)
        return self.function_answer

    def _page(self, document: dict[str, Any], token: str, name: str, items: list[Any]) -> Any:
        begin = int(document.get(token) or 0)
        page: dict[str, Any] = {name: items[begin : begin + self.page_size]}
        if begin + self.page_size < len(items):
            page[token] = str(begin + self.page_size)
        return page

    def put_state(self, state: str, **more: Any) -> None:
        for run in self.runs.values():
            run |= {"JobRunState": state, "ExecutionTime": 90} | more
        for step in self.steps.values():
            times = {"CreationDateTime": 1_772_524_800, "StartDateTime": 1_772_524_810, "EndDateTime": 1_772_524_900}
            step["Status"] = {"State": state, "Timeline": times} | more
        for execution in self.executions.values():
            execution |= {"status": state, "stopDate": 1_772_524_890} | more
        for job_run in self.job_runs.values():
            job_run |= {"state": state, "totalExecutionDurationSeconds": 90} | more


def matches(pattern: str, line: str) -> bool:
    """The used part of CloudWatch's filter patterns: quoted terms, `?` for any of them."""
    terms = re.findall(r'\??"([^"]*)"', pattern)
    return (any if pattern.startswith("?") else all)(term in line for term in terms)


class AwsServer(Server):
    """One server for many targets, because making boto3 clients is slow. Each request names its target.

    A request that arrives after the end of its test does not reach the target of the next test.
    """

    HEADER = "X-Peer-Target"

    def __init__(self) -> None:
        super().__init__(Target())
        self._targets: dict[str, Aws] = {}

    def add(self, aws: "Aws") -> None:
        """Accept requests for a target."""
        self._targets[aws.name] = aws

    def target_of(self, request: Request) -> Target:
        return self._targets[str(request.header(self.HEADER))]


def over_http(url: str, aws: "Aws") -> Callable[..., Any]:
    """Makes boto3 clients whose requests go to a target behind a server on loopback."""

    def make(service: str, *, region: str | None, retries: bool, read_timeout: float) -> Any:
        return _Bound(_wired(service, url, region, read_timeout), aws)

    return make


@cache
def _wired(service: str, url: str, region: str | None, read_timeout: float) -> Any:
    client = _client(service, url, region, read_timeout)

    def name_target(request: Any, **_: Any) -> None:
        request.headers[AwsServer.HEADER] = _MEETS.aws.name

    client.meta.events.register("before-sign", name_target)
    return client


def in_process(aws: Aws) -> Callable[..., Any]:
    """Makes boto3 clients whose requests reach the target without a socket, fast enough for thousands."""

    def make(service: str, *, region: str | None, retries: bool, read_timeout: float) -> Any:
        return _Bound(_socketless(service, region), aws)

    return make


_MEETS = threading.local()


class _Bound:
    """A shared client, because making one is slow, with the target of this thread."""

    def __init__(self, client: Any, aws: Aws) -> None:
        self._client, self._aws = client, aws

    def __getattr__(self, operation: str) -> Any:
        _MEETS.aws = self._aws
        return getattr(self._client, operation)


@cache
def _socketless(service: str, region: str | None) -> Any:
    client = _client(service, "http://127.0.0.1:9", region, 5)

    def answer(request: Any, **_: Any) -> AWSResponse:
        headers = {name: _text(value) for name, value in request.headers.items()}
        path = request.url.partition("http://127.0.0.1:9")[2].partition("?")[0]
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        outcome = _MEETS.aws.meet(Request(request.method, path, {}, headers, body))
        if isinstance(outcome, Cut):
            raise ConnectionClosedError(endpoint_url=request.url)
        if isinstance(outcome, Hang):
            raise ReadTimeoutError(endpoint_url=request.url)
        return AWSResponse(request.url, outcome.status, dict(outcome.headers), _Raw(outcome.body))

    client.meta.events.register("before-send", answer)
    return client


def _client(service: str, url: str, region: str | None, read_timeout: float) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name=region or "eu-central-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret-key-of-aws",
        config=Config(
            connect_timeout=2,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body

    def read(self, *_: Any) -> bytes:
        body, self._body = self._body, b""
        return body
