"""The target of a deployment: the clients, and the names and ARNs of one environment."""

import threading
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from interlock_local.site._settings import StackSettings

Clients = Callable[[str], Any]


class Queue(Struct, frozen=True):
    """A queue's URL and ARN."""

    url: str
    arn: str


class Site:
    """One environment in one account and region."""

    def __init__(self, clients: Clients, settings: StackSettings, region: str, account: str) -> None:
        self.clients = _made_once(clients)
        self.settings = settings
        self.region = region
        self.account = account

    def name(self, thing: str) -> str:
        """The name of a resource: `<environment>-interlock-<thing>`."""
        return f"{self.settings.environment}-interlock-{thing}"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the deployment."""
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"


def _made_once(clients: Clients) -> Clients:
    """One client per service. Threads may share clients, but not create them at the same time."""
    lock = threading.Lock()
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = clients(service)
            return made[service]

    return client
