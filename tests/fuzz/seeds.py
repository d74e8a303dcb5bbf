"""Valid rows of every kind, as the Lambdas write them: the rows of a played story, each with its table."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sla.lambdas import NAMES
from sla.stage import Stage

from interlock_config import decode_yaml
from interlock_lifecycle import JobEntry, RunKey
from interlock_sla import parse_execution_date
from interlock_store._rows import entry_row
from interlock_store._write import Put

BEGIN = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
END = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
NEVER = "a-value-that-no-row-has"
"""The value for which the rule of the pipeline `gate` waits."""

_COMMON = """
schedule:
  timezone: Europe/Berlin
  trigger: {{key: ready, check: equals, field: complete, value: true}}
  evaluation: {{window: 30m, interval: 1m}}
sla: {{deadline: "08:00", expectedDuration: 20m, maxDuration: 2h}}
validation:
  trigger: ALL
  rules: [{rules}]
job: {{type: glue, config: {{jobName: load, arguments: {{--env: "${{INTERLOCK_DATE}}"}}}}, maxRetries: 2}}
postRun:
  rules: [{{key: after, check: exists}}]
  driftField: count
"""
PIPELINES = {
    "p": "pipeline: {id: p}" + _COMMON.format(rules="{key: ready, check: gte, field: count, value: 100}"),
    "gate": "pipeline: {id: gate}" + _COMMON.format(rules=f"{{key: gate, check: equals, field: open, value: {NEVER}}}"),
    "dry": "pipeline: {id: dry}"
    + _COMMON.format(rules="{key: ready, check: gte, field: count, value: 100}")
    + "dryRun: true\n",
    "q": "pipeline: {id: q}"
    + _COMMON.format(rules="{key: ready, check: gte, field: count, value: 100}").replace(
        "schedule:", "schedule:\n  maxOpenDates: 1"
    ),
    "timed": """
pipeline: {id: timed}
schedule: {timezone: Asia/Kolkata, cron: "0 6 * * *", calendar: closed}
sla: {deadline: "08:00", expectedDuration: 20m}
validation: {trigger: ANY, rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
""",
}
VICTIMS = ("p", "gate", "dry", "timed")
"""The pipelines whose rows are fuzzed. Those of `q` are valid, or take a slot without a run. Its next date must run."""


class Seed(Struct, frozen=True):
    """A valid row and its table."""

    table: str
    row: dict[str, Any]

    @property
    def kind(self) -> str:
        """The kind of row: the first part of its sort key."""
        return str(self.row["SK"]).partition("#")[0]


class _Recorder(Stage):
    """A stage that records each version of each row, also of rows that are deleted later."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str, str, frozenset[str]], Seed] = {}
        super().__init__(BEGIN)

    def _changed(self, key: tuple[str, str, str], before: Any, after: Any) -> None:
        super()._changed(key, before, after)
        if after is not None:
            self.versions[(*key, frozenset(after))] = Seed(key[0], after)


@cache
def seeds() -> tuple[Seed, ...]:
    """A row of each kind with each set of attributes that the story made, without the rows of `q`."""
    stage = _Recorder()
    stage.close_days("2026-03-09")
    stage.jobs.plan = [("ok", 10), ("fail", 5), ("ok", 200)]
    for name, text in PIPELINES.items():
        stage.store.put_config(decode_yaml(text, f"{name}.yaml"))
    stage.run_until(BEGIN)
    for day in ("2026-03-03", "2026-03-04"):
        for name in ("p", "gate", "dry"):
            stage.store.put_sensor(name, f"ready#{day}", {"complete": True, "count": 120, "date": day})
        stage.run_until(stage.now.replace(hour=9) if day.endswith("03") else END)
        stage.store.put_sensor("p", "ready", {"complete": True, "count": 130, "date": day})
        stage.store.put_sensor("p", "ready", {"complete": False, "count": 1, "date": "2026-03-20"})
        for name in ("p", "dry"):
            stage.store.put_sensor(name, f"after#{day}", {"date": day, "count": 90})
            stage.store.put_sensor(name, f"ready#{day}", {"complete": True, "count": 150, "date": day})
        key = RunKey("p", "stream", parse_execution_date(day))
        stage.rerun(key)
        stage.store.request_rerun(RunKey("dry", "stream", key.date), reason="x", note="y", requested_at=stage.now)
        stage.tables.transact([Put(NAMES.joblog, entry_row(JobEntry(key, stage.now, "fail", error="x")))])
        stage.run_until(stage.now.replace(hour=23))
    stage.run_until(END.replace(day=6))
    return tuple(seed for seed in stage.versions.values() if seed.row["PK"] != "PIPELINE#q")
