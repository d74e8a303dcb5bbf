"""A trial on history says what really happens: each history is played again with the changed file, and compared."""

import os
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from msgspec import Struct
from simulation.histories import Shape, change, events_of, random_history, random_shape, trial_of
from simulation.world import World

from interlock_config import PipelineConfig
from interlock_lifecycle.trials import WORDS, Change, Occurrence, TriedDate, try_dates
from interlock_sla import ExecutionDate

SEEDS = int(os.environ.get("INTERLOCK_TRIAL_SEEDS", "8"))
FIRST = int(os.environ.get("INTERLOCK_TRIAL_FIRST_SEED", "0"))
BLOCKS = 4
SLACK = timedelta(minutes=22)
"""The watchdog acts one or two ticks late."""


class Tally(Struct):
    """The number of tried dates by their result."""

    same: int = 0
    changed: int = 0
    unknown: int = 0


def happened(world: World) -> dict[ExecutionDate, list[Occurrence]]:
    """The compared events of each date of a world. RUN_HELD counts once."""
    found: dict[ExecutionDate, list[Occurrence]] = {}
    for (_, date), events in events_of(world).items():
        seen: set[str] = set()
        for one in events:
            is_summary = one.type == "RERUN_REJECTED" and "count" in one.detail
            if one.type in WORDS and not is_summary and not (one.type == "RUN_HELD" and one.type in seen):
                seen.add(one.type)
                found.setdefault(date, []).append(Occurrence(one.type, one.at, one.message))
    return found


def is_different(one: Sequence[Occurrence], other: Sequence[Occurrence], slack: timedelta) -> bool:
    """Whether two courses differ in their events, or in a start by more than `slack`."""
    starts = [[event.at for event in events if event.type == "VALIDATION_PASSED"] for events in (one, other)]
    late = any(abs(first - second) > slack for first, second in zip(*starts, strict=False))
    return late or Counter(event.type for event in one) != Counter(event.type for event in other)


def complaints(tried: TriedDate, really: Sequence[Occurrence], slack: timedelta = SLACK) -> Iterable[str]:
    """The statements about a date that are not true of the real course."""
    real = Counter(one.type for one in really)
    certain = Counter(one.type for one in tried.would if one.is_certain)
    every = Counter(one.type for one in tried.would)
    for name in {*real, *certain}:
        if real[name] < certain[name]:
            yield f"{name} was stated {certain[name]} times, and came {real[name]} times"
        if not tried.unknown and real[name] > every[name]:
            yield f"{name} came {real[name]} times, and was expected at most {every[name]} times"
    for name in certain:
        stated = [one for one in tried.would if one.type == name and one.is_certain]
        came = [one.at for one in really if one.type == name]
        for one, at in zip(stated, came, strict=False):
            if one.latest is not None and not one.earliest - slack <= at <= one.latest + slack:
                yield f"{name} came at {at}, and was stated for {one.earliest} to {one.latest}"
    differs = is_different(tried.happened, really, timedelta(minutes=1))
    if tried.change is Change.CHANGED and not differs:
        yield "the date was called changed, and did not change"
    if tried.change is Change.SAME and is_different(tried.happened, really, 2 * slack):
        yield "the date was called the same, and changed"


def try_seed(seed: int, tally: Tally) -> None:
    rng = random.Random(f"{seed}, a trial")
    shape = random_shape(rng)
    history, changed = random_history(seed, rng), change(shape, rng)
    before, after = shape.config(), changed.config()
    world = history.play(before)
    really = happened(history.play(after))
    trial, records = trial_of(world, before, after)
    tried = try_dates(trial, records)
    for one in tried:
        wrong = list(complaints(one, really.get(one.date, [])))
        assert not wrong, report(seed, shape, changed, one, really.get(one.date, []), wrong)
        tally.same += one.change is Change.SAME
        tally.changed += one.change is Change.CHANGED
        tally.unknown += one.change is Change.NOT_KNOWN
    left = {date for date, events in really.items() if events} - {one.date for one in tried}
    assert not left, f"seed {seed}: the trial has no result for {left}"


def report(
    seed: int, shape: Shape, changed: Shape, tried: TriedDate, really: Sequence[Occurrence], wrong: list[str]
) -> str:
    parts = [name for name in shape.__struct_fields__ if getattr(shape, name) != getattr(changed, name)]
    lines = [f"seed {seed}, {tried.date}: {'; '.join(wrong)}"]
    lines += [f"  {name}: {getattr(shape, name)} -> {getattr(changed, name)}" for name in parts]
    lines += [f"  happened {one.at} {one.type} {one.message}" for one in tried.happened]
    lines += [f"  would    {one.earliest} to {one.latest} {one.type} {one.is_certain}" for one in tried.would]
    lines += [f"  really   {one.at} {one.type} {one.message}" for one in really]
    return "\n".join([*lines, f"  unknown: {tried.unknown} {tried.change}"])


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_trial_states_what_the_changed_file_really_does(block: int) -> None:
    tally = Tally()
    for seed in range(FIRST + block, FIRST + SEEDS, BLOCKS):
        try_seed(seed, tally)
    total = tally.same + tally.changed + tally.unknown
    assert tally.changed
    assert tally.same + tally.changed > total / 3


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_trial_of_the_same_file_repeats_the_history(block: int) -> None:
    for seed in range(FIRST + block, FIRST + SEEDS, BLOCKS):
        rng = random.Random(f"{seed}, the same")
        config: PipelineConfig = random_shape(rng).config()
        world = random_history(seed, rng).play(config)
        trial, records = trial_of(world, config, config)
        for one in try_dates(trial, records):
            assert one.change is Change.SAME, f"seed {seed}: {one}"
