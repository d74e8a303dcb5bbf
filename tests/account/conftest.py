"""A deployment of the suite's own in the account that INTERLOCK_ACCOUNT_TESTS names."""

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest

from account import Deployed, WrongAccount, chosen_account, cost_lines, deployed, usage_of
from interlock_local.site import teardown
from interlock_store import DynamoTables, Store, TableNames


@pytest.fixture(scope="session")
def clients() -> Callable[[str], Any]:
    """Clients with the credentials and the region of the shell."""
    return cache(lambda service: boto3.client(service))


@pytest.fixture(scope="session")
def deployment(clients: Callable[[str], Any]) -> Iterator[Deployed]:
    try:
        account = chosen_account(os.environ, lambda: str(clients("sts").get_caller_identity()["Account"]))
    except WrongAccount as error:
        pytest.exit(str(error), returncode=2)
    environment, begin = f"account-{secrets.token_hex(4)}", datetime.now(UTC)
    region = clients("dynamodb").meta.region_name
    print(f"\ndeploying {environment}-interlock-* to account {account} in {region}")
    with deployed(clients, environment, account, region, print) as made:
        yield made
        print("", *cost_lines(usage_of(clients, environment, made.machine, begin, datetime.now(UTC))), sep="\n")
    left = teardown(clients, environment)
    assert left == (), f"the removal left {', '.join(left)}, which is removed now"


@pytest.fixture(scope="session")
def store(deployment: Deployed, clients: Callable[[str], Any]) -> Store:
    return Store(DynamoTables(clients("dynamodb")), TableNames.of_environment(deployment.environment))
