#!/usr/bin/env bash
# An endpoint that is no DynamoDB, such as a login page or another program on the port of a local emulator, answers 200
# with HTML. botocore returns a success without fields: a table scan has no error and no items. A program that loops over
# `answer.get("Items", [])` sees an empty table.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install botocore==1.43.106

cat > "$folder/ask.py" <<'PROGRAM'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import botocore
import botocore.session


class Page(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<html><body>Please log in</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        return


server = HTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = botocore.session.get_session().create_client(
    "dynamodb",
    region_name="eu-west-1",
    endpoint_url=f"http://127.0.0.1:{server.server_port}",
    aws_access_key_id="a",
    aws_secret_access_key="b",
)
answer = client.scan(TableName="orders")
status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
print(f"botocore {botocore.__version__}: status {status}, fields {sorted(answer)}, items {answer.get('Items', [])}")
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py")
echo "$seen"
expected="botocore 1.43.106: status 200, fields [], items []"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
