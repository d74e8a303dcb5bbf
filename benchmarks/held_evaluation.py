"""Measures one held evaluation of ten rules against an earlier build, both in one run, as a ratio of CPU time.

`python benchmarks/held_evaluation.py [REF]` checks the earlier build out into a temporary folder. REF is any commit
of this repository's history. The default is the last build in which a row of any date decided a run.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEFORE = "863b9c9"
ROUNDS = 9

PROGRAM = """
import json, logging, sys, time
from datetime import UTC, datetime, timedelta
from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
try:
    from interlock_lifecycle.runs import open_run
except ImportError:  # a build with flat names
    from interlock_lifecycle import open_run
try:
    from interlock_controller.runs import StepContext, read_request, take_step
except ImportError:  # a build in which the steps were part of the orchestrator
    from interlock_orchestrator.evaluation import evaluate as take_step
    from interlock_orchestrator.request import read_request
    StepContext = next(iter(take_step.__annotations__.values()))  # the class of its first argument
from interlock_sla import parse_execution_date
from interlock_store import MemoryTables, Store, TableNames

logging.disable(logging.CRITICAL)
hour = {"hour": "07"} if sys.argv[1] == "hourly" else {}
date = "2026-03-03T07" if hour else "2026-03-03"
rules = "".join(f"    - {{key: sensor-{n}, check: gte, field: count, value: 1000}}\\n" for n in range(10))
config = decode_yaml(
    "pipeline: {id: p}\\nschedule: {trigger: {key: sensor-0, check: exists}}\\nvalidation:\\n  rules:\\n" + rules
    + "job: {type: glue, config: {jobName: j}}\\n", "p.yaml")
now, timeout = datetime(2026, 3, 3, 12, tzinfo=UTC), timedelta(hours=4)
store = Store(MemoryTables(), TableNames.of_environment("bench"))
store.put_config(config)
key = RunKey("p", "stream", parse_execution_date(date))
start = open_run(key, decided_at=now, execution_timeout=timeout, arrived_at=now)
store.commit(start)
for n in range(10):
    fields = {"date": "2026-03-03", "count": 999 if n == 9 else 2000, "updatedAt": "2026-03-03T11:00:00Z", **hour}
    store.put_sensor("p", f"sensor-{n}", fields)
context = StepContext(store, None, lambda token: False, lambda: now, lambda: now + timedelta(minutes=5), timeout, {})
request = read_request({
    "mode": "evaluate", "pipelineId": "p", "scheduleId": "stream", "date": date, "attempt": 0,
    "runToken": start.run.run_token, "startedAt": now.isoformat(),
    "config": {"evaluationIntervalSeconds": 300, "evaluationWindowSeconds": 3600,
               "jobCheckIntervalSeconds": 60, "jobPollWindowSeconds": 3600}})
assert take_step(context, request).status == "not-ready"
best = []
for _ in range(10):
    began = time.process_time()
    for _ in range(200):
        take_step(context, request)
    best.append((time.process_time() - began) / 200)
print(json.dumps(min(best)))
"""


def seconds(tree: Path, kind: str) -> float:
    """CPU seconds of one held evaluation in a build, as the best of several batches."""
    sources = [str(path) for folder in ("packages", "services") for path in sorted((tree / folder).glob("*/src"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sources)}
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], env=environment, check=True, capture_output=True, text=True
    )
    return float(json.loads(answer.stdout))


def compare(before: Path) -> None:
    """Measure both builds alternately for each kind of date, and print the median of their ratios."""
    for kind in ("daily", "hourly"):
        pairs = [(seconds(before, kind), seconds(ROOT, kind)) for _ in range(ROUNDS)]
        old, new = (min(pair[side] for pair in pairs) * 1e6 for side in (0, 1))
        ratio = statistics.median(new / old for old, new in pairs)
        print(f"{kind:7} held evaluation: {old:6.0f} µs before, {new:6.0f} µs now, ratio {ratio:.2f} (at most 1.05)")


def main() -> None:
    """Check out the earlier build and compare it."""
    ref = sys.argv[1] if len(sys.argv) > 1 else BEFORE
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", before, ref], check=True)
        try:
            compare(before)
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", before], check=True)


if __name__ == "__main__":
    main()
