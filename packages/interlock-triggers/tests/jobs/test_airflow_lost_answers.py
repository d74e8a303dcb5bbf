"""A DAG run from its start to its end, through a proxy that loses the first answer, with a simulated Airflow.

The session `airflow` does the same with a real Airflow.
"""

import http.client
import json
import time
import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from trigger_peers.server import Answer, Request, Server, Target
from trigger_peers.web import BASIC, Airflow

from interlock_triggers import Attempt, Category, Clients, State, Status, check, find, start

PATIENCE_SECONDS = 30


class Obedient(Airflow):
    """Ends its runs at the second question with the state of their conf."""

    def _get(self, run_id: str) -> Answer:
        run = self.runs.get(run_id)
        if run is not None:
            if "asked" in run:
                run["state"] = "failed" if run["conf"].get("fail") else "success"
            run["asked"] = True
        return super()._get(run_id)


class LosingProxy(Target):
    """Forwards every request, but closes the connection instead of answering the first start."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._where = urlsplit(url)
        self.accepted = 0
        self.choose = lambda request, is_start: "cut-after" if is_start and self.accepted == 0 else None

    def is_start(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/dagRuns")

    def handle(self, request: Request) -> Answer:
        upstream = http.client.HTTPConnection(str(self._where.hostname), self._where.port or 80, timeout=60)
        query = f"?{urlencode(request.query, doseq=True)}" if request.query else ""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        upstream.request(request.method, request.path + query, request.body or None, headers)
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        self.accepted += self.is_start(request) and answer.status == 200
        return Answer(answer.status, body, {"Content-Type": answer.headers.get("Content-Type", "")})


def _followed(config: dict[str, Any], run_id: str, clients: Clients) -> Status:
    """The end of a run."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        status = check("airflow", config, run_id, until=time.time() + 60, clients=clients)
        if status.state is not State.RUNNING:
            return status
        time.sleep(0.01)
    raise AssertionError("the DAG run did not end")


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_dag_run_with_a_lost_first_answer_is_started_once(version: str, fails: bool) -> None:
    with Server(Obedient(version)) as upstream:
        _lost_and_followed(LosingProxy(upstream.url), fails)


def _lost_and_followed(proxy: LosingProxy, fails: bool) -> None:
    key = f"key-{uuid.uuid4().hex}"
    attempt = Attempt("bronze", "stream", "2026-03-03T07", 0, key)
    resumed = Attempt("bronze", "stream", "2026-03-03T07", 0, key, resumed=True)
    clients = Clients(allowed_hosts="127.0.0.1", environment={})
    with Server(proxy) as server:
        config = {
            "url": server.url,
            "dagID": "load",
            "headers": {"Authorization": BASIC},
            "body": {"conf": {"fail": fails}},
        }
        until = time.time() + 60
        assert find("airflow", config, attempt, until=until, clients=clients) is None
        started = start("airflow", config, attempt, until=until, clients=clients)
        assert start("airflow", config, resumed, until=until, clients=clients).run_id == started.run_id
        assert proxy.accepted == 1
        status = _followed(config, started.run_id, clients)
        found = find("airflow", config, attempt, until=time.time() + 60, clients=clients)
    assert found is not None
    assert found.run_id == started.run_id == key
    assert status.state is (State.FAILED if fails else State.SUCCEEDED)
    assert status.category is (Category.TRANSIENT if fails else None)
    posts = [json.loads(request.body) for request in proxy.starts]
    assert len(posts) >= 2
    assert all(post["dag_run_id"] == key and post["conf"]["par_hour"] == "07" for post in posts)
