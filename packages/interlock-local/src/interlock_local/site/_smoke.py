"""The smoke test of a deployment: one pipeline from its sensor to its end."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey, RunStatus
from interlock_local import LocalStackError
from interlock_sla import parse_execution_date
from interlock_store import Store

_PATIENCE = 180.0
"""Seconds until a run counts as stuck. A first start of each function takes some of them."""

_PIPELINE = """
pipeline: {{id: {name}}}
schedule: {{trigger: {{key: ready, check: exists}}}}
validation: {{rules: [{{key: ready, check: gte, field: count, value: 1}}]}}
job: {{type: command, config: {{command: "true"}}}}
"""


def run_smoke_test(
    store: Store, *, patience: float = _PATIENCE, progress: Callable[[str], None] = lambda line: None
) -> str:
    """Run a pipeline of its own to its end, and remove it. The result is its name. The rows of its run stay.

    Raises LocalStackError if the run does not complete within `patience` seconds. The message has its state.
    """
    name = f"interlock-smoke-{secrets.token_hex(4)}"
    day = datetime.now(UTC).date().isoformat()
    key = RunKey(name, "stream", parse_execution_date(day))
    progress(f"running {name}")
    store.put_config(decode_yaml(_PIPELINE.format(name=name), f"{name}.yaml"))
    try:
        store.put_sensor(name, "ready", {"date": day, "count": 1})
        _await_end(store, key, patience)
    finally:
        store.remove_config(name)
    return name


def _await_end(store: Store, key: RunKey, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        run = store.run(key)
        if run is not None and run.status is RunStatus.COMPLETED:
            return
        if run is not None and run.status is RunStatus.FAILED_FINAL:
            raise LocalStackError(f"The smoke test failed: the run {key} ended with {run.close_reason}.")
        if time.monotonic() > end:
            state = "no run was opened" if run is None else f"its run is {run.status}"
            raise LocalStackError(f"The smoke test did not end within {patience:.0f} s: {state} ({key}).")
        time.sleep(0.2)
