"""Only public addresses are ever connected to, for every spelling, name and redirect of an address."""

import contextlib
import socket
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trigger_peers.wires import OK, Names, Wire, redirect

from interlock_triggers import (
    AllowListError,
    Attempt,
    Category,
    Clients,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Timing,
    TriggerError,
    start,
)
from interlock_triggers._http._addresses import is_public, parse_address

ATTEMPT = Attempt("p", "stream", "2026-03-03", 0, "k-1")
PUBLIC, OTHER_PUBLIC = "93.184.216.34", "1.1.1.1"

LITERALS = [
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.254",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.1",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.7",
    "192.88.99.1",
    "168.63.129.16",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::FFFF:C0A8:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[ff0e::1]",
    "[2001:db8::1]",
    "[2001::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::]",
    "[100::1]",
    "[3fff::1]",
    "[5f00::1]",
]

ODD_SPELLINGS = [
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7F.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.1",
    "127.0.1",
    "0",
    "0x0",
    "00",
    "10.1",
    "012.1",
    "0xa.0.0.1",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "3232235521",
    "0xc0a80001",
    "192.168.257",
]

NAMES: dict[str, list[list[str]]] = {
    "localhost": [["127.0.0.1"]],
    "localhost6": [["::1"]],
    "app.localhost": [["127.0.0.1"]],
    "metadata.google.internal": [["169.254.169.254"]],
    "instance-data.ec2.internal": [["169.254.169.254"]],
    "db.corp.example": [["10.20.30.40"]],
    "mixed.example": [[PUBLIC, "10.0.0.1"]],
    "mixed-private-first.example": [["10.0.0.1", PUBLIC]],
    "mixed-families.example": [["2606:2800:220:1::1", "fd00::1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "nat64.example": [["64:ff9b::a9fe:a9fe"]],
    "scoped.example": [["fe80::1%eth0"]],
    "127.0.0.1.nip.example": [["127.0.0.1"]],
    "xn--lclhost-9wa.example": [["127.0.0.1"]],
    "LOUD.EXAMPLE": [["127.0.0.1"]],
    "cgn.example": [["100.64.1.1"]],
    "nonsense.example": [["not-an-address"]],
}
TABLE = {name.lower(): answers for name, answers in NAMES.items()} | {
    "public.example": [[PUBLIC]],
    "other.example": [[OTHER_PUBLIC]],
}

URLS = [
    f"http://user@{PUBLIC}/",
    f"http://user:password@{PUBLIC}/",
    f"http://{PUBLIC}@127.0.0.1/",
    f"http://127.0.0.1@{PUBLIC}/",
    f"http://@{PUBLIC}/",
    f"http://{PUBLIC}\\@127.0.0.1/",
    f"http://{PUBLIC}\\.example/",
    "http://127.0.0.1%2f@public.example/",
    "http://127.0.0.1%00.public.example/",
    "http://[fe80::1%25eth0]/",
    "http://[::1",
    "http://::1/",
    "http://",
    "http:///run",
    "http://:80/run",
    "http:127.0.0.1/",
    "//127.0.0.1/",
    "127.0.0.1",
    "",
    "http://public.example:0/",
    "http://public.example:65536/",
    "http://public.example:http/",
    "file:///etc/passwd",
    "ftp://public.example/",
    "gopher://public.example:70/_x",
    "unix:///var/run/docker.sock",
    "HTTP+UNIX://public.example/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://public.example/run now",
    "http://public.example/\trun",
    "http://public.example/\r\nX-Injected: 1",
    "http://public.example/?q=\r\n\r\nGET /admin HTTP/1.1",
    "http://public.example\r\n.other.example/",
    " http://127.0.0.1/",
    "http://public.example/\x00",
    "http://public.example/\x7f",
]

FORBIDDEN = [
    *(f"http://{host}/run" for host in LITERALS),
    *(f"https://{host}/run" for host in LITERALS[::7]),
    *(f"http://{host}:8080/run" for host in ODD_SPELLINGS),
    *(f"http://{host}/run" for host in NAMES),
    *URLS,
]


@pytest.fixture
def connects(forbid_connects: Callable[[], list[str]]) -> Callable[[], list[str]]:
    return forbid_connects


def _clients(wire: Wire, names: Names | None = None, **more: Any) -> Clients:
    timing = Timing(sleep=lambda seconds: None)
    return Clients(resolver=names or Names(TABLE), dialer=wire, timing=timing, environment={}, **more)


def _start(url: str, clients: Clients, job_type: str = "http", **more: Any) -> Started:
    config = {
        "http": {"url": url},
        "airflow": {"url": url, "dagID": "load"},
        "databricks": {"workspaceUrl": url, "jobId": 1},
    }[job_type]
    return start(job_type, config | more, ATTEMPT, until=time.time() + 60, clients=clients)


def test_the_table_is_long_enough() -> None:
    assert len(set(FORBIDDEN)) >= 80


@pytest.mark.parametrize("url", FORBIDDEN, ids=lambda url: repr(url)[:60])
def test_a_forbidden_address_is_never_connected_to(url: str, connects: Callable[[], list[str]]) -> None:
    wire = Wire({"127.0.0.1": OK, PUBLIC: OK})
    with pytest.raises(StartRejected) as rejected:
        _start(url, _clients(wire))
    assert rejected.value.category is Category.PERMANENT
    assert wire.dialled == []
    assert connects() == []


@pytest.mark.parametrize("job_type", ["airflow", "databricks"])
@pytest.mark.parametrize("url", FORBIDDEN[::9], ids=lambda url: repr(url)[:60])
def test_the_other_http_types_are_guarded_too(job_type: str, url: str, connects: Callable[[], list[str]]) -> None:
    wire = Wire({"127.0.0.1": OK, PUBLIC: OK})
    with pytest.raises(StartRejected):
        _start(url, _clients(wire), job_type)
    assert wire.dialled == []
    assert connects() == []


@pytest.mark.parametrize("url", FORBIDDEN[::5], ids=lambda url: repr(url)[:60])
def test_with_the_real_dialer_no_socket_is_connected_either(url: str, connects: Callable[[], list[str]]) -> None:
    clients = Clients(resolver=Names(TABLE), timing=Timing(sleep=lambda seconds: None), environment={})
    with pytest.raises(StartRejected):
        _start(url, clients)
    assert connects() == []


def test_public_addresses_are_dialled_as_resolved() -> None:
    wire = Wire({PUBLIC: OK})
    assert _start("http://public.example/run", _clients(wire)).run_id == "sync"
    assert wire.dialled == [PUBLIC]
    assert wire.received[0].startswith(b"POST /run HTTP/1.1\r\nHost: public.example\r\n")


@pytest.mark.parametrize("address", ["2606:2800:220:1::1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public_addresses_of_the_sixth_version_are_dialled(address: str) -> None:
    wire = Wire({address: OK})
    _start("http://six.example/", _clients(wire, Names({"six.example": [[address]]})))
    assert wire.dialled == [address]


def test_the_connects_are_really_recorded(connects: Callable[[], list[str]]) -> None:
    """The recorder of connects works: without it, the tests above would prove nothing."""
    with pytest.raises(ConnectionRefusedError), socket.socket() as opened:
        opened.connect(("127.0.0.1", 9))
    assert connects() == ["127.0.0.1"]


REDIRECTS = [
    (status, location)
    for status in (307, 308)
    for location in (
        "http://127.0.0.1/run",
        "http://2130706433/run",
        "http://[::1]/run",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "//127.0.0.1/run",
        "http://localhost/run",
        "http://mixed.example/run",
        f"http://{PUBLIC}@127.0.0.1/",
        f"http://{PUBLIC}\\@127.0.0.1/",
        "file:///etc/passwd",
        "ftp://other.example/",
        "http://other.example:0/",
    )
]


@pytest.mark.parametrize(("status", "location"), REDIRECTS)
def test_a_redirect_to_a_forbidden_address_is_not_followed(status: int, location: str) -> None:
    wire = Wire({PUBLIC: redirect(status, location), "127.0.0.1": OK})
    with pytest.raises(StartRejected) as rejected:
        _start("http://public.example/run", _clients(wire))
    assert rejected.value.category is Category.PERMANENT
    assert wire.dialled == [PUBLIC]


@pytest.mark.parametrize("location", ["http://127.0.0.1/status", "http://metadata.google.internal/", "file:///x"])
def test_accepted_request_with_forbidden_redirect_not_rejected(location: str) -> None:
    """303 means that the request was processed and its outcome is at another address."""
    wire = Wire({PUBLIC: redirect(303, location), "127.0.0.1": OK})
    with pytest.raises(StartUnconfirmed):
        _start("http://public.example/run", _clients(wire))
    assert set(wire.dialled) == {PUBLIC}


def test_the_outcome_of_a_303_is_read_at_its_location() -> None:
    wire = Wire({PUBLIC: redirect(303, "http://other.example/outcome"), OTHER_PUBLIC: OK})
    _start("http://public.example/run", _clients(wire))
    assert wire.received[1].startswith(b"GET /outcome HTTP/1.1\r\nHost: other.example\r\n")
    assert b"par_day" not in wire.received[1]


@pytest.mark.parametrize("job_type", ["airflow", "databricks"])
def test_an_api_redirect_to_a_forbidden_address_is_not_followed(job_type: str) -> None:
    wire = Wire({PUBLIC: redirect(307, "http://127.0.0.1/")})
    with pytest.raises(StartRejected):
        _start("http://public.example", _clients(wire), job_type)
    assert wire.dialled == [PUBLIC]


def test_a_forbidden_address_at_the_end_of_a_chain_is_unreached() -> None:
    wire = Wire(
        {
            PUBLIC: redirect(307, "http://other.example/next"),
            OTHER_PUBLIC: redirect(308, "http://10.0.0.1/run"),
        }
    )
    with pytest.raises(StartRejected):
        _start("http://public.example/run", _clients(wire))
    assert wire.dialled == [PUBLIC, OTHER_PUBLIC]


def test_a_redirect_loop_ends() -> None:
    wire = Wire({PUBLIC: redirect(307, "http://public.example/again")})
    with pytest.raises(StartRejected):
        _start("http://public.example/run", _clients(wire))
    assert len(wire.dialled) == 6


def test_another_host_gets_method_and_body_without_credentials() -> None:
    wire = Wire({PUBLIC: redirect(307, "http://other.example/run?step=2"), OTHER_PUBLIC: OK})
    headers = {"Authorization": "Bearer t0p-s3cret", "Cookie": "a=b", "X-Api-Key": "k3y-k3y"}
    _start("http://public.example/run", _clients(wire), headers=headers, body={"a": 1})
    first, second = wire.received
    assert b"t0p-s3cret" in first
    assert second.startswith(b"POST /run?step=2 HTTP/1.1\r\nHost: other.example\r\n")
    assert second.endswith(b'{"a": 1}')
    assert b"Idempotency-Key: k-1" in second
    assert not any(word in second for word in (b"t0p-s3cret", b"Cookie", b"k3y-k3y"))


@pytest.mark.parametrize("status", [301, 302])
def test_a_post_never_becomes_a_get(status: int) -> None:
    wire = Wire({PUBLIC: redirect(status, "http://other.example/run"), OTHER_PUBLIC: OK})
    with pytest.raises(StartRejected) as rejected:
        _start("http://public.example/run", _clients(wire))
    assert rejected.value.category is Category.PERMANENT
    assert wire.dialled == [PUBLIC]


def test_a_name_that_changes_between_tries_is_checked_each_time() -> None:
    wire = Wire({"127.0.0.1": OK})
    rebinding = Names({"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    with pytest.raises(StartRejected):
        _start("http://rebind.example/run", _clients(wire, rebinding))
    assert wire.dialled == [PUBLIC]


def test_a_name_is_resolved_once_per_connection() -> None:
    wire = Wire({PUBLIC: OK, "127.0.0.1": OK})
    rebinding = Names({"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    _start("http://rebind.example/run", _clients(wire, rebinding))
    assert wire.dialled == [PUBLIC]


def test_a_name_that_changes_across_a_redirect_is_not_followed() -> None:
    wire = Wire({PUBLIC: redirect(307, "http://rebind.example/again"), "127.0.0.1": OK})
    rebinding = Names({"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    with pytest.raises(StartRejected):
        _start("http://rebind.example/run", _clients(wire, rebinding))
    assert wire.dialled == [PUBLIC]


def test_a_name_that_changes_after_the_start_is_not_followed() -> None:
    """Airflow: the start goes to the public address, its answer is lost, and the next question must go there, too."""
    wire = Wire({PUBLIC: b"", "127.0.0.1": OK})
    rebinding = Names({"rebind.example": [[PUBLIC], [PUBLIC], [PUBLIC], ["127.0.0.1"]]})
    with pytest.raises(TriggerError):
        _start("http://rebind.example/api/v2", _clients(wire, rebinding), "airflow")
    assert set(wire.dialled) == {PUBLIC}


@pytest.mark.parametrize(
    ("allowed", "url", "dialled"),
    [
        ("127.0.0.1", "http://127.0.0.1/", "127.0.0.1"),
        ("127.0.0.0/8", "http://127.1/", "127.0.0.1"),
        ("10.0.0.0/8", "http://db.corp.example/", "10.20.30.40"),
        ("db.corp.example", "http://db.corp.example/", "10.20.30.40"),
        ("DB.corp.example.", "http://db.CORP.example/", "10.20.30.40"),
        ("10.20.30.40", "http://db.corp.example/", "10.20.30.40"),
        ("10.20.30.40, 127.0.0.1", "http://127.0.0.1/", "127.0.0.1"),
        ("::1", "http://localhost6/", "::1"),
        ("[::1]", "http://[::1]/", "::1"),
        ("127.0.0.0/8", "http://mapped.example/", "::ffff:127.0.0.1"),
        ("::ffff:127.0.0.0/104", "http://127.0.0.1/", "127.0.0.1"),
        ("fd00::/8 10.0.0.0/8", "http://mixed-private-first.example/", "10.0.0.1"),
    ],
)
def test_the_allow_list_permits_hosts_addresses_and_networks(allowed: str, url: str, dialled: str) -> None:
    wire = Wire({dialled: OK})
    assert _start(url, _clients(wire, allowed_hosts=allowed)).status is not None
    assert wire.dialled == [dialled]


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("corp.example", "http://db.corp.example/"),
        ("db.corp.example", "http://10.20.30.40/"),
        ("b.corp.example", "http://db.corp.example/"),
        ("10.0.0.0/24", "http://db.corp.example/"),
        ("127.0.0.1", "http://127.0.0.2/"),
        ("::1", "http://127.0.0.1/"),
        ("public.example", "http://127.0.0.1/"),
    ],
)
def test_the_allow_list_permits_only_its_entries(allowed: str, url: str) -> None:
    wire = Wire({"10.20.30.40": OK, "127.0.0.1": OK})
    with pytest.raises(StartRejected):
        _start(url, _clients(wire, allowed_hosts=allowed))
    assert wire.dialled == []


def test_an_allowed_host_may_not_redirect_beyond_the_list() -> None:
    wire = Wire({"10.20.30.40": redirect(307, "http://127.0.0.1/"), "127.0.0.1": OK})
    with pytest.raises(StartRejected):
        _start("http://db.corp.example/", _clients(wire, allowed_hosts="db.corp.example"))
    assert wire.dialled == ["10.20.30.40"]


@pytest.mark.parametrize(
    "entry",
    [
        "*.corp.example",
        "http://db.corp.example",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "0x7f.1",
        "2130706433",
        "a b/c",
        "db.corp.example:8080",
    ],
)
def test_a_wrong_entry_of_the_allow_list_is_an_error(entry: str) -> None:
    with pytest.raises(AllowListError) as error:
        Clients(allowed_hosts=[entry])
    assert entry in str(error.value)


HEADERS = [
    {"X-A": "1\r\nX-Injected: 1"},
    {"X-A": "1\nX-Injected: 1"},
    {"X-A": "1\rb"},
    {"X-A": "nul\x00"},
    {"X-A": "high €"},
    {"X-A\r\nX-Injected": "1"},
    {"X A": "1"},
    {"": "1"},
    {"X-A:": "1"},
    {"Host": "other.example"},
    {"Content-Length": "0"},
    {"Transfer-Encoding": "chunked"},
    {"Connection": "keep-alive"},
    {"idempotency-key": "mine"},
    {"X-A": "1", "x-a": "2"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=repr)
@pytest.mark.parametrize("job_type", ["http", "airflow", "databricks"])
def test_headers_cannot_inject_or_reframe(job_type: str, headers: dict[str, str]) -> None:
    wire = Wire({PUBLIC: OK})
    with pytest.raises(StartRejected) as rejected:
        _start("http://public.example", _clients(wire), job_type, headers=headers)
    assert rejected.value.category is Category.PERMANENT
    assert wire.dialled == []


def test_a_path_and_query_of_odd_characters_arrive_as_they_are() -> None:
    wire = Wire({PUBLIC: OK})
    started = _start("http://public.example/a%0d%0ab/../c;d?e=%0A&f=/x", _clients(wire))
    assert started.status is not None
    assert started.status.state is State.SUCCEEDED
    assert wire.received[0].startswith(b"POST /a%0d%0ab/../c;d?e=%0A&f=/x HTTP/1.1\r\n")


@given(st.ip_addresses())
def test_no_special_address_of_the_standard_library_passes(address: IPv4Address | IPv6Address) -> None:
    if is_public(parse_address(str(address))):
        inside = parse_address(str(address))
        assert inside.is_global
        special = (inside.is_multicast, inside.is_private, inside.is_loopback, inside.is_link_local)
        assert not any((*special, inside.is_reserved, inside.is_unspecified))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_checked(address: IPv4Address) -> None:
    for carrier in ("::ffff:", "64:ff9b::"):
        assert parse_address(f"{carrier}{address}") == address


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_as_a_url_leads_inside(text: str) -> None:
    wire = Wire({"127.0.0.1": OK})
    for url in (text, f"http://{text}", f"http://{text}@127.0.0.1/", f"http://public.example{text}"):
        with contextlib.suppress(TriggerError):
            _start(url, _clients(wire, Names(TABLE), allowed_hosts=()))
    assert all(is_public(parse_address(address)) for address in wire.dialled)
