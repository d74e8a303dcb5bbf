#!/usr/bin/env bash
# ministack 1.5.33: UpdateFunctionCode ends the invocations that run. Their caller gets a FunctionError although the code
# never failed. Lambda lets them finish with the old code, so a deployment in the middle of the work loses nothing there.
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
import io
import json
import pathlib
import sys
import threading
import time
import zipfile

import boto3
from botocore.exceptions import EndpointConnectionError

begun = pathlib.Path(sys.argv[2]) / "begun"
lambdas = boto3.client(
    "lambda",
    region_name="eu-west-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
)


def code(version):
    text = (
        "import pathlib, time\n"
        "def handle(event, context):\n"
        f"    pathlib.Path({str(begun)!r}).touch()\n"
        "    time.sleep(event['seconds'])\n"
        f"    return 'version {version}'\n"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", text)
    return packed.getvalue()


def invoke(seconds):
    answer = lambdas.invoke(FunctionName="work", Payload=json.dumps({"seconds": seconds}))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def create():
    ends = time.monotonic() + 60
    while True:
        try:
            return lambdas.create_function(
                FunctionName="work",
                Runtime="python3.11",
                Role="arn:aws:iam::000000000000:role/r",
                Handler="app.handle",
                Code={"ZipFile": code(1)},
                Timeout=60,
            )
        except EndpointConnectionError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


create()
print("before the update:", *invoke(0))
begun.unlink()
answers = []
running = threading.Thread(target=lambda: answers.append(invoke(6)))
running.start()
while not begun.exists():
    time.sleep(0.05)
lambdas.update_function_code(FunctionName="work", ZipFile=code(2))
running.join()
error, payload = answers[0]
print("during the update:", error, payload if error is None else payload["errorMessage"])
print("after the update:", *invoke(0))
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py" "$port" "$folder")
echo "ministack 1.5.33"
echo "$seen"
expected='before the update: None version 1
during the update: Unhandled Worker process died
after the update: None version 2'
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
