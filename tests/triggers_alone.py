"""Checks interlock-triggers without extras: commands and HTTP run, and AWS types name the extra to install."""

import importlib.util
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from interlock_triggers import Attempt, Clients, MissingExtra, Started, State, check, find, start

ATTEMPT = Attempt("bronze", "stream", "2026-03-03", 0, "key-1")
AWS_TYPES: dict[str, dict[str, Any]] = {
    "glue": {"jobName": "load"},
    "emr": {"clusterId": "j-1", "stepName": "load", "command": "spark-submit load.py"},
    "emr-serverless": {"applicationId": "a", "executionRoleArn": "r", "jobDriver": {"sparkSubmit": {}}},
    "step-function": {"stateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:load"},
    "lambda": {"functionName": "load"},
}
SYNCHRONOUS, FINDABLE = ("lambda",), ("glue", "emr", "step-function")


class _Endpoint(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


def _is_done(started: Started) -> bool:
    return started.status is not None and started.status.state is State.SUCCEEDED


def _command() -> list[str]:
    started = start("command", {"command": "echo loaded"}, ATTEMPT, until=time.time() + 30)
    output = started.status.details["output"] if started.status else ""
    return [] if _is_done(started) and output == "loaded\n" else [f"command: {started}"]


def _http() -> list[str]:
    with HTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/run"
        clients = Clients(allowed_hosts="127.0.0.1")
        try:
            started = start("http", {"url": url}, ATTEMPT, until=time.time() + 30, clients=clients)
        finally:
            server.shutdown()
            serving.join()
    return [] if _is_done(started) else [f"http: {started}"]


def _asks_for_the_extra(job_type: str, config: dict[str, Any]) -> list[str]:
    sentence = f'{job_type}: needs boto3; install it with: pip install "interlock-triggers[aws]"'
    until = time.time() + 30
    questions: dict[str, Callable[[], object]] = {"start": lambda: start(job_type, config, ATTEMPT, until=until)}
    if job_type not in SYNCHRONOUS:
        questions["check"] = lambda: check(job_type, config, "run-1", until=until)
    if job_type in FINDABLE:
        questions["find"] = lambda: find(job_type, config, ATTEMPT, until=until)
    problems = []
    for name, question in questions.items():
        try:
            problems.append(f"{job_type}: {name} gave {question()!r} without boto3")
        except MissingExtra as missing:
            if str(missing) != sentence:
                problems.append(f"{job_type}: {name} says {missing}")
    return problems


def main() -> int:
    problems = [f"{name} is installed" for name in ("boto3", "botocore") if importlib.util.find_spec(name)]
    problems += _command() + _http()
    problems += [problem for job_type, config in AWS_TYPES.items() for problem in _asks_for_the_extra(job_type, config)]
    for problem in problems:
        print(f"interlock_triggers: {problem}")
    if not problems:
        print(f"interlock_triggers alone: command and http run, {len(AWS_TYPES)} AWS types ask for the extra")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
