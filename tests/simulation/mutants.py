"""Hunts mutants: a small patch of the product for each trap (docs/reference/traps.md §1) must fail a seed or a test.

`python -m simulation.mutants` (in tests/) prints a table: trap, mutant, the seed or test that catches it, its message.
"""

import logging
import multiprocessing
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from msgspec import Struct
from simulation.catalogue import MUTANTS, Mutant
from simulation.endings import check
from simulation.invariants import InvariantBroken
from simulation.patches import NotApplicable, applied
from simulation.stories import Story
from simulation.timetables import Timetable
from simulation.writers import Writers

ROOT = Path(__file__).parents[2]
MOST_SEEDS = 120
"""The most seeds to try: a change of the product changes the course of a seed, so the seeds of an entry may miss."""


class Caught(Struct, frozen=True):
    """The seed or test that caught a mutant, and its message."""

    by: str
    message: str


def hunt(mutant: Mutant) -> Caught | None:
    """The test that catches the mutant, or the first of its seeds, then of all. None means that the mutant survives."""
    return by_tests(mutant) if mutant.tests else by_seeds(mutant)


def by_seeds(mutant: Mutant, most: int = MOST_SEEDS) -> Caught | None:
    """The first broken story, timetable or writers: of the mutant's seeds, then of the first `most` seeds."""
    hinted = [(kind, seed) for kind, seeds in _hints(mutant) for seed in seeds]
    others = [(kind, seed) for seed in range(most) for kind, _ in _hints(mutant)]
    with applied(mutant):
        for kind, seed in dict.fromkeys([*hinted, *others]):
            try:
                story = kind(seed, rate=mutant.rate)
                story.play()
                check(story)
            except InvariantBroken as broken:
                rate = f" at rate {mutant.rate}" if mutant.rate is not None else ""
                return Caught(f"{type(story).__name__.lower()} {seed}{rate}", str(broken))
    return None


def _hints(mutant: Mutant) -> list[tuple[Callable[..., Story], tuple[int, ...]]]:
    return [(Story, mutant.seeds), (Timetable, mutant.timetables), (Writers, mutant.writers)]


class _Witness:
    """A pytest plugin that remembers the first failure, and failed collections."""

    def __init__(self) -> None:
        self.failed: list[Caught] = []
        self.uncollected: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the end of a test or of its setup."""
        if report.failed:
            path, _, name = report.nodeid.partition("::")
            self.failed.append(Caught(f"{Path(path).name}::{name}", _message(report)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note the collection of a file."""
        if report.failed:
            self.uncollected.append(report.longreprtext)


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longreprtext).partition("\n")[0][:500]


def by_tests(mutant: Mutant) -> Caught | None:
    """The first failing test of the mutant, in a forked process, which has loaded the tests' modules already."""
    forks = multiprocessing.get_context("fork")
    here, there = forks.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder, here:
        child = forks.Process(target=_test, args=(mutant, there, Path(folder)))
        with warnings.catch_warnings():
            # Python warns of threads. Those of pytest-xdist hold nothing that the child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        there.close()
        child.join()
        if child.exitcode != 0:
            raise NotApplicable(f"{mutant.name}: {(Path(folder) / 'output').read_text()[-1500:]}")
        caught: Caught | None = here.recv()
        return caught


def _test(mutant: Mutant, answer: Connection, folder: Path) -> None:
    """Run the mutant's tests with it applied, and send the one that caught it. Their output is kept in a file."""
    output = (folder / "output").open("w")
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    os.chdir(ROOT)
    _forget_tests()
    witness = _Witness()
    plugins = [part for name in ("cacheprovider", "xdist", "timeout", "faulthandler") for part in ("-p", f"no:{name}")]
    with applied(mutant):
        code = pytest.main(["-q", "-x", f"--basetemp={folder / 'base'}", *plugins, *mutant.tests], plugins=[witness])
    if code == pytest.ExitCode.OK:
        answer.send(None)
    elif code == pytest.ExitCode.TESTS_FAILED and witness.failed:
        answer.send(witness.failed[0])
    else:
        raise NotApplicable(f"pytest ended with {code}: {witness.uncollected}")


def _forget_tests() -> None:
    """Forget the imported tests: objects that they make at import may depend on the patched function."""
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").name.startswith(("test_", "conftest")):
            del sys.modules[name]


def main() -> int:
    """Print the table. The exit code is 1 if a mutant survives."""
    logging.disable(logging.CRITICAL)
    alive = 0
    print("trap | mutant | caught by (seed or test) | message")
    for mutant in MUTANTS:
        caught = hunt(mutant)
        alive += caught is None
        result = f"{caught.by} | {caught.message[:150]}" if caught is not None else "NONE | it survives"
        print(f"{mutant.trap or '-'} | {mutant.name} | {result}", flush=True)
    print(f"{len(MUTANTS)} mutants, {alive} survive")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
