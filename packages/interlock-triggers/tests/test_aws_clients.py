"""The limits of AWS clients: all tries of a call together end before its deadline."""

from typing import Any

import pytest

from interlock_triggers._aws_clients import AwsClients, NoTime, default_client
from interlock_triggers._deadline import Deadline, Timing

LONGEST_PAUSES = 3.0
"""boto3's standard mode waits at most 1 second before the second try, and 2 seconds before the third."""


def limits(left: float, *, retries: bool, longest: int = 900) -> Any:
    """The config of a client for a call with `left` seconds."""
    deadline = Deadline(left, Timing(now=lambda: 0.0, monotonic=lambda: 0.0))
    clients = AwsClients(default_client)
    return clients.get("glue", deadline, region="us-east-1", retries=retries, longest=longest).meta.config


@pytest.mark.parametrize("retries", [True, False])
@pytest.mark.parametrize("left", [1.0, 1.9, 2.0, 3.5, 6.0, 8.9, 9.0, 12.0, 30.0, 60.0, 900.0])
def test_all_tries_together_end_before_the_deadline(left: float, retries: bool) -> None:
    config = limits(left, retries=retries)
    tries = config.retries["total_max_attempts"]
    pauses = LONGEST_PAUSES if tries > 1 else 0.0
    assert config.connect_timeout > 0
    assert config.read_timeout > 0
    assert tries * (config.connect_timeout + config.read_timeout) + pauses <= left


@pytest.mark.parametrize(("left", "tries"), [(8.9, 1), (9.0, 3), (60.0, 3)])
def test_short_time_has_one_try(left: float, tries: int) -> None:
    assert limits(left, retries=True).retries["total_max_attempts"] == tries
    assert limits(left, retries=False).retries["total_max_attempts"] == 1


def test_long_time_is_cut_to_the_longest_wait_for_an_answer() -> None:
    config = limits(900.0, retries=True, longest=20)
    assert (config.connect_timeout, config.read_timeout) == (3, 20)


def test_nothing_is_sent_in_the_last_second() -> None:
    with pytest.raises(NoTime):
        limits(0.9, retries=False)
