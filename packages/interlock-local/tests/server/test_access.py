"""Who may ask the server: requests as boto3, a browser and other programs send them, to each port of the stack."""

import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from interlock_local.keys import StackKey, key_of_endpoint
from interlock_local.server._access import Request, _general_signature, _plain_signature
from interlock_local.stack import Ministack

PUT = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}


@pytest.fixture(scope="module")
def server() -> Iterator[Ministack]:
    with Ministack() as running:
        yield running


def client(server: Ministack, key: StackKey, service: str = "dynamodb") -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=server.endpoint_url,
        region_name=key.region,
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: str = "{}"
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    connection.close()
    return found


def signed_headers(server: Ministack) -> dict[str, str]:
    """The headers of a signed ListTables."""
    seen: dict[str, str] = {}
    made = client(server, server.key)

    def keep(request: Any, **_: Any) -> None:
        seen.update(
            {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        )

    made.meta.events.register("before-send.dynamodb.ListTables", keep)
    made.list_tables()
    # Each request states the size of its own body, which is not signed.
    del seen["Content-Length"]
    return seen


def test_the_key_opens_each_service(server: Ministack) -> None:
    assert client(server, server.key).list_tables()["TableNames"] == []
    assert client(server, server.key, "sts").get_caller_identity()["Account"] == "000000000000"
    buckets = client(server, server.key, "s3")
    buckets.create_bucket(Bucket="profiles")
    buckets.put_object(Bucket="profiles", Key="a b/c+d.prof", Body=b"x")
    assert buckets.get_object(Bucket="profiles", Key="a b/c+d.prof")["Body"].read() == b"x"
    found = client(server, server.key, "lambda").list_functions(MaxItems=5)
    assert found["Functions"] == []


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (StackKey("wrong"), "InvalidSignatureException"),
        (StackKey("test", access_key="test"), "UnrecognizedClientException"),
    ],
    ids=["secret", "access-key"],
)
def test_foreign_credentials_get_one_sentence(server: Ministack, key: StackKey, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        client(server, key).list_tables()
    assert caught.value.response["Error"]["Code"] == code
    assert "not the keys of this local stack. Run `interlock env`" in caught.value.response["Error"]["Message"]


def test_another_region_gets_one_sentence(server: Ministack) -> None:
    with pytest.raises(ClientError, match="This local stack is in us-east-1, not in eu-west-1"):
        client(server, StackKey(server.key.secret, region="eu-west-1")).list_tables()


def test_a_changed_body_breaks_the_signature(server: Ministack) -> None:
    headers = signed_headers(server)
    assert ask(server.port, "POST", "/", headers, "{}")[0] == 200
    assert ask(server.port, "POST", "/", headers, '{"Limit": 1}')[0] == 403


def test_a_page_cannot_ask_before_it_sends(server: Ministack) -> None:
    preflight = {
        "Origin": "https://example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-amz-date,x-amz-target",
        "Access-Control-Request-Private-Network": "true",
    }
    status, headers, _ = ask(server.port, "OPTIONS", "/", preflight)
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "https://example.com", "Content-Type": "text/plain"},
        {"Origin": "null", "Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
    ],
    ids=["fetch", "sandboxed-form", "image"],
)
def test_a_page_cannot_send_without_a_preflight(server: Ministack, sent: dict[str, str]) -> None:
    for method, path in (("POST", "/"), ("GET", "/"), ("POST", "/_ministack/reset"), ("GET", "/_ministack/health")):
        status, headers, body = ask(server.port, method, path, sent)
        assert status == 403, (method, path, body)
        assert not [name for name in headers if name.startswith("access-control")]


def test_a_page_with_a_stolen_signature_is_rejected(server: Ministack) -> None:
    headers = signed_headers(server) | {"Origin": "https://example.com"}
    assert ask(server.port, "POST", "/", headers)[0] == 403


def test_an_answer_has_no_permission_for_pages(server: Ministack) -> None:
    status, headers, _ = ask(server.port, "POST", "/", signed_headers(server))
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control")]


def test_a_rebound_name_is_rejected(server: Ministack) -> None:
    headers = signed_headers(server) | {"Host": f"attacker.example:{server.port}"}
    status, _, body = ask(server.port, "POST", "/", headers)
    assert (status, "does not answer for the host" in body) == (403, True)


def test_a_web_socket_is_closed(server: Ministack) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert ask(server.port, "GET", "/", upgrade, "")[0] in {400, 403}


def test_each_port_of_the_processes_needs_the_key(server: Ministack) -> None:
    """Also the ports that the server or its workers open besides the port of the API."""
    ports = listening_ports(processes_of(f"GATEWAY_PORT={server.port}"))
    assert server.port in ports
    for port in ports:
        status, _, body = ask(port, "POST", "/", dict(PUT))
        assert (status, "MissingAuthenticationToken" in body) == (403, True), port


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_ministack/reset"), ("POST", "/_ministack/config"), ("GET", "/_interlock/backlog"), ("GET", "/")],
)
def test_a_server_with_roles_needs_a_key_too(method: str, path: str) -> None:
    with Ministack(settings={"AUTH": "true"}) as server:
        assert ask(server.port, method, path, {})[0] == 403
        made_up = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260303/us-east-1/x/aws4_request, Signature=0"}
        assert ask(server.port, method, path, made_up)[0] in {400, 403}
        assert client(server, server.key).list_tables()["TableNames"] == []


def test_only_this_user_can_read_the_key(server: Ministack, tmp_path: Path) -> None:
    with Ministack(data_dir=tmp_path / "data") as kept:
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600
        assert key_of_endpoint(kept.endpoint_url) == kept.key
        assert kept.key != server.key
        endpoint, key = kept.endpoint_url, kept.key
    assert key_of_endpoint(endpoint) is None
    with Ministack(data_dir=tmp_path / "data") as again:
        assert again.key == key, "functions and scripts keep working after a restart"


def test_a_directory_that_all_could_read_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "key").write_text("secret-of-an-earlier-start\n")
    (data / "key").chmod(0o644)
    with Ministack(data_dir=data) as server:
        assert server.key.secret == "secret-of-an-earlier-start"
        assert data.stat().st_mode & 0o777 == 0o700
        assert (data / "key").stat().st_mode & 0o777 == 0o600


def processes_of(marker: str) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def listening_ports(pids: set[int]) -> set[int]:
    """The TCP ports on which these processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(os.readlink(descriptor))
            except OSError:
                continue
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.parametrize("value", ["x", "", "  two   words ", "é"])
@pytest.mark.parametrize("names", ["host;x-amz-date;x-amz-target", "x-amz-date", "expect;host;x-one", "host"])
def test_the_short_signature_is_that_of_botocore(names: str, value: str) -> None:
    headers = {"host": "127.0.0.1:4", "x-amz-date": "20260303T120000Z", "x-amz-target": "A.B", "x-one": value}
    request = Request("POST", "/", "", headers, b'{"a": 1}')
    signed = ("20260303T120000Z", "us-east-1", "dynamodb", "secret")
    assert _plain_signature(request, names.split(";"), *signed) == _general_signature(
        request, names.split(";"), *signed
    )


@pytest.mark.parametrize("changed", ["secret", "stamp", "body", "host", "target"])
def test_each_part_of_a_request_changes_its_short_signature(changed: str) -> None:
    def signature(part: str) -> str:
        headers = {"host": "other" if part == "host" else "x", "x-amz-target": "C.D" if part == "target" else "A.B"}
        return _plain_signature(
            Request("POST", "/", "", headers, b"2" if part == "body" else b"1"),
            ["host", "x-amz-target"],
            "20260303T120001Z" if part == "stamp" else "20260303T120000Z",
            "us-east-1",
            "dynamodb",
            "other" if part == "secret" else "secret",
        )

    assert signature(changed) != signature("")
