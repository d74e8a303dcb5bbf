#!/usr/bin/env bash
# ministack 1.5.33: a retry of a state that waits at a task token hands out the token of the failed attempt again. In
# Step Functions each attempt has a token of its own, and the token of a failed attempt is of no use. Locally, a worker of the
# first attempt that answers late therefore ends the second attempt with its own result, and no component gets an error.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install ministack==1.5.33 boto3==1.43.106

port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(cd "$folder" && exec env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" "$folder/venv/bin/ministack" > "$folder/log" 2>&1) &
server=$!

cat > "$folder/ask.py" <<'PROGRAM'
import json
import sys
import time

import boto3
from botocore.exceptions import EndpointConnectionError


def client(service):
    return boto3.client(
        service,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
    )


queues, states = client("sqs"), client("stepfunctions")
ends = time.monotonic() + 60
while True:
    try:
        url = queues.create_queue(QueueName="work")["QueueUrl"]
        break
    except EndpointConnectionError:
        if time.monotonic() > ends:
            raise
        time.sleep(0.2)


def next_token():
    while True:
        found = queues.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        if found:
            queues.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
            return json.loads(found[0]["Body"])["token"]


work = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}},
    "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2}],
    "End": True,
}
machine = states.create_state_machine(
    name="work", definition=json.dumps({"StartAt": "Work", "States": {"Work": work}}), roleArn="arn:aws:iam::000000000000:role/r"
)["stateMachineArn"]
execution = states.start_execution(stateMachineArn=machine)["executionArn"]
first = next_token()
states.send_task_failure(taskToken=first, error="Busy", cause="")
second = next_token()
print("the second attempt has", "the same token" if first == second else "another token")
states.send_task_success(taskToken=first, output='"late answer of the first attempt"')
while states.describe_execution(executionArn=execution)["status"] == "RUNNING":
    time.sleep(0.1)
ended = states.describe_execution(executionArn=execution)
print(ended["status"], ended["output"])
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py" "$port")
echo "ministack 1.5.33"
echo "$seen"
expected='the second attempt has the same token
SUCCEEDED "late answer of the first attempt"'
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
