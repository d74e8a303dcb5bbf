"""Targets with HTTP APIs: a job endpoint, Airflow's two APIs, Databricks."""

import base64
import json
import re
from typing import Any

from trigger_peers.server import Answer, Request, Target


def _json(status: int, document: Any) -> Answer:
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


class JobEndpoint(Target):
    """Runs a job per Idempotency-Key. A known key gets the same answer again."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[str] = []
        self.verdict = Answer(200, b'{"ok": true}')

    def is_start(self, request: Request) -> bool:
        return True

    def handle(self, request: Request) -> Answer:
        key = request.header("Idempotency-Key") or ""
        if self.verdict.status < 300 and key not in self.jobs:
            self.jobs.append(key)
        return self.verdict


USER, PASSWORD = "interlock", "correct-horse-battery"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Airflow(Target):
    """The DAG runs of the stable REST API, v2 with its token login or v1 with basic auth."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self.version = version
        self.runs: dict[str, dict[str, Any]] = {}
        self.tokens: list[str] = []
        self.logical_dates: set[str] = set()
        self.lockout = 401

    def is_start(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/dagRuns")

    @property
    def jobs(self) -> list[str]:
        return list(self.runs)

    def handle(self, request: Request) -> Answer:
        if request.path == "/api/v2/version":
            return _json(200, {"version": "3.1.0"}) if self.version == "v2" else Answer(404, b"<h1>lost</h1>")
        if request.path == "/auth/token" and self.version == "v2":
            return self._login(json.loads(request.body))
        found = re.fullmatch(rf"/api/{self.version}/dags/(\w+)/dagRuns(?:/([\w-]+))?", request.path)
        if not found:
            return Answer(404, b"no such route")
        if not self._is_let_in(request):
            return _json(self.lockout, {"detail": "Unauthorized"})
        if found[1] != "load":
            return _json(404, {"detail": "DAG not found"})
        return self._create(json.loads(request.body)) if request.method == "POST" else self._get(found[2])

    def _login(self, document: dict[str, str]) -> Answer:
        if document != {"username": USER, "password": PASSWORD}:
            return _json(401, {"detail": "Invalid credentials"})
        self.tokens.append(f"token-{len(self.tokens)}-secret-of-airflow")
        return _json(201, {"access_token": self.tokens[-1]})

    def _is_let_in(self, request: Request) -> bool:
        given = request.header("Authorization")
        if self.version == "v1":
            return given == BASIC
        return bool(self.tokens) and given == f"Bearer {self.tokens[-1]}"

    def _create(self, document: dict[str, Any]) -> Answer:
        run_id, logical = document["dag_run_id"], document["logical_date"]
        if (logical is None) != (self.version == "v2"):
            return _json(422, {"detail": "logical_date"})
        if run_id in self.runs or (logical and logical in self.logical_dates):
            return _json(409, {"detail": "DAG run already exists"})
        if logical:
            self.logical_dates.add(logical)
        self.runs[run_id] = {"dag_run_id": run_id, "state": "queued", "conf": document["conf"]}
        return _json(200, self.runs[run_id])

    def _get(self, run_id: str) -> Answer:
        run = self.runs.get(run_id)
        return _json(200, run) if run else _json(404, {"detail": "DAGRun not found"})

    def put_state(self, state: str) -> None:
        for run in self.runs.values():
            run |= {"state": state, "start_date": "2026-03-03T08:00:00Z", "end_date": "2026-03-03T08:01:30+00:00"}


class Databricks(Target):
    """Jobs API 2.1: run-now with an idempotency token, runs/get."""

    TOKEN = "dapi-very-secret"

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[int, dict[str, Any]] = {}

    def is_start(self, request: Request) -> bool:
        return request.path == "/api/2.1/jobs/run-now"

    @property
    def jobs(self) -> list[str]:
        return [run["token"] for run in self.runs.values()]

    def handle(self, request: Request) -> Answer:
        if request.header("Authorization") != f"Bearer {self.TOKEN}":
            return _json(403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."})
        if self.is_start(request):
            return self._run_now(json.loads(request.body))
        if request.path == "/api/2.1/jobs/runs/get":
            run = self.runs.get(int(request.query["run_id"][0]))
            unknown = {"error_code": "INVALID_PARAMETER_VALUE", "message": "Run does not exist."}
            return _json(200, run) if run else _json(400, unknown)
        return _json(404, {"error_code": "ENDPOINT_NOT_FOUND"})

    def _run_now(self, document: dict[str, Any]) -> Answer:
        if document["job_id"] != 620:
            return _json(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Job 1 does not exist."})
        token = document["idempotency_token"]
        known = next((run_id for run_id, run in self.runs.items() if run["token"] == token), None)
        run_id = known or 1000 + len(self.runs)
        if known is None:
            self.runs[run_id] = {
                "run_id": run_id,
                "token": token,
                "asked": document,
                "state": {"life_cycle_state": "PENDING", "state_message": ""},
            }
        return _json(200, {"run_id": run_id})

    def put_state(self, life_cycle: str, result: str = "", message: str = "") -> None:
        state = {"life_cycle_state": life_cycle, "state_message": message}
        for run in self.runs.values():
            run |= {"state": state | ({"result_state": result} if result else {})}
            run |= {"start_time": 1_772_524_800_000, "end_time": 1_772_524_890_000}
