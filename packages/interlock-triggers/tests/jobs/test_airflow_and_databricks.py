"""Airflow's two APIs and Databricks: logins, requests, collisions, parameters, headers on every call."""

import base64
import json
import time
from typing import Any

import pytest
from trigger_peers.server import Answer, Request, Server, Target
from trigger_peers.web import BASIC, Airflow, Databricks

from interlock_triggers import (
    Attempt,
    Breakers,
    Category,
    CheckFailed,
    Clients,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Timing,
    TriggerError,
    check,
    start,
)

DAILY = Attempt("bronze", "cron", "2026-03-03", 0, "k-1")
HOURLY = Attempt("bronze", "stream", "2026-03-03T07", 0, "k-1")
RESUMED = Attempt("bronze", "cron", "2026-03-03", 0, "k-1", resumed=True)
NOW = 1_772_524_800.25


def _clients() -> Clients:
    timing = Timing(now=lambda: NOW, sleep=lambda seconds: None)
    return Clients(allowed_hosts="127.0.0.1", environment={}, timing=timing, breakers=Breakers(1000))


def _start_dag(
    server: Server, attempt: Attempt = DAILY, path: str = "", clients: Clients | None = None, **more: Any
) -> Started:
    config = {"url": server.url + path, "dagID": "load", "headers": {"Authorization": BASIC}} | more
    return start("airflow", config, attempt, until=NOW + 10, clients=clients or _clients())


def _check_dag(server: Server, started: Started | str, clients: Clients, **more: Any) -> Any:
    config = {"url": server.url, "dagID": "load", "headers": {"Authorization": BASIC}} | more
    return check("airflow", config, started, until=NOW + 10, clients=clients)


def _sent(target: Target) -> dict[str, Any]:
    (request,) = target.starts
    document: dict[str, Any] = json.loads(request.body)
    return document


@pytest.mark.parametrize(("version", "logical_date"), [("v2", None), ("v1", "2026-03-03T08:00:00.250000+00:00")])
def test_a_dag_run_has_the_key_as_id_and_the_date_in_its_conf(version: str, logical_date: Any) -> None:
    with Server(target := Airflow(version)) as server:
        assert _start_dag(server, HOURLY) == Started("airflow", "k-1", None, {"api": version})
    assert _sent(target) == {
        "dag_run_id": "k-1",
        "logical_date": logical_date,
        "conf": {"date": "2026-03-03T07", "par_day": "20260303", "par_hour": "07"},
    }


@pytest.mark.parametrize(
    ("body", "conf", "note"),
    [
        ({"conf": {"table": "orders"}, "note": "by hand"}, {"table": "orders"}, "by hand"),
        ({"table": "orders"}, {"table": "orders"}, None),
        ('{"conf": {"table": "orders"}}', {"table": "orders"}, None),
        ({"conf": {"par_day": "20260101"}}, {"par_day": "20260101"}, None),
        ({"conf": None}, {}, None),
    ],
)
def test_the_body_is_the_apis_or_the_conf(body: Any, conf: dict[str, str], note: str | None) -> None:
    with Server(target := Airflow("v2")) as server:
        _start_dag(server, body=body)
    sent = _sent(target)
    assert sent["conf"] == {"date": "2026-03-03", "par_day": "20260303"} | conf
    assert sent.get("note") == note


@pytest.mark.parametrize(
    "body", [{"dag_run_id": "mine"}, {"logical_date": None}, {"conf": "text"}, "not json", ["list"], '"text"']
)
def test_a_body_that_cannot_be_sent_is_rejected(body: Any) -> None:
    with Server(target := Airflow("v2")) as server, pytest.raises(StartRejected) as rejected:
        _start_dag(server, body=body)
    assert rejected.value.category is Category.PERMANENT
    assert target.requests == []


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("path", ["/api/{}", "/api/{}/"])
def test_the_url_may_name_the_api(version: str, path: str) -> None:
    with Server(target := Airflow(version)) as server:
        started = _start_dag(server, path=path.format(version))
    assert started.details == {"api": version}
    assert not any(request.path.endswith("/version") for request in target.requests)


@pytest.mark.parametrize("lockout", [401, 403])
def test_airflow_3_login_is_repeated_after_a_rejected_token(lockout: int) -> None:
    """401: the token has expired. 403: its signing key no longer exists, for example after a restart."""
    clients = _clients()
    with Server(target := Airflow("v2")) as server:
        target.lockout = lockout
        started = _start_dag(server, clients=clients)
        _check_dag(server, started, clients)
        assert len(target.tokens) == 1
        target.tokens.append("the server forgot the others")
        assert _check_dag(server, started, clients).state is State.RUNNING
    assert len(target.tokens) == 3
    logins = [request for request in target.requests if request.path == "/auth/token"]
    assert all(request.header("Authorization") is None for request in logins)


def test_a_rejected_new_token_is_not_renewed() -> None:
    target = Airflow("v2")
    target._is_let_in = lambda request: False  # type: ignore[method-assign]
    target.lockout = 403
    with Server(target) as server, pytest.raises(StartRejected) as rejected:
        _start_dag(server)
    assert rejected.value.category is Category.PERMANENT
    assert len(target.tokens) == 1
    assert len(target.starts) == 1


def test_a_token_in_the_headers_is_used_as_it_is() -> None:
    target = Airflow("v2")
    target.tokens = ["given-token"]
    with Server(target) as server:
        _start_dag(server, headers={"authorization": "Bearer given-token"})
    assert not any(request.path == "/auth/token" for request in target.requests)


def test_configured_headers_go_with_the_status_calls_too() -> None:
    headers = {"Authorization": BASIC, "X-Tenant": "blue"}
    clients = _clients()
    for version in ("v1", "v2"):
        with Server(target := Airflow(version)) as server:
            started = _start_dag(server, headers=headers, clients=clients)
            _check_dag(server, started, clients, headers=headers)
        calls = [request for request in target.requests if "/dagRuns" in request.path]
        assert len(calls) == 2
        assert all(request.header("X-Tenant") == "blue" for request in calls)
        assert all(request.header("Authorization") for request in calls)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_wrong_password_is_a_permanent_rejection(version: str) -> None:
    wrong = "Basic " + base64.b64encode(b"interlock:wrong-password").decode()
    with Server(target := Airflow(version)) as server, pytest.raises(StartRejected) as rejected:
        _start_dag(server, headers={"Authorization": wrong})
    assert rejected.value.category is Category.PERMANENT
    assert "401" in str(rejected.value)
    assert "wrong-password" not in str(rejected.value)
    assert target.jobs == []


@pytest.mark.parametrize("answer", [Answer(200, b"{}"), Answer(200, b"<html>"), Answer(201, b'{"access_token": 5}')])
def test_a_login_without_a_token_starts_nothing(answer: Answer) -> None:
    target = Airflow("v2")
    target._login = lambda document: answer  # type: ignore[method-assign]
    with Server(target) as server, pytest.raises(StartRejected) as rejected:
        _start_dag(server)
    assert rejected.value.category is Category.TRANSIENT
    assert target.jobs == []


def test_without_a_token_login_basic_auth_is_tried() -> None:
    target = Airflow("v2")
    target._login = lambda document: Answer(404)  # type: ignore[method-assign]
    target._is_let_in = lambda request: request.header("Authorization") == BASIC  # type: ignore[method-assign]
    with Server(target) as server:
        assert _start_dag(server).run_id == "k-1"


def test_a_collision_is_ours_only_if_our_run_exists() -> None:
    with Server(target := Airflow("v1")) as server:
        target.logical_dates.add("2026-03-03T08:00:00.250000+00:00")
        with pytest.raises(StartRejected) as rejected:
            _start_dag(server)
        assert rejected.value.category is Category.PERMANENT
        assert "409" in str(rejected.value)
        target.runs["k-1"] = {"dag_run_id": "k-1", "state": "queued"}
        assert _start_dag(server).run_id == "k-1"


def test_a_collision_that_cannot_be_checked_is_unconfirmed() -> None:
    with Server(target := Airflow("v2")) as server:
        clients = _clients()
        _start_dag(server, clients=clients)
        target.choose = lambda request, is_start: "500" if request.path.endswith("/k-1") else None
        with pytest.raises(StartUnconfirmed):
            _start_dag(server, RESUMED, clients=clients)
    assert target.jobs == ["k-1"]


@pytest.mark.parametrize("fault", ["cut-after", "502-after", "garbage", "half"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_start_whose_answer_is_lost_is_found_at_once(version: str, fault: str) -> None:
    with Server(target := Airflow(version)) as server:
        target.fault_starts = fault
        assert _start_dag(server).run_id == "k-1"
    assert target.jobs == ["k-1"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_server_with_an_unknown_api_version_starts_nothing(status: int) -> None:
    target = Airflow("v2")
    target.handle = lambda request: Answer(status)  # type: ignore[method-assign]
    with Server(target) as server, pytest.raises(StartRejected) as rejected:
        _start_dag(server)
    assert rejected.value.category is (Category.TRANSIENT if status == 500 else Category.PERMANENT)
    said = f"the server's API version is unknown (answered {status}); end the url with /api/v1 or /api/v2"
    assert str(rejected.value) == f"airflow: {said}"


def test_ids_are_quoted_in_addresses() -> None:
    with Server(target := Airflow("v2")) as server, pytest.raises(TriggerError):
        _start_dag(server, dagID="lädt.täglich-1")
    (request,) = [entry for entry in target.requests if "dagRuns" in entry.path]
    assert request.path == "/api/v2/dags/l%C3%A4dt.t%C3%A4glich-1/dagRuns"


@pytest.mark.parametrize("dag_id", ["", ".", "..", "../../etc", "a/b", "a?b", "a#b", "a b", "a%2fb", "a\n", "\ud800"])
def test_an_invalid_dag_id_is_rejected_before_a_request(dag_id: str) -> None:
    with Server(target := Airflow("v2")) as server:
        with pytest.raises(StartRejected) as rejected:
            _start_dag(server, dagID=dag_id)
        with pytest.raises(CheckFailed) as failed:
            _check_dag(server, "k-1", _clients(), dagID=dag_id)
    assert rejected.value.category is failed.value.category is Category.PERMANENT
    assert target.requests == []


@pytest.mark.parametrize("key", ["dagID", "dagId", "dag_id"])
def test_each_spelling_of_the_dag_id_is_accepted(key: str) -> None:
    with Server(target := Airflow("v2")) as server:
        config = {"url": server.url, key: "load", "headers": {"Authorization": BASIC}}
        start("airflow", config, DAILY, until=NOW + 10, clients=_clients())
    assert [request.path for request in target.starts] == ["/api/v2/dags/load/dagRuns"]


def test_check_needs_no_more_than_config_and_run_id() -> None:
    clients = _clients()
    with Server(target := Airflow("v1")) as server:
        _start_dag(server, clients=clients)
        target.put_state("success")
        status = _check_dag(server, "k-1", clients)
    assert (status.state, status.duration) == (State.SUCCEEDED, 90.0)


@pytest.mark.parametrize("answer", [b'{"state": 5}', b'{"state": null}', b"{}", b"[]", b'"success"', b"[" * 100_000])
def test_an_odd_answer_is_not_a_status(answer: bytes) -> None:
    clients = _clients()
    with Server(target := Airflow("v2")) as server:
        started = _start_dag(server, clients=clients)
        target._get = lambda run_id: Answer(200, answer)  # type: ignore[method-assign]
        with pytest.raises(CheckFailed):
            _check_dag(server, started, clients)


def test_an_answer_beyond_the_bound_is_not_a_status() -> None:
    clients = _clients()
    with Server(target := Airflow("v2")) as server:
        started = _start_dag(server, clients=clients)
        huge = json.dumps({"dag_run_id": "k-1", "state": "success", "note": "x" * 2_000_000}).encode()
        target._get = lambda run_id: Answer(200, huge)  # type: ignore[method-assign]
        with pytest.raises(CheckFailed):
            _check_dag(server, started, clients)


# Databricks


def _run_now(server: Server, attempt: Attempt = DAILY, **more: Any) -> Started:
    config = {"workspaceUrl": server.url, "jobId": 620, "headers": {"Authorization": f"Bearer {Databricks.TOKEN}"}}
    return start("databricks", config | more, attempt, until=time.time() + 60, clients=_real_time())


def _check_run(server: Server, run_id: str, **more: Any) -> Any:
    config = {"workspaceUrl": server.url, "jobId": 620, "headers": {"Authorization": f"Bearer {Databricks.TOKEN}"}}
    return check("databricks", config | more, run_id, until=time.time() + 60, clients=_real_time())


def _real_time() -> Clients:
    return Clients(
        allowed_hosts="127.0.0.1",
        environment={},
        timing=Timing(sleep=lambda seconds: None),
        breakers=Breakers(1000),
    )


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({}, {}),
        ({"table": "orders", "full": True, "n": 3}, {"job_parameters": {"table": "orders", "full": "true", "n": "3"}}),
        ({"notebook_params": {"a": "1"}}, {"notebook_params": {"a": "1"}}),
        ({"python_params": ["a"], "queue": {"enabled": True}}, {"python_params": ["a"], "queue": {"enabled": True}}),
    ],
)
@pytest.mark.parametrize("job_id", [620, "620"])
def test_a_run_now_carries_job_token_and_parameters(
    job_id: int | str, arguments: dict[str, Any], sent: dict[str, Any]
) -> None:
    with Server(target := Databricks()) as server:
        assert _run_now(server, arguments=arguments, jobId=job_id) == Started("databricks", "1000")
    assert _sent(target) == sent | {"job_id": 620, "idempotency_token": "k-1"}


@pytest.mark.parametrize("job_id", ["", "abc", "6.2", "-1", "٦"])
def test_a_job_id_that_is_not_a_number_is_rejected(job_id: str) -> None:
    with Server(target := Databricks()) as server, pytest.raises(StartRejected) as rejected:
        _run_now(server, jobId=job_id)
    assert rejected.value.category is Category.PERMANENT
    assert target.requests == []


def test_the_same_token_gives_the_same_run() -> None:
    with Server(target := Databricks()) as server:
        assert _run_now(server) == _run_now(server, RESUMED)
    assert target.jobs == ["k-1"]


def test_the_headers_go_with_the_status_calls_too() -> None:
    with Server(target := Databricks()) as server:
        started = _run_now(server)
        assert _check_run(server, started.run_id).state is State.RUNNING
        with pytest.raises(CheckFailed) as failed:
            _check_run(server, started.run_id, headers={})
    assert failed.value.category is Category.PERMANENT
    assert target.requests[1].header("Authorization") == f"Bearer {Databricks.TOKEN}"


def test_rate_limits_are_waited_out() -> None:
    faults = ["throttle-wait", "throttle-wait"]
    target = Databricks()
    target.choose = lambda request, is_start: faults.pop() if faults else None
    with Server(target) as server:
        _run_now(server)
        faults.extend(["throttle-wait", "throttle-wait"])
        assert _check_run(server, "1000").state is State.RUNNING
    assert len(target.requests) == 6
    assert target.jobs == ["k-1"]


def test_a_rejection_contains_the_message_of_databricks() -> None:
    with Server(Databricks()) as server, pytest.raises(StartRejected) as rejected:
        _run_now(server, jobId=1)
    assert "Job 1 does not exist." in str(rejected.value)


def test_the_message_and_duration_of_a_run_are_kept() -> None:
    with Server(target := Databricks()) as server:
        _run_now(server)
        target.put_state("TERMINATED", "FAILED", "Task a failed\nwith 5")
        status = _check_run(server, "1000")
    assert status.reason == "FAILED: Task a failed with 5"
    assert status.duration == 90.0


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"[]",
        b'{"state": "RUNNING"}',
        b'{"state": {}}',
        b'{"state": {"life_cycle_state": "TERMINATED"}}',
        b'{"state": {"result_state": "SUCCESS"}}',
    ],
)
def test_an_odd_run_is_not_a_status(answer: bytes) -> None:
    def odd(request: Request) -> Answer:
        return Answer(200, answer)

    target = Databricks()
    target.handle = odd  # type: ignore[method-assign]
    with Server(target) as server, pytest.raises(CheckFailed):
        _check_run(server, "1000")


@pytest.mark.parametrize("run_id", ["", "x", "1&a=b", "1/../2"])
def test_a_run_id_that_is_not_a_number_is_not_asked_for(run_id: str) -> None:
    with Server(target := Databricks()) as server, pytest.raises(CheckFailed):
        _check_run(server, run_id)
    assert target.requests == []
