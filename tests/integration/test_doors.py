"""Each port of a running stack: its API, its recording Slack, and whatever its processes open besides."""

import http.client
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from interlock_local.stack import LocalStack

_BODY = '{"channel": "C0LOCAL", "text": "forged"}'


def test_no_port_answers_a_stranger_or_a_page(stack: LocalStack) -> None:
    assert stack.slack is not None
    api, slack = (urlsplit(url).port for url in (stack.endpoint_url, stack.slack.base_url))
    marker = f"GATEWAY_PORT={api}".encode()
    found = ports_of({pid for pid in pids() if marker in environment(pid)})
    assert api in found
    kept = {message["ts"] for message in stack.slack_messages()}
    for port in {*found, slack}:
        assert port is not None
        for origin in ({}, {"Origin": "https://example.com"}, {"Origin": "null"}):
            for path in ("/", "/_ministack/reset", "/_interlock/backlog", "/api/chat.postMessage"):
                status, headers, body = post(port, path, origin)
                # Slack's API answers a wrong token with status 200 and an error.
                is_rejected = status in {400, 403} or (port == slack and not origin and '"invalid_auth"' in body)
                assert is_rejected, (port, path, origin, status, body)
                assert not [name for name in headers if name.lower().startswith("access-control")]
        assert post(port, "/", {"Host": f"attacker.example:{port}"})[0] == 403
    # Runs of other tests go on meanwhile, and their alerts are posted.
    found_later = stack.slack_messages()
    assert kept <= {message["ts"] for message in found_later}
    assert not [message for message in found_later if "forged" in json.dumps(message)]


def post(port: int, path: str, more: dict[str, str]) -> tuple[int, list[str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, _BODY, {"Content-Type": "text/plain", **more})
    answer = connection.getresponse()
    found = answer.status, [name for name, _ in answer.getheaders()], answer.read().decode()
    connection.close()
    return found


def pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def ports_of(owners: set[int]) -> set[int]:
    """The TCP ports on which these processes listen."""
    sockets = set()
    for pid in owners:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(descriptor))
            except OSError:
                continue
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found
