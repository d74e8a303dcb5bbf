"""The requests of the direct client against those of boto3: headers, bodies, signatures, endpoints and credentials."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError, NoRegionError
from hypothesis import given
from hypothesis import strategies as st

from interlock_store import DynamoClient, DynamoTables, Keys, Server, find_server, open_tables
from interlock_store._client import _dynamo_client, _server
from interlock_store._client._connections import Answer
from interlock_store._client._signing import Signer
from interlock_store._write import Check, Delete, Expect, Put, Update

NOW = datetime(2026, 3, 3, 12, 0, 7, tzinfo=UTC)
TOKEN = "00000000-0000-4000-8000-000000000000"
UNSIGNED = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "authorization"}
ROW = {
    "PK": "a",
    "SK": "1",
    "text": "Grüße 🚦",
    "count": 7,
    "ratio": 0.1,
    "raw": b"\x00\xff",
    "many": {"x", "y"},
    "deep": [{"n": None}],
}
WRITES = [
    [Put("t", ROW, Expect(exists=False))],
    [Update("t", "a", "1", set={"n": 2}, remove=("m",), expect=Expect(equals={"n": 1}, absent=("o",)))],
    [Delete("t", "a", "1")],
    [
        Put("t", ROW),
        Update("t", "a", "2", set={"n": 1}),
        Delete("t", "a", "3"),
        Check("t", "a", "4", Expect(exists=True)),
    ],
]


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment of AWS without any variable and file."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "REQUESTS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def use(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    given = {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        **variables,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)


class NoBody:
    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [b'{"Items": [], "Responses": {}}']


class Recorder:
    """Records the requests of boto3's client or of the direct client, and sends none."""

    def __init__(self) -> None:
        self.found: list[tuple[str, dict[str, str], Any]] = []

    def of_boto3(self) -> Any:
        client = boto3.Session().client("dynamodb")
        client.meta.events.register("before-send.dynamodb", self._keep)
        return client

    def _keep(self, request: Any, **_: Any) -> AWSResponse:
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        self._note(request.url, headers, request.body)
        return AWSResponse(request.url, 200, {}, NoBody())  # type: ignore[arg-type]

    def of_direct(self, monkeypatch: pytest.MonkeyPatch) -> DynamoClient:
        server = find_server(os.environ)
        assert server is not None
        client = DynamoClient(server, now=lambda: NOW)

        def post(headers: dict[str, str], body: bytes, **_: float) -> Answer:
            self._note(f"{server.url}/", headers, body)
            return Answer(200, {}, b'{"Items": [], "Responses": {}}')

        monkeypatch.setattr(client._connections, "post", post)
        return client

    def _note(self, url: str, headers: dict[str, str], body: bytes) -> None:
        self.found.append(
            (url, {name: value for name, value in headers.items() if name not in UNSIGNED}, json.loads(body))
        )


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same time and the same token for both clients."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
    monkeypatch.setattr("botocore.handlers.uuid.uuid4", lambda: TOKEN)
    monkeypatch.setattr(_dynamo_client, "uuid4", lambda: TOKEN)


def ask_all(tables: DynamoTables) -> None:
    """Each operation of the tables."""
    tables.get("t", "a", "1")
    tables.get_many("t", [("a", "1"), ("a", "2")])
    list(tables.query("t", "a", prefix="TRIGGER#", newest_first=True, limit=3))
    list(tables.query("t", "PENDING", index="GSI1", up_to="2026-03-03"))
    for writes in WRITES:
        tables.transact(writes)


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize("token", ["", "session/token+of=a-role"])
def test_requests_are_those_of_boto3(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, AWS_SESSION_TOKEN=token)
    asked_by_boto3, asked_directly = Recorder(), Recorder()
    ask_all(DynamoTables(asked_by_boto3.of_boto3()))
    ask_all(DynamoTables(asked_directly.of_direct(monkeypatch)))
    assert len(asked_directly.found) == len(asked_by_boto3.found) == 8
    for direct, expected in zip(asked_directly.found, asked_by_boto3.found, strict=True):
        expected[1].pop("content-length")
        direct[1].pop("host")  # http.client of boto3 adds it later
        sort_sets(direct[2])
        sort_sets(expected[2])
        assert direct == expected


def sort_sets(body: Any) -> None:
    """Sort the members of each set in a body."""
    for name, value in body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ():
        if name in ("SS", "NS", "BS"):
            value.sort()
        sort_sets(value)


@given(
    body=st.binary(max_size=200),
    access_key=st.from_regex(r"[A-Z0-9]{16,20}", fullmatch=True),
    secret=st.from_regex(r"[A-Za-z0-9/+]{1,60}", fullmatch=True),
    token=st.none() | st.from_regex(r"[A-Za-z0-9/+= ]{1,60}", fullmatch=True).map(str.strip),
    url=st.sampled_from(
        [
            "https://dynamodb.us-east-1.amazonaws.com",
            "http://127.0.0.1:4566",
            "https://[::1]:8443",
            "http://LOCALHOST:80",
        ]
    ),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
)
def test_signatures_are_those_of_botocore(
    body: bytes, access_key: str, secret: str, token: str | None, url: str, now: datetime
) -> None:
    keys = Keys(access_key, secret, token)
    server = Server(url, "us-east-1", lambda: keys)
    signed = Signer(server.host, "us-east-1").headers(keys, "DynamoDB_20120810.GetItem", body, now.replace(tzinfo=UTC))
    names = ("content-type", "x-amz-target")
    request = AWSRequest("POST", f"{url}/", headers={name: signed[name] for name in names}, data=body)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("botocore.auth.get_current_datetime", lambda: now)
        SigV4Auth(Credentials(access_key, secret, token), "dynamodb", "us-east-1").add_auth(request)
    assert signed["authorization"] == request.headers["Authorization"]
    assert signed["x-amz-date"] == request.headers["X-Amz-Date"]


def test_key_of_another_day_or_secret_is_computed_again() -> None:
    signer = Signer("h", "us-east-1")

    def sign(secret: str, day: int) -> str:
        return signer.headers(Keys("a", secret), "t", b"", NOW.replace(day=day))["authorization"]

    first = sign("s", 3)
    assert len({first, sign("s", 4), sign("t", 4)}) == 3
    assert sign("s", 3) == first


def expected_server() -> tuple[str, str]:
    """The URL and the region of a request of boto3."""
    url, region = _server._sample_request(botocore.session.Session())
    return url.rstrip("/"), region


def regions() -> list[str]:
    session = botocore.session.Session()
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("dynamodb", partition)
    ]


@pytest.mark.parametrize(
    "region", [*regions(), "eu-south-9", "us-gov-north-1", "cn-west-2", "us-isob-east-9", "eusc-de-east-1", "xy-here-1"]
)
def test_endpoint_of_each_region_is_that_of_botocore(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, AWS_DEFAULT_REGION=region)
    server = find_server(os.environ)
    assert server is not None
    assert (server.url, server.region) == expected_server()


CASES: dict[str, dict[str, str]] = {
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "both": {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "account": {"AWS_ACCOUNT_ID": "123456789012"},
    "account off": {"AWS_ACCOUNT_ID": "123456789012", "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"},
    "URL": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    "URL with a slash": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"},
    "URL of DynamoDB": {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_DYNAMODB": "https://tables.example",
    },
    "ignored URL": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "URL and account": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCOUNT_ID": "123456789012"},
    "profile": {"AWS_PROFILE": "fips"},
    "profile with a URL": {"AWS_PROFILE": "urls", "AWS_DEFAULT_REGION": ""},
    "no variables": {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_DEFAULT_REGION": ""},
}
CONFIG = """
[default]
region = ap-south-1
aws_access_key_id = AKFILE
aws_secret_access_key = of-the-file
[profile fips]
use_fips_endpoint = true
[profile urls]
region = sa-east-1
services = mine
[services mine]
dynamodb =
  endpoint_url = http://127.0.0.1:9
"""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("with_file", [False, True])
def test_server_is_that_of_botocore(
    case: str, with_file: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if with_file:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text(CONFIG)
    use(monkeypatch, **CASES[case])
    for name, value in CASES[case].items():
        if not value:
            monkeypatch.delenv(name)
    try:
        expected = expected_server()
    except BotoCoreError as error:
        with pytest.raises(type(error)):
            find_server(os.environ)
        return
    server = find_server(os.environ)
    assert server is not None
    assert (server.url, server.region) == expected
    credentials = botocore.session.Session().get_credentials()
    assert credentials is not None
    assert server.keys() == Keys(credentials.access_key or "", credentials.secret_key or "", credentials.token)


SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_DEFAULT_REGION": "eu-west-1"}


class _Credentials(BaseHTTPRequestHandler):
    """Temporary credentials at an address, a new key for each request. The first key has expired."""

    def do_GET(self) -> None:
        """Answer the function that has the token."""
        if self.headers["Authorization"] != "of-the-function":
            self.send_error(401)
            return
        number = next(self.server.numbers)  # type: ignore[attr-defined]
        expiration = "2099-01-01T00:00:00Z" if number else "2020-01-01T00:00:00Z"
        key = {"AccessKeyId": f"AK{number}", "SecretAccessKey": "s", "Token": "t", "Expiration": expiration}
        content = json.dumps(key).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a function with SnapStart: its credentials are at an address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Credentials) as server:
        server.numbers = count()  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/credentials"
        variables = {
            **SNAP_START,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": address,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of-the-function",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield
        server.shutdown()


@pytest.mark.usefixtures("restored")
def test_restored_function_takes_credentials_from_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(variables: Mapping[str, str]) -> None:
        raise AssertionError("botocore was asked, with DynamoDB's model")

    monkeypatch.setattr(_server, "_ask_botocore", ask)
    server = find_server(os.environ)
    assert server is not None
    assert (server.url, server.region) == ("https://dynamodb.eu-west-1.amazonaws.com", "eu-west-1")
    # The credentials of the snapshot have expired, and botocore fetches others.
    assert server.keys() == server.keys() == Keys("AK1", "s", "t")


@pytest.mark.usefixtures("restored")
def test_credentials_at_the_address_are_those_of_botocore() -> None:
    server = find_server(os.environ)
    expected = botocore.session.Session().get_credentials()
    assert server is not None
    assert expected is not None
    assert expected.method == "container-role"
    assert (server.url, server.region) == expected_server()
    assert server.keys().token == expected.token


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"},
        {"AWS_ACCESS_KEY_ID": "AK"},
        {"AWS_CREDENTIAL_FILE": "/nowhere"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"},
        {"BOTO_CONFIG": "/nowhere"},
    ],
)
def test_other_credentials_are_a_question_to_botocore(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(_server, "_ask_botocore", lambda found: asked.append(True))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_server(os.environ) is None
    assert asked == [True]


@pytest.mark.usefixtures("restored")
def test_address_that_rejects_the_function_raises_as_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-another")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.RETRY_ATTEMPTS", 1)
    with pytest.raises(CredentialRetrievalError):
        find_server(os.environ)


def test_environment_without_credentials_raises_as_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoCredentialsError):
        find_server(os.environ)


def test_environment_without_a_region_raises_as_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(NoRegionError):
        find_server(os.environ)


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/base"},
        {"HTTPS_PROXY": "http://proxy.example:3128"},
        {"https_proxy": "http://proxy.example:3128"},
    ],
    ids=["URL with a path", "proxy", "proxy in lower case"],
)
def test_boto3_serves_servers_that_need_it(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, **variables)
    assert find_server(os.environ) is None
    assert type(open_tables()._client).__name__ == "DynamoDB"


def test_host_without_a_proxy_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, HTTPS_PROXY="http://proxy.example:3128", NO_PROXY="amazonaws.com")
    assert find_server(os.environ) is not None


def test_client_is_boto3_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    assert type(open_tables("boto3")._client).__name__ == "DynamoDB"
    assert isinstance(open_tables()._client, DynamoClient)


def test_temporary_credentials_are_refreshed_between_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, AWS_CREDENTIAL_EXPIRATION="2026-03-03T12:00:00Z")
    made = iter(range(100))

    def fetch() -> dict[str, str]:
        number = next(made)
        # Each key has expired when the next call begins.
        return {
            "access_key": f"AK{number}",
            "secret_key": "s",
            "token": "t",
            "expiry_time": "2020-01-01T00:00:00Z" if number % 2 else "2099-01-01T00:00:00Z",
        }

    refreshed = RefreshableCredentials("AKOLD", "s", "t", datetime(2020, 1, 1, tzinfo=UTC), fetch, "test")
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: refreshed)
    monkeypatch.setattr(
        _server, "_sample_request", lambda session: ("https://dynamodb.eu-west-1.amazonaws.com/", "eu-west-1")
    )
    server = find_server(os.environ)
    assert server is not None
    assert server.keys().access_key == "AK0"
    refreshed._expiry_time = datetime(2020, 1, 1, tzinfo=UTC)
    refreshed._refresh_using = lambda: {**fetch(), "access_key": "AKNEW", "expiry_time": "2099-01-01T00:00:00Z"}
    assert server.keys().access_key == "AKNEW"


@pytest.mark.parametrize(
    ("variable", "file"), [("AWS_CA_BUNDLE", "/a.pem"), ("REQUESTS_CA_BUNDLE", "/b.pem"), ("", "cacert.pem")]
)
def test_certificates_are_those_of_botocore(variable: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, **({variable: file} if variable else {}))
    server = find_server(os.environ)
    assert server is not None
    assert server.ca_file is not None
    assert server.ca_file.endswith(file)


def test_opening_tables_imports_no_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    program = "import sys; from interlock_store import open_tables; open_tables(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore.session", "email", "http.client", "tenacity", "urllib3"} & set(done.stdout.split())


def test_keys_do_not_show_their_secrets() -> None:
    assert "hidden" not in repr(Keys("AK", "hidden", "hidden"))


def test_trace_of_the_invocation_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, AWS_LAMBDA_FUNCTION_NAME="f", _X_AMZN_TRACE_ID="Root=1-2;Parent=3;Sampled=1 ü")
    recorder = Recorder()
    client = recorder.of_direct(monkeypatch)
    boto3_client = recorder.of_boto3()
    monkeypatch.setattr(client, "_trace", open_tables()._client._trace)  # type: ignore[attr-defined]
    for each in (client, boto3_client):
        each.get_item(TableName="t", Key={"PK": {"S": "a"}})
    direct, expected = recorder.found
    assert direct[1]["x-amzn-trace-id"] == expected[1]["x-amzn-trace-id"]
