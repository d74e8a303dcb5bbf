"""The imports of the package: HTTP and commands need no AWS module, and AWS types name the missing extra."""

import json
import subprocess
import sys
from typing import Any

import pytest

AWS_CONFIGS: dict[str, dict[str, Any]] = {
    "glue": {"jobName": "load"},
    "emr": {"clusterId": "j", "stepName": "s", "command": "c"},
    "emr-serverless": {"applicationId": "a", "executionRoleArn": "r", "jobDriver": {"sparkSubmit": {}}},
    "step-function": {"stateMachineArn": "arn:aws:states:eu-central-1:1:stateMachine:m"},
    "lambda": {"functionName": "f"},
}
WITHOUT_BOTO3 = """
import json, sys, time
sys.modules["boto3"] = sys.modules["botocore"] = None
from interlock_triggers import Attempt, Clients, MissingExtra, StartRejected, capability, check, start
attempt = Attempt("p", "s", "2026-03-03", 0, "k")
found = {}
for name, config in json.loads(sys.argv[1]).items():
    try:
        start(name, config, attempt, until=time.time() + 60)
    except MissingExtra as missing:
        assert isinstance(missing, StartRejected)
        found[name] = [str(missing), str(missing.category)]
command = start("command", {"command": "true"}, attempt, until=time.time() + 60)
try:
    start("http", {"url": "http://127.0.0.1/"}, attempt, until=time.time() + 60)
except StartRejected as rejected:
    found["http"] = str(rejected)
found["command"] = str(command.status.state)
print(json.dumps(found))
"""


def _python(code: str, *arguments: str) -> str:
    words = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=300).stdout


def test_without_boto3_only_aws_types_fail_and_name_the_extra() -> None:
    found = json.loads(_python(WITHOUT_BOTO3, json.dumps(AWS_CONFIGS)))
    assert found.pop("command") == "succeeded"
    assert "not a public address" in found.pop("http")
    for name in AWS_CONFIGS:
        sentence, category = found[name]
        assert sentence == f'{name}: needs boto3; install it with: pip install "interlock-triggers[aws]"'
        assert category == "PERMANENT"


@pytest.mark.parametrize("absent", ["boto3", "botocore", "requests", "moto"])
def test_package_and_command_import_no_aws_module(absent: str) -> None:
    code = (
        "import sys, time; from interlock_triggers import *;"
        "start('command', {'command': 'true'}, Attempt('p', 's', '2026-03-03', 0, 'k'), until=time.time() + 60);"
        f"print({absent!r} in sys.modules)"
    )
    assert _python(code).strip() == "False"
