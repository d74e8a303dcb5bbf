"""Guarded connections: names are resolved here, every address is checked, and only permitted ones are dialled."""

import socket
import ssl
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from msgspec import Struct
from urllib3.connection import HTTPConnection, HTTPSConnection

from interlock_triggers._deadline import Deadline

from ._addresses import AllowList, parse_address

SocketAddress = tuple[Any, ...]
Resolver = Callable[[str, int], list[SocketAddress]]
"""The socket addresses of a host and a port: (address, port) or (address, port, flow, scope)."""
Dialer = Callable[[SocketAddress, float], socket.socket]
"""A connected socket to a numeric socket address, within a number of seconds."""


class Forbidden(Exception):
    """A trigger must not reach this address or URL."""


class Unreachable(Exception):
    """No connection could be made. No request was sent."""


def resolve(host: str, port: int) -> list[SocketAddress]:
    """Ask the system's resolver."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [answer[4] for answer in answers]


def dial(address: SocketAddress, seconds: float) -> socket.socket:
    """Connect to a numeric address, without a name lookup."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


class Network(Struct, frozen=True):
    """The settings of connections. `trust` is the TLS context. None means the system's roots."""

    allowed: AllowList
    resolver: Resolver = resolve
    dialer: Dialer = dial
    trust: ssl.SSLContext | None = None

    def check(self, host: str, port: int, deadline: Deadline) -> None:
        """Raise Forbidden unless all of the host's addresses are permitted. Unreachable: they could not be found."""
        self._permitted(host, self._resolve(host, port, deadline))

    def connect(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        """A socket to one of the host's addresses, all of which must be permitted."""
        addresses = self._permitted(host, self._resolve(host, port, deadline))
        trouble = "no address"
        for tried, address in enumerate(addresses):
            if deadline.passed:
                raise Unreachable(f"{host}: no time left to connect")
            try:
                # The remaining addresses share the time: an address that never answers leaves time for the next one.
                connected = self.dialer(address, deadline.remaining() / (len(addresses) - tried))
            except OSError as error:
                trouble = error.strerror or type(error).__name__
            else:
                connected.settimeout(max(deadline.remaining(), 0.001))
                return connected
        raise Unreachable(f"{host}: cannot connect: {trouble}")

    def _permitted(self, host: str, addresses: list[SocketAddress]) -> list[SocketAddress]:
        """All addresses, or an error if one is forbidden: a name with a forbidden address cannot be trusted."""
        for address in addresses:
            try:
                permitted = self.allowed.permits(host, parse_address(str(address[0])))
            except ValueError:
                permitted = False
            if not permitted:
                place = host if host == address[0] else f"{host} leads to {address[0]}, which"
                raise Forbidden(f"{place} is not a public address; INTERLOCK_TRIGGER_ALLOWED_HOSTS can permit it")
        return addresses

    def _resolve(self, host: str, port: int, deadline: Deadline) -> list[SocketAddress]:
        """The host's addresses. Resolvers have no timeout, so that this method limits the wait."""
        answer: list[list[SocketAddress]] = []
        trouble: list[Exception] = []

        def ask() -> None:
            try:
                answer.append(self.resolver(host, port))
            except (OSError, UnicodeError, ValueError) as error:
                trouble.append(error)

        asking = threading.Thread(target=ask, name="interlock-resolve", daemon=True)
        asking.start()
        asking.join(deadline.remaining())
        if answer:
            return answer[0]
        why = getattr(trouble[0], "strerror", None) or type(trouble[0]).__name__ if trouble else "no answer in time"
        raise Unreachable(f"{host}: cannot resolve: {why}")


class _Guarded:
    """Replaces the socket of urllib3's connections through urllib3's own hook."""

    network: Network
    deadline: Deadline
    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        return self.network.connect(self.host, self.port, self.deadline)


class GuardedHTTPConnection(_Guarded, HTTPConnection):
    """A plain connection that reaches permitted addresses only."""


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    """A TLS connection that reaches permitted addresses only, with the certificate verified."""


@cache
def _system_trust() -> ssl.SSLContext:
    """The system's roots, read once since reading them is slow."""
    return ssl.create_default_context()


def open_connection(
    network: Network, scheme: str, host: str, port: int, deadline: Deadline
) -> GuardedHTTPConnection | GuardedHTTPSConnection:
    """A connection that is not connected yet."""
    seconds = max(deadline.remaining(), 0.001)
    connection: GuardedHTTPConnection | GuardedHTTPSConnection
    if scheme == "https":
        trust = network.trust or _system_trust()
        connection = GuardedHTTPSConnection(host, port, timeout=seconds, ssl_context=trust)
    else:
        connection = GuardedHTTPConnection(host, port, timeout=seconds)
    connection.network = network
    connection.deadline = deadline
    return connection
