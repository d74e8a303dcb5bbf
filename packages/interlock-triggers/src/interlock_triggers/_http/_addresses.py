"""The addresses that a trigger may connect to: public unicast addresses and the entries of the allow-list."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from interlock_triggers._errors import AllowListError

Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_LOOKS_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?")

# IANA's special-purpose registries, written out: the ipaddress module differs between Python versions.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, metadata endpoints
        "168.63.129.16/32",  # a cloud's platform address, public only in form
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, limited broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
_CARRIES_V4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4-mapped and NAT64 addresses: the IPv4 address in their last 32 bits counts."""


def parse_address(text: str) -> Address:
    """The address in the text of a socket address. A mapped or NAT64 address becomes the IPv4 address inside."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and any(address in network for network in _CARRIES_V4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address is a public unicast address."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


class AllowList:
    """Exact host names and networks that are allowed although they are not public.

    An entry is a host name (`airflow.internal`, no wildcards: subdomains are other hosts), an address or a network
    in CIDR form. A host name allows every address that it resolves to. Raises AllowListError for any other entry.
    """

    def __init__(self, entries: str | Iterable[str] = ()) -> None:
        words = re.split(r"[\s,]+", entries) if isinstance(entries, str) else entries
        hosts: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in filter(None, (word.strip().lower() for word in words)):
            network = _network(entry)
            if network is not None:
                networks.append(network)
            elif _HOST.fullmatch(entry) and not _LOOKS_NUMERIC.fullmatch(entry):
                hosts.add(entry.rstrip("."))
            else:
                raise AllowListError(f"allowed hosts are host names, addresses or CIDR networks, not {entry!r}")
        self._hosts = frozenset(hosts)
        self._networks = tuple(networks)

    def permits(self, host: str, address: Address) -> bool:
        """Whether connecting to `address`, which `host` resolved to, is allowed."""
        if is_public(address) or host.lower().rstrip(".") in self._hosts:
            return True
        return any(address in network for network in self._networks)

    def __repr__(self) -> str:
        return f"AllowList({', '.join([*sorted(self._hosts), *map(str, self._networks)])})"


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        network = ip_network(entry.strip("[]"))
    except ValueError:
        return None
    if isinstance(network, IPv6Network):
        for carrier in _CARRIES_V4:
            if network.subnet_of(carrier):
                return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network
