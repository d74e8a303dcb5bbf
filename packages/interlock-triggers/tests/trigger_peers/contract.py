"""Every job type with a peer: its config, its faults, and the states that its provider reports."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from trigger_peers.aws import MACHINE, ROLE, Aws, AwsServer, Rejected, in_process, over_http
from trigger_peers.machine import Machine
from trigger_peers.server import Answer, Server, Target
from trigger_peers.web import BASIC, Airflow, Databricks, JobEndpoint

from interlock_triggers import Breakers, Category, Clients, State, Timing

PATIENT = Timing(sleep=lambda seconds: None)


class Expected(NamedTuple):
    """A provider's state, and its expected meaning."""

    put: Callable[[Any], None]
    state: State
    category: Category | None = None


class Kind(NamedTuple):
    """A job type in the contract. `config` takes the server's URL. `wrong` is a config that it rejects permanently."""

    type: str
    target: Callable[[], Target]
    config: Callable[[str], dict[str, Any]]
    wrong: Callable[[str], dict[str, Any]]
    states: tuple[Expected, ...] = ()
    aws: bool = False
    reject: Callable[[Any], None] | None = None


@cache
def _aws_server() -> AwsServer:
    server = AwsServer()
    server.__enter__()
    return server


@contextmanager
def server_for(kind: Kind, target: Target) -> Iterator[Server | Machine]:
    """The target behind a port. The AWS target keeps its port, because making boto3 clients is slow.

    A machine has no port: its "url" is the file that its commands write to.
    """
    if isinstance(target, Machine):
        with target:
            yield target
    elif kind.aws:
        assert isinstance(target, Aws)
        server = _aws_server()
        server.add(target)
        yield server
        target.released.set()
    else:
        with Server(target) as server:
            yield server


def clients_for(kind: Kind, target: Target, url: str, **more: Any) -> Clients:
    """Clients that reach the peer on loopback and lose no time between retries."""
    more.setdefault("breakers", Breakers(trip_after=10_000))
    more.setdefault("timing", PATIENT)
    aws = over_http(url, target) if isinstance(target, Aws) else None
    return Clients(allowed_hosts="127.0.0.1", aws=aws, environment={}, **more)


def clients_in_process(kind: Kind, target: Target, url: str) -> Clients:
    """The same, with AWS requests that need no socket."""
    aws = in_process(target) if isinstance(target, Aws) else None
    breakers = Breakers(trip_after=10_000)
    return Clients(allowed_hosts="127.0.0.1", aws=aws, environment={}, breakers=breakers, timing=PATIENT)


def _running(*states: str) -> tuple[Expected, ...]:
    return tuple(Expected(lambda target, s=state: target.put_state(s), State.RUNNING) for state in states)


def _ended(category: Category | None, *states: str, **more: Any) -> tuple[Expected, ...]:
    state = State.SUCCEEDED if category is None else State.FAILED
    return tuple(Expected(lambda t, s=name: t.put_state(s, **more), state, category) for name in states)


def _bricks(life: str, result: str, state: State, category: Category | None = None) -> Expected:
    return Expected(lambda target: target.put_state(life, result, "because"), state, category)


TRANSIENT, PERMANENT, TIMEOUT = Category.TRANSIENT, Category.PERMANENT, Category.TIMEOUT

_AIRFLOW_STATES = (
    *_running("queued", "running"),
    *_ended(None, "success"),
    *_ended(TRANSIENT, "failed"),
)


def _airflow(version: str) -> Kind:
    config = {"dagID": "load", "headers": {"Authorization": BASIC}, "body": {"conf": {"table": "orders"}}}
    return Kind(
        "airflow",
        lambda: Airflow(version),
        lambda url: config | {"url": url},
        lambda url: config | {"url": url, "dagID": "load2"},
        _AIRFLOW_STATES,
    )


def _reject_for_good(target: JobEndpoint) -> None:
    target.verdict = Answer(400, b'{"error": "no such job"}')


def _deny(target: Aws) -> None:
    target.reject_starts = Rejected("AccessDeniedException", "not authorized", 403)


_DATABRICKS = {"jobId": 620, "headers": {"Authorization": f"Bearer {Databricks.TOKEN}"}, "arguments": {"table": "o"}}

KINDS = {
    "http": Kind(
        "http",
        JobEndpoint,
        lambda url: {"url": f"{url}/run", "headers": {"Authorization": "Bearer t0p-s3cret"}},
        lambda url: {"url": f"{url}/run"},
        reject=_reject_for_good,
    ),
    "command": Kind(
        "command",
        Machine,
        lambda url: {"command": f"sh -c 'echo $INTERLOCK_JOB_KEY >> {url}'"},
        lambda url: {"command": f"{url}/is-no-program"},
    ),
    "airflow-v2": _airflow("v2"),
    "airflow-v1": _airflow("v1"),
    "databricks": Kind(
        "databricks",
        Databricks,
        lambda url: _DATABRICKS | {"workspaceUrl": url},
        lambda url: _DATABRICKS | {"workspaceUrl": url, "jobId": 1},
        (
            *(_bricks(life, "", State.RUNNING) for life in ("QUEUED", "PENDING", "RUNNING", "TERMINATING")),
            *(_bricks(life, "", State.RUNNING) for life in ("BLOCKED", "WAITING_FOR_RETRY")),
            _bricks("TERMINATED", "SUCCESS", State.SUCCEEDED),
            _bricks("TERMINATED", "SUCCESS_WITH_FAILURES", State.SUCCEEDED),
            _bricks("TERMINATED", "FAILED", State.FAILED, TRANSIENT),
            _bricks("TERMINATED", "CANCELED", State.FAILED, TRANSIENT),
            _bricks("TERMINATED", "UPSTREAM_FAILED", State.FAILED, TRANSIENT),
            _bricks("TERMINATED", "TIMEDOUT", State.FAILED, TIMEOUT),
            _bricks("TERMINATED", "MAXIMUM_CONCURRENT_RUNS_REACHED", State.FAILED, PERMANENT),
            _bricks("TERMINATED", "EXCLUDED", State.FAILED, PERMANENT),
            _bricks("SKIPPED", "", State.FAILED, PERMANENT),
            _bricks("INTERNAL_ERROR", "FAILED", State.FAILED, TRANSIENT),
        ),
    ),
    "glue": Kind(
        "glue",
        Aws,
        lambda url: {"jobName": "load", "arguments": {"--table": "orders", "--password": "gl-pass-w0rd"}},
        lambda url: {"jobName": "load2"},
        (
            *_running("STARTING", "RUNNING", "STOPPING", "WAITING"),
            *_ended(None, "SUCCEEDED"),
            *_ended(TRANSIENT, "FAILED", "ERROR", "STOPPED", ErrorMessage="disk full"),
            *_ended(TIMEOUT, "TIMEOUT", "EXPIRED"),
        ),
        aws=True,
        reject=_deny,
    ),
    "emr": Kind(
        "emr",
        Aws,
        lambda url: {"clusterId": "j-1", "stepName": "load", "command": "spark-submit s3://code/load.py"},
        lambda url: {"clusterId": "j-2", "stepName": "load", "command": "spark-submit s3://code/load.py"},
        (
            *_running("PENDING", "RUNNING", "CANCEL_PENDING"),
            *_ended(None, "COMPLETED"),
            *_ended(TRANSIENT, "FAILED", "CANCELLED", "INTERRUPTED"),
        ),
        aws=True,
        reject=_deny,
    ),
    "emr-serverless": Kind(
        "emr-serverless",
        Aws,
        lambda url: _serverless("app1"),
        lambda url: _serverless("app2"),
        (
            *_running("SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING"),
            *_ended(None, "SUCCESS"),
            *_ended(TRANSIENT, "FAILED", "CANCELLED", stateDetails="driver lost"),
            *_ended(TIMEOUT, "FAILED", stateDetails="Job run timed out after 60 minutes"),
        ),
        aws=True,
        reject=_deny,
    ),
    "step-function": Kind(
        "step-function",
        Aws,
        lambda url: {"stateMachineArn": MACHINE, "arguments": {"table": "orders"}},
        lambda url: {"stateMachineArn": MACHINE + "2"},
        (
            *_running("RUNNING", "PENDING_REDRIVE"),
            *_ended(None, "SUCCEEDED", output='{"rows": 12}'),
            *_ended(TRANSIENT, "FAILED", error="LoadFailed", cause="no rows"),
            *_ended(TRANSIENT, "ABORTED"),
            *_ended(TIMEOUT, "TIMED_OUT"),
        ),
        aws=True,
        reject=_deny,
    ),
    "lambda": Kind(
        "lambda",
        Aws,
        lambda url: {"functionName": "load", "payload": {"key": "k-1"}},
        lambda url: {"functionName": "load2"},
        aws=True,
        reject=_deny,
    ),
}


def _serverless(application: str) -> dict[str, Any]:
    driver = {"sparkSubmit": {"entryPoint": "s3://code/load.py", "entryPointArguments": ["--token", "emr-t0ken"]}}
    return {"applicationId": application, "executionRoleArn": ROLE, "jobDriver": driver, "jobName": "load"}


ONCE_ONLY = ("lambda", "command")
"""Types whose target can neither deduplicate nor be asked."""
REMOTE = tuple(name for name, kind in KINDS.items() if kind.target is not Machine)
"""Types whose requests and answers use a network, so that they can be lost, corrupted or throttled."""
POLLED = tuple(name for name, kind in KINDS.items() if kind.states)
