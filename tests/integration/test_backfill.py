"""A backfill of 30 dates on the local stack, killed in the middle and started again: each date runs once."""

import json
import signal
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta

from integration.conftest import PATIENCE, Outside, await_that, pipeline

DAYS = [str(date(2026, 3, 1) + timedelta(days=number)) for number in range(30)]
RANGE = f"{DAYS[0]}..{DAYS[-1]}"
NAME = "filled"


def test_killed_backfill_runs_each_date_once(outside: Outside) -> None:
    outside.push(NAME, pipeline(outside.folder, NAME, rules="{key: rates, check: exists, anyDate: true}"))
    outside.put(NAME, "rates", euro=1)
    command = [sys.executable, "-m", "interlock_cli", "rerun", NAME, RANGE, "--pace", "4", "--wait"]
    with subprocess.Popen([*command, "--endpoint-url", outside.stack.endpoint_url], stdout=subprocess.PIPE) as first:
        await_that(lambda: len(outside.starts(NAME)) >= 8, "the first jobs")
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE)
    begun = set(outside.starts(NAME))
    assert 8 <= len(begun) < len(DAYS)
    answer = json.loads(outside.interlock("rerun", NAME, RANGE, "--pace", "4", "--wait", "--json").stdout)
    assert answer["counts"] == {"completed": len(DAYS)}
    assert Counter(outside.starts(NAME)) == Counter(f"{day} 0" for day in DAYS)
    again = json.loads(outside.interlock("rerun", NAME, RANGE, "--name", "2", "--dry-run", "--json").stdout)
    assert again["counts"] == {"rejected": len(DAYS)}
    assert {one["reason"] for one in again["dates"]} == {"no manual rerun left (1 of 1 used)"}
