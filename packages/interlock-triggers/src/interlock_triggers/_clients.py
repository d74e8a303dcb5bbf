"""The outside world of triggers: the network, the AWS clients, the environment, the clocks."""

import os
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._aws_clients import AwsClients
from ._deadline import Timing
from ._http import AllowList, Breakers, Caller, Dialer, Network, Resolver, dial, resolve
from ._secrets import SecretStore


class Clients:
    """Everything outside of the process that a trigger uses. Make one and share it between threads.

    allowed_hosts: hosts, addresses and networks beyond public ones that the HTTP types may connect to, as the
        text of INTERLOCK_TRIGGER_ALLOWED_HOSTS (separated by commas or spaces) or as a list.
    environment: the environment that commands inherit, by default that of this process. Only PATH and INTERLOCK_*
        reach the commands.
    working_directory: the directory of commands without `workingDirectory`, by default that of this process.
    breakers: the circuit breakers per host. Share them to read their states.
    aws: makes AWS clients, called as `aws(service, region=…, retries=…, read_timeout=…)`, by default with boto3's
        default session. Only the AWS types call it.
    secrets: the values of `${secret:…}` in configs, by default none that can be read.
    trust: the TLS context, by default with the system's roots.
    resolver, dialer, timing: name resolution, connecting and clocks. Tests replace them.
    Raises AllowListError for an invalid entry of allowed_hosts.
    """

    def __init__(
        self,
        *,
        allowed_hosts: str | Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
        working_directory: str | None = None,
        breakers: Breakers | None = None,
        aws: Callable[..., Any] | None = None,
        secrets: SecretStore | None = None,
        trust: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        dialer: Dialer = dial,
        timing: Timing | None = None,
    ) -> None:
        self.timing = timing or Timing()
        self.working_directory = working_directory
        self.breakers = breakers or Breakers(timing=self.timing)
        network = Network(AllowList(allowed_hosts), resolver, dialer, trust)
        self.caller = Caller(network, self.breakers, self.timing)
        self.aws = AwsClients(aws)
        self.tokens = Tokens()
        self.secrets = secrets or SecretStore()
        self._environment = environment

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that commands inherit from."""
        return os.environ if self._environment is None else self._environment

    def __repr__(self) -> str:
        return f"Clients({dict(self.breakers.states())})"


class Tokens:
    """Access tokens from logins, kept for the next call of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], str] = {}

    def get(self, origin: str, login: str) -> str | None:
        """The token of a login at an origin, if one is kept."""
        with self._lock:
            return self._tokens.get((origin, login))

    def put(self, origin: str, login: str, token: str) -> None:
        """Keep a token."""
        with self._lock:
            self._tokens[origin, login] = token

    def forget(self, origin: str, login: str) -> None:
        """Drop a token that is no longer accepted."""
        with self._lock:
            self._tokens.pop((origin, login), None)

    def __repr__(self) -> str:
        return "Tokens(…)"
