"""Plays stories by seed: `python -m simulation.long --state FILE` goes on where it ended; what broke is printed."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct
from simulation.endings import check
from simulation.faults import Fault
from simulation.stories import Story
from simulation.timetables import Timetable

FIRST = int(os.environ.get("INTERLOCK_SIMULATION_FIRST_SEED", "0"))
SEEDS = int(os.environ.get("INTERLOCK_SIMULATION_SEEDS", "220"))


def play_seed(seed: int) -> Story:
    """One story to its end; what is broken names the command that replays it."""
    logging.disable(logging.CRITICAL)
    # Every fourth story is about times at which something is expected.
    story = Timetable(seed) if seed % 4 == 3 else Story(seed)
    try:
        story.play()
        check(story)
    except AssertionError as broken:
        replay = f"python -m simulation.long --seed {seed} (in tests/)"
        raise AssertionError(f"seed {seed}: {broken}; replay: {replay}") from broken
    finally:
        logging.disable(logging.NOTSET)
    return story


class Progress(Struct):
    """How far a long run is."""

    next_seed: int = 0
    pipeline_days: int = 0
    seconds: float = 0.0
    faults: dict[str, int] = {}
    broken: list[str] = []


def run(progress: Progress, days: int, state: Path | None) -> None:
    """Play seed after seed until so many pipeline-days are done; the state is written as it goes."""
    faults: Counter[str] = Counter(progress.faults)
    began, before, shown = time.perf_counter(), progress.seconds, 0.0
    while progress.pipeline_days < days:
        try:
            story = play_seed(progress.next_seed)
            progress.pipeline_days += story.pipeline_days
            faults.update({str(fault): count for fault, count in story.world.faults.count.items()})
        except AssertionError as broken:
            progress.broken.append(str(broken))
            print(f"\n{broken}", flush=True)
        progress.next_seed += 1
        progress.seconds = before + time.perf_counter() - began
        progress.faults = dict(faults)
        if progress.seconds - shown > 5 or progress.pipeline_days >= days:
            shown = progress.seconds
            print(_line(progress, days), end="\r" if sys.stdout.isatty() else "\n", flush=True)
            if state is not None:
                state.write_bytes(msgspec.json.encode(progress))


def _line(progress: Progress, days: int) -> str:
    rate = progress.next_seed / progress.seconds
    return (
        f"{progress.pipeline_days} of {days} pipeline-days, next seed {progress.next_seed}, "
        f"{sum(progress.faults.values())} faults, {rate:.1f} seeds/s, {len(progress.broken)} broken"
    )


def main(arguments: list[str]) -> int:
    """Exit code 0 when nothing broke."""
    parser = argparse.ArgumentParser(prog="simulation.long", description=__doc__)
    parser.add_argument("--days", type=int, default=50_000, help="pipeline-days to simulate (50000)")
    parser.add_argument("--first-seed", type=int, default=FIRST, help="where to begin")
    parser.add_argument("--state", type=Path, help="file to go on from, and to write to")
    parser.add_argument("--seed", type=int, help="replay this one seed")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        story = play_seed(options.seed)
        print(
            f"seed {options.seed}: {story.pipeline_days} pipeline-days, {dict(story.world.faults.count)}: nothing broke"
        )
        return 0
    progress = Progress(options.first_seed)
    if options.state is not None and options.state.exists():
        progress = msgspec.json.decode(options.state.read_bytes(), type=Progress)
    run(progress, options.days, options.state)
    print()
    for name in Fault:
        print(f"{progress.faults.get(str(name), 0):>10} {name}")
    print(f"{progress.pipeline_days} pipeline-days in {progress.seconds:.0f} s, {len(progress.broken)} broken")
    return 1 if progress.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
