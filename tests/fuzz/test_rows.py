"""Random rows of every kind through the handlers of the Lambdas and the commands (docs/guarantees.md).

No invocation raises, no shard is blocked, no job starts without its rules, and a pipeline with valid rows still runs.
"""

import itertools
import math
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzz.commands import read_with_every_command, write_pipelines
from fuzz.plant import Plant
from fuzz.random_rows import random_record, random_row, random_slot_rows
from fuzz.seeds import NEVER, seeds
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

KINDS = {
    *("CONFIG", "SENSOR", "TRIGGER", "RERUN_REQUEST", "EVENT", "VERDICT", "KEPT", "DRY_RUN", "MARKER", "OPEN"),
    *("JOB", "RERUN", "WAIT", "JOBRUN"),
}
ROWS = int(os.environ.get("INTERLOCK_FUZZ_ROWS", "0"))
"""The number of rows. 0: some hundred rows, always the same."""

PARTS = 4
_SIZE = 80
_EXAMPLES = 25 if ROWS == 0 else math.ceil(ROWS / PARTS / _SIZE)
_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large)
_NUMBERS = itertools.count(10**15)


def test_the_story_makes_rows_of_every_kind() -> None:
    assert {one.kind for one in seeds()} == KINDS


@pytest.mark.parametrize("part", range(PARTS))
def test_random_rows_break_neither_lambda_nor_command(part: int, counts: Counter[str], tmp_path: Path) -> None:
    write_pipelines(tmp_path)
    # A Random of Hypothesis shrinks and is slow. One with a seed is fast, and its failing example names the seed.
    randoms = st.randoms(note_method_calls=False, use_true_random=ROWS > 0)

    @seed(part)
    @settings(max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=_CHECKS)
    @given(randoms, st.just(_SIZE) if ROWS else st.integers(1, 12))
    def play(random: Random, size: int) -> None:
        written = [random_row(random) for _ in range(size)]
        written += random_slot_rows(random) if random.randint(0, 1) else []
        invalid = [_numbered(random_record(random)) for _ in range(size // 10)]
        with pytest.MonkeyPatch.context() as monkeypatch:
            plant = Plant(monkeypatch)
            plant.feed(written)
            plant.deliver(invalid)
            plant.ask_all()
            plant.run_until(plant.now + timedelta(minutes=12))
            commands = read_with_every_command(plant.tables, monkeypatch, str(tmp_path))
            _next_date_runs(plant)
        assert not [one for one in plant.noted.attempts if one.pipeline_id == "gate"], f"no row has {NEVER}"
        counts["rows"] += len(written) + len(invalid)
        counts["stream records"] += sum(result.total for result in plant.results)
        counts["dead letters"] += len(plant.dead.letters)
        counts["jobs"] += len(plant.noted.attempts)
        counts["commands"] += commands

    play()


def _numbered(record: dict[str, Any]) -> dict[str, Any]:
    record["dynamodb"]["SequenceNumber"] = str(next(_NUMBERS))
    return record


def _next_date_runs(plant: Plant) -> None:
    """A pipeline whose rows are valid runs its next date. That of `gate` begins too, and its rule never holds."""
    for name in ("q", "gate"):
        plant.store.put_sensor(name, "ready", {"complete": True, "count": 120, "date": f"{plant.now:%Y-%m-%d}"})
    plant.run_until(plant.now + timedelta(minutes=12))
    assert [one.date for one in plant.noted.attempts if one.pipeline_id == "q"] == [f"{plant.now:%Y-%m-%d}"]
