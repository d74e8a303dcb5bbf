# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "boto3==1.43.106", "croniter==7.0.0", "duckdb==2.0.1", "httpx==0.28.1", "ministack==1.5.33", "moto[dynamodb,sqs]==5.2.5",
#   "msgspec==0.22.0", "pandas==3.1.1", "polars==2.1.0", "pydantic==2.14.4", "pyyaml==6.0.4", "requests==2.34.2", "tzdata==2026.6",
# ]
# ///
"""Writes the tables of libraries and emulators below docs/wrong-guesses: `uv run docs/website/guesses.py`.

`--check` compares the tables with the pages and changes nothing. Each row has a call, which runs here, and its answer.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[1] / "wrong-guesses"


class Guess(NamedTuple):
    """A call, the good guess about its answer, and the packages that it needs."""

    package: str
    call: str
    guess: str
    setup: str = ""


PYTHON = "from datetime import UTC, datetime, timedelta; from zoneinfo import ZoneInfo; B = ZoneInfo('Europe/Berlin')"
LIBRARIES: dict[str, list[Guess]] = {
    "times": [
        Guess("Python", "datetime(2026, 3, 29, 12, tzinfo=B) - datetime(2026, 3, 28, 12, tzinfo=B)", "23 hours elapsed", PYTHON),
        Guess("Python", "datetime(2026, 3, 29, 2, 30, tzinfo=B).isoformat()", "an error: this time does not exist", PYTHON),
        Guess("pandas", "pd.Timedelta('PT1.5H')", "one hour and a half", "import pandas as pd"),
        Guess("pandas", "pd.to_datetime(pd.to_datetime(pd.Series(['2026-03-03'])).astype('int64'))[0]", "3 March 2026", "import pandas as pd"),
        Guess("pandas", "pd.Timestamp('2026-03-29 02:30', tz='Europe/Berlin')", "as for a datetime, in the next row", "import pandas as pd"),
        Guess("pandas", "pd.Timestamp(datetime(2026, 3, 29, 2, 30), tz='Europe/Berlin')", "as for a text", "import pandas as pd; from datetime import datetime"),
        Guess("pydantic", "TypeAdapter(timedelta).validate_python('90')", "90 seconds, as for the number 90", "from pydantic import TypeAdapter; from datetime import timedelta"),
        Guess("pydantic", "TypeAdapter(timedelta).validate_python('01:30')", "90 seconds", "from pydantic import TypeAdapter; from datetime import timedelta"),
        Guess("croniter", "croniter('0 8-8 * * *', datetime(2026, 3, 3)).get_next(datetime)", "08:00", "from croniter import croniter; from datetime import datetime"),
    ],
    "values": [
        Guess("polars", "pl.Series([2_000_000_000] * 2, dtype=pl.Int32).sum()", "4000000000", "import polars as pl"),
        Guess("duckdb", "duckdb.execute('select count_if(true) from range(0)').fetchone()", "0 of no rows", "import duckdb"),
        Guess("pyyaml", "yaml.safe_load('at: 12:30')", "the text 12:30", "import yaml"),
        Guess("pyyaml", "yaml.safe_load('country: no')", "the text no", "import yaml"),
        Guess("pyyaml", "yaml.safe_load('a: &a {rows: 1}\\nb: &b {rows: 2}\\nc: {<<: [*a, *b]}')['c']", "rows of `a`: the first one wins", "import yaml"),
        Guess("Python", "json.dumps({'share': float('nan')})", "an error: JSON has no NaN", "import json"),
        Guess("boto3", "TypeSerializer().serialize(0.1)", "the number 0.1", "from boto3.dynamodb.types import TypeSerializer"),
        Guess("msgspec", "msgspec.json.decode(b'[1]', type=list[msgspec.Raw | None])", "a list with the raw value", "import msgspec"),
    ],
    "defaults": [
        Guess("requests", "inspect.signature(requests.Session.request).parameters['timeout'].default", "some seconds", "import inspect, requests"),
        Guess("httpx", "httpx.Client().timeout.read", "as requests, none", "import httpx"),
        Guess("boto3", "Config().connect_timeout, Config().read_timeout", "some seconds", "from botocore.config import Config"),
        Guess("boto3", "Session().get_data('_retry')['retry']['dynamodb']['__default__']['max_attempts']", "5, as for other services", "from botocore.session import Session"),
        Guess("requests", "after_redirect(lambda url: requests.post(url, data='start'), 302)", "the POST is repeated", "import requests"),
        Guess("httpx", "after_redirect(lambda url: httpx.post(url, content='start'), 302)", "the redirect is followed", "import httpx"),
        Guess("requests", "after_redirect(lambda url: requests.post(url, data='start'), 307)", "as for 302", "import requests"),
    ],
}  # fmt: skip


def after_redirect(send: Callable[[str], Any], status: int) -> str:
    """The requests that a server sees if it answers the first one with a redirect."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            seen.append(f"{self.command} {self.path} {body}".strip())
            self.send_response(status if self.path == "/start" else 200)
            self.send_header("Location", "/moved")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """No log."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        answer = send(f"http://127.0.0.1:{server.server_port}/start")
        server.shutdown()
    return f"{', '.join(seen)}: status {answer.status_code}"


def answered(guess: Guess, names: dict[str, Any]) -> str:
    """The answer of the call, or its error."""
    names = dict(names)
    exec(guess.setup, names)
    try:
        return f"`{eval(guess.call, names)!r}`".replace("\n", " ")
    except Exception as error:  # noqa: BLE001 the error is the answer
        return f"{type(error).__name__}: {str(error).splitlines()[0][:110]}"


def shown(guess: Guess, answer: str) -> str:
    """A line of a table."""
    name = guess.package if guess.package == "Python" else f"{guess.package} {version(guess.package)}"
    cells = (name, f"`{guess.call}`", guess.guess, answer)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# --- emulators -----------------------------------------------------------------------------------------------------------

ROLE = "arn:aws:iam::000000000000:role/r"
EMULATORS = [
    Guess("both", "repeated_put(aws)", "[an identical PutItem makes no stream record](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html)"),
    Guess("both", "full_page(aws)", "[a key may come without further rows, so code must expect an empty page](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html)"),
    Guess("both", "number(aws, '0.10')", "[zeros at the end are trimmed: 0.1](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html)"),
    Guess("both", "removed(aws, 'REMOVE l[0], l[2]')", "[both elements by their old places: b d](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html)"),
    Guess("both", "old_receipt(aws)", "[with an old receipt the request succeeds, and the message might not be deleted](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html)"),
    Guess("ministack", "repeated_start(aws)", "[the same name and input: the same execution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html)"),
]  # fmt: skip


def repeated_put(aws: Callable[[str], Any]) -> str:
    """The stream records of two equal writes."""
    table, streams = (
        _table(aws, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}),
        aws("dynamodbstreams"),
    )
    for _ in range(2):
        aws("dynamodb").put_item(TableName=table, Item={"k": {"S": "a"}, "n": {"N": "1"}})
    arn = streams.list_streams(TableName=table)["Streams"][0]["StreamArn"]
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return ", ".join(record["eventName"] for record in records)


def full_page(aws: Callable[[str], Any]) -> str:
    """Whether three rows and a limit of three have a next page."""
    table = _table(aws)
    for key in "abc":
        aws("dynamodb").put_item(TableName=table, Item={"k": {"S": key}})
    return (
        "LastEvaluatedKey"
        if "LastEvaluatedKey" in aws("dynamodb").scan(TableName=table, Limit=3)
        else "no LastEvaluatedKey"
    )


def number(aws: Callable[[str], Any], text: str) -> str:
    """The text of a number that was written and read."""
    table = _table(aws)
    aws("dynamodb").put_item(TableName=table, Item={"k": {"S": "a"}, "n": {"N": text}})
    return str(aws("dynamodb").get_item(TableName=table, Key={"k": {"S": "a"}})["Item"]["n"]["N"])


def removed(aws: Callable[[str], Any], expression: str) -> str:
    """The list a, b, c, d after the removal of elements."""
    table = _table(aws)
    aws("dynamodb").put_item(TableName=table, Item={"k": {"S": "a"}, "l": {"L": [{"S": letter} for letter in "abcd"]}})
    aws("dynamodb").update_item(TableName=table, Key={"k": {"S": "a"}}, UpdateExpression=expression)
    item = aws("dynamodb").get_item(TableName=table, Key={"k": {"S": "a"}})["Item"]
    return " ".join(part["S"] for part in item["l"]["L"])


def old_receipt(aws: Callable[[str], Any]) -> str:
    """Whether the first of two receipts deletes a message that the second one holds."""
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first)
    return "kept" if sqs.receive_message(QueueUrl=url).get("Messages") else "deleted"


def repeated_start(aws: Callable[[str], Any]) -> str:
    """The answer to a start that is sent twice."""
    states, arn = aws("stepfunctions"), _machine(aws, {"Type": "Wait", "Seconds": 60, "End": True})
    starts = [states.start_execution(stateMachineArn=arn, name="a", input="{}")["executionArn"] for _ in range(2)]
    return "the same execution" if starts[0] == starts[1] else "another execution"


def _table(aws: Callable[[str], Any], **more: Any) -> str:
    import secrets

    name = f"t{secrets.token_hex(4)}"
    key = {"AttributeName": "k"}
    aws("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[key | {"KeyType": "HASH"}],
        AttributeDefinitions=[key | {"AttributeType": "S"}], **more,
    )  # fmt: skip
    return name


def _machine(aws: Callable[[str], Any], state: dict[str, Any]) -> str:
    import json
    import secrets

    definition = json.dumps({"StartAt": "S", "States": {"S": state}})
    answer = aws("stepfunctions").create_state_machine(
        name=f"m{secrets.token_hex(4)}", definition=definition, roleArn=ROLE
    )
    return str(answer["stateMachineArn"])


def _clients(**more: Any) -> Callable[[str], Any]:
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
    return lambda service: boto3.client(service, **keys, **more)


@contextmanager
def ministack() -> Iterator[Callable[[str], Any]]:
    """The clients of a server that runs for the time of the block."""
    import os
    import socket
    import subprocess
    import tempfile
    import time

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {"PATH": os.environ["PATH"], "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [str(Path(sys.executable).with_name("ministack"))], cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )  # fmt: skip
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.2)
            yield _clients(endpoint_url=f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()


def emulators() -> list[str]:
    """The lines of the table of emulators."""
    from moto import mock_aws

    answers: dict[str, dict[str, str]] = {}
    with ministack() as aws:
        answers["ministack"] = {one.call: answered(one, globals() | {"aws": aws}) for one in EMULATORS}
    with mock_aws():
        wanted = [one for one in EMULATORS if one.package == "both"]
        answers["moto"] = {one.call: answered(one, globals() | {"aws": _clients()}) for one in wanted}
    lines = []
    for one in EMULATORS:
        summary = (globals()[one.call.partition("(")[0]].__doc__ or "").rstrip(".")
        cells = [
            summary,
            one.guess,
            *(answers[name].get(one.call, "not asked").strip("`'") for name in ("ministack", "moto")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


HEADS = {
    "emulators": f"| question | AWS documents | ministack {version('ministack')} | moto {version('moto')} |\n|---|---|---|---|",
    "libraries": "| package | call | a good guess | answer |\n|---|---|---|---|",
}


def main() -> int:
    """Write or compare the tables."""
    tables = {
        ("libraries", name): [shown(one, answered(one, globals())) for one in found]
        for name, found in LIBRARIES.items()
    }
    tables["emulators", "emulators"] = emulators()
    changed: list[str] = []
    for (page, name), lines in tables.items():
        path = FOLDER / f"{page}.md"
        before = path.read_text()
        mark = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        body = "\n".join([HEADS[page], *lines])
        after = mark.sub(lambda found, body=body: f"{found[1]}\n{body}\n\n{found[2]}", before)
        changed += [line for line in after.splitlines() if line not in before.splitlines()]
        if "--check" not in sys.argv:
            path.write_text(after)
    sys.stdout.writelines(f"{line}\n" for line in changed)
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
