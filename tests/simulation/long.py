"""Plays stories by seed. `python -m simulation.long --state FILE` continues an earlier run and prints broken seeds."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from simulation.endings import check
from simulation.faults import Fault
from simulation.stories import Story
from simulation.timetables import Timetable
from simulation.writers import Writers

Count = Annotated[int, Meta(ge=0)]


class BadInput(Exception):
    """An input is invalid. The message is one sentence."""


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    if text and not text.isdecimal():
        raise BadInput(f"{variable}={text!r} is not a number of seeds. Give a whole number, or leave it out")
    return int(text) if text else default


DEFAULT_SEEDS = 70
"""Enough seeds for 800 pipeline-days with faults."""


def first_seed() -> int:
    """The default first seed: INTERLOCK_SIMULATION_FIRST_SEED."""
    return _number("INTERLOCK_SIMULATION_FIRST_SEED", 0)


def chosen_seeds() -> range:
    """The seeds of a short run: INTERLOCK_SIMULATION_SEEDS of them."""
    first = first_seed()
    return range(first, first + _number("INTERLOCK_SIMULATION_SEEDS", DEFAULT_SEEDS))


KINDS: tuple[Callable[[int], Story], ...] = (Story, Writers, Story, Timetable)
"""Every fourth story is about the dates of rows, and every fourth about expected times."""


def play_seed(seed: int) -> Story:
    """Play one story to its end. The error of a broken invariant names the command that replays the story."""
    logging.disable(logging.CRITICAL)
    story = KINDS[seed % 4](seed)
    try:
        story.play()
        check(story)
    except AssertionError as broken:
        replay = f"python -m simulation.long --seed {seed} (in tests/)"
        raise AssertionError(f"seed {seed}: {broken}; replay: {replay}") from broken
    finally:
        logging.disable(logging.NOTSET)
    return story


class Progress(Struct, forbid_unknown_fields=True):
    """The progress of a long run."""

    next_seed: Count
    pipeline_days: Count = 0
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    faults: dict[str, Count] = {}
    broken: list[str] = []

    @property
    def speed(self) -> float:
        """Pipeline-days per second."""
        return self.pipeline_days / self.seconds if self.seconds else 0.0


def read_state(path: Path) -> Progress:
    """The progress of an earlier run, from its file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except OSError as error:
        raise BadInput(f"--state {path}: cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"--state {path}: is not the file of a long run ({error}). Give the file of an earlier run, or a new name"
        ) from error


def write_state(path: Path, progress: Progress) -> None:
    """Replace the file in one step: a killed run leaves the former state or the new one."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(msgspec.json.encode(progress))
        new.replace(path)
    except OSError as error:
        raise BadInput(f"--state {path}: cannot be written: {error.strerror}") from error


def run(progress: Progress, days: int, state: Path | None) -> None:
    """Play seed after seed until so many pipeline-days are done. The state is written regularly."""
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
                write_state(state, progress)


def _line(progress: Progress, days: int) -> str:
    return (
        f"{progress.pipeline_days} of {days} pipeline-days, next seed {progress.next_seed}, "
        f"{sum(progress.faults.values())} faults, {progress.speed:.1f} pipeline-days/s, {len(progress.broken)} broken"
    )


def _replay(seed: int) -> int:
    try:
        story = play_seed(seed)
    except AssertionError as broken:
        print(broken)
        return 1
    print(f"seed {seed}: {story.pipeline_days} pipeline-days, {dict(story.world.faults.count)}: nothing broke")
    return 0


def _go_on(options: argparse.Namespace) -> int:
    state: Path | None = options.state
    first = options.first_seed if options.first_seed is not None else first_seed()
    progress = read_state(state) if state is not None and state.exists() else Progress(first)
    if state is not None:
        write_state(state, progress)
    run(progress, options.days, state)
    print()
    for name in Fault:
        print(f"{progress.faults.get(str(name), 0):>10} {name}")
    print(
        f"{progress.pipeline_days} pipeline-days in {progress.seconds:.0f} s ({progress.speed:.1f} pipeline-days/s), "
        f"{sum(progress.faults.values())} faults, {len(progress.broken)} broken"
    )
    return 1 if progress.broken else 0


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def main(arguments: list[str]) -> int:
    """The exit code: 0 if no invariant broke, 1 if one did, 2 if an input is invalid."""
    parser = argparse.ArgumentParser(prog="simulation.long", description=__doc__)
    options: dict[str, dict[str, Any]] = {
        "--days": {"type": _whole, "default": 50_000, "help": "pipeline-days to simulate (50000)"},
        "--first-seed": {"type": _whole, "help": "the first seed (0)"},
        "--state": {"type": Path, "help": "the file to continue from, and to write to"},
        "--seed": {"type": _whole, "help": "replay this one seed"},
    }
    for name, option in options.items():
        parser.add_argument(name, **option)
    chosen = parser.parse_args(arguments)
    try:
        return _replay(chosen.seed) if chosen.seed is not None else _go_on(chosen)
    except BadInput as bad:
        print(f"simulation.long: {bad}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
