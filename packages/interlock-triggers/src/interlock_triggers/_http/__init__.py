"""HTTP requests: allowed addresses, circuit breakers for failing hosts, and the sending of one request.

`_addresses` has the allow-list, `_dial` guards each connection, `_target` checks URLs and headers, `_exchange` sends
one request, `_caller` repeats it, and `_breakers` stops requests to a failing host.
"""

from ._addresses import AllowList
from ._breakers import Breakers
from ._caller import Caller, NotAccepted, Reply, Unclear
from ._dial import Dialer, Forbidden, Network, Resolver, Unreachable, dial, resolve
from ._exchange import AnswerLost, Misdirected, Request, exchange
from ._target import checked_headers, parse_url

__all__ = [
    "AllowList",
    "AnswerLost",
    "Breakers",
    "Caller",
    "Dialer",
    "Forbidden",
    "Misdirected",
    "Network",
    "NotAccepted",
    "Reply",
    "Request",
    "Resolver",
    "Unclear",
    "Unreachable",
    "checked_headers",
    "dial",
    "exchange",
    "parse_url",
    "resolve",
]
