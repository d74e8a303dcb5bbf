"""HTTP requests: allowed addresses, circuit breakers for failing hosts, and the sending of one request.

`_addresses` has the allow-list, `_dial` guards each connection, `_target` checks URLs and headers, `_exchange` sends
one request, `_caller` repeats it, and `_breakers` stops requests to a failing host.
"""

from ._addresses import AllowList
from ._breakers import Breakers
from ._caller import Caller, NotAccepted, Reply, Unclear
from ._dial import Dialer, Forbidden, Network, Resolver, dial, resolve
from ._exchange import Request
from ._target import checked_headers, parse_url

__all__ = [
    "AllowList",
    "Breakers",
    "Caller",
    "Dialer",
    "Forbidden",
    "Network",
    "NotAccepted",
    "Reply",
    "Request",
    "Resolver",
    "Unclear",
    "checked_headers",
    "dial",
    "parse_url",
    "resolve",
]
