"""A real Great Expectations: invalid data holds a run, and valid data starts it. INTERLOCK_TEST_GX names its Python."""

import os
import subprocess
from pathlib import Path

import pytest
from integration.conftest import Outside, await_that, folder, outside, pipeline, stack

from interlock_lifecycle import RunStatus

__all__ = ["folder", "outside", "stack"]

DATE = "2026-03-03"
RULES = "{key: gx.orders, check: equals, field: success, value: true}"


def validate(outside: Outside, text: str) -> None:
    if "INTERLOCK_TEST_GX" not in os.environ:
        pytest.skip("INTERLOCK_TEST_GX names no Python with Great Expectations (`nox -s gx` installs it)")
    file = outside.folder / "orders.csv"
    file.write_text(text)
    key = outside.stack.key
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_DEFAULT_REGION": key.region,
        "GX_ANALYTICS_ENABLED": "false",
    }
    program = Path(__file__).with_name("orders.py")
    subprocess.run(
        [os.environ["INTERLOCK_TEST_GX"], str(program), str(file), DATE, outside.stack.endpoint_url],
        env=environment,
        check=True,
        capture_output=True,
    )


def test_a_run_is_held_by_invalid_data_and_started_by_valid(outside: Outside) -> None:
    text = pipeline(outside.folder, "validated", rules=RULES)
    outside.push(
        "validated",
        text.replace("{key: ready, check: equals, field: ready, value: true}", "{key: gx.orders, check: exists}"),
    )
    validate(outside, "id,price\n1,10\n,20\n")
    await_that(lambda: "RUN_HELD" in outside.events("validated", DATE), "the hold")
    assert outside.starts("validated") == []
    [row] = [fields for key, fields in outside.store.all_sensors("validated").items() if key.startswith("gx.orders#")]
    assert (row["success"], row["failed"]) == (False, ["expect_column_values_to_not_be_null(id)"])

    validate(outside, "id,price\n1,10\n2,20\n")
    assert outside.closed("validated", DATE).status is RunStatus.COMPLETED
    assert outside.starts("validated") == [f"{DATE} 0"]
