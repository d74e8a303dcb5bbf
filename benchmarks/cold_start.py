"""Measures the CPU of cold starts: each real zip on a bare Python of Lambda's version, against boto3 alone, in one run.

A start ends when the Lambda is wired, which is before its first record. The other side imports boto3 and makes the
clients of the AWS services that this Lambda may call. Ours makes such a client at its first use, and reads the tables
without boto3. So a Lambda that publishes an event in its first invocation pays for boto3 then: the column "with boto3"
is a start with all of these clients.

The bytecode of both sides is compiled, and none is written, as in Lambda. Each figure is the best of several rounds of
user and system time of the whole process. Both sides alternate, so that a busy machine slows both. It needs uv, a
Python 3.13, and the registry for boto3.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from interlock_local import find_checkout
from interlock_local.zips import Target, build_zips, find_interpreter

ROUNDS = 7
TARGET = 1.15
CLIENTS = {
    "stream-router": ("dynamodb", "stepfunctions", "events", "sqs"),
    "orchestrator": ("dynamodb", "stepfunctions", "events", "glue"),
    "sla-monitor": ("dynamodb", "scheduler"),
    "watchdog": ("dynamodb", "stepfunctions", "events", "scheduler"),
    "event-sink": ("dynamodb", "sqs"),
    "alert-dispatcher": ("dynamodb", "secretsmanager"),
}
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "CONTROL_TABLE": "bench-interlock-control",
    "JOBLOG_TABLE": "bench-interlock-joblog",
    "RERUN_TABLE": "bench-interlock-rerun",
    "EVENTS_TABLE": "bench-interlock-events",
    "EVENTS_TTL_DAYS": "90",
    "EVENT_BUS_NAME": "bench-interlock-bus",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:123456789012:stateMachine:m",
    "SLA_MONITOR_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:f",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
    "SCHEDULER_GROUP_NAME": "g",
    "ALERT_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
    "SLACK_CHANNEL_ID": "C0123456789",
    "SLACK_BOT_TOKEN": "xoxb-bench",
}

BARE = "import boto3; [boto3.client(name) for name in {clients}]"
WIRED = "import os; from {module} import handler, wiring; wiring.wire(os.environ)"


def lambda_python(folder: Path, interpreter: str) -> str:
    """A Python with compiled boto3 and nothing else, like Lambda's runtime."""
    subprocess.run(["uv", "venv", "--quiet", "--python", interpreter, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run(["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, "boto3"], check=True)
    return python


def seconds(python: str, program: str, content: Path) -> float:
    """The user and system seconds of one process."""
    environment = {**VARIABLES, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(content), "HOME": str(content)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-c", program], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the table. Exit code 1 if a ratio misses its target, 2 without a Python of Lambda's version."""
    target = Target.aws("arm64" if platform.machine() in {"arm64", "aarch64"} else "amd64")
    interpreter = find_interpreter(target.python)
    if interpreter is None:
        print(f"no Python {target.python} is installed", file=sys.stderr)
        return 2
    shown = Table("", "boto3 alone", "wired", "ratio", "with boto3", "zip", title="CPU of cold starts")
    missed = []
    with tempfile.TemporaryDirectory() as scratch:
        python = lambda_python(Path(scratch) / "python", interpreter)
        for service, path in build_zips(find_checkout(), target).items():
            content = Path(scratch) / service
            with zipfile.ZipFile(path) as archive:
                archive.extractall(content)
            bare = BARE.format(clients=CLIENTS[service])
            wired = WIRED.format(module=f"interlock_{service.replace('-', '_')}")
            rounds = [
                [seconds(python, program, content) for program in (bare, wired, f"{wired}; {bare}")]
                for _ in range(ROUNDS)
            ]
            ratio = statistics.median(one[1] / one[0] for one in rounds)
            best = [f"{min(column) * 1e3:.0f} ms" for column in zip(*rounds, strict=True)]
            shown.add_row(service, *best[:2], f"{ratio:.2f}", best[2], f"{os.path.getsize(path) / 1e6:.2f} MB")
            if ratio > TARGET:
                missed.append(service)
    Console().print(shown)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
