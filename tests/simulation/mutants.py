"""Mutants: for each trap of behaviour.md §11 a small patch of the product, and who has to notice it.

`python -m simulation.mutants` (in tests/) prints the table: trap, mutant, the seed or test that catches it, and how.
"""

import importlib
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from simulation.catalogue import MUTANTS, Mutant
from simulation.endings import check
from simulation.invariants import InvariantBroken
from simulation.stories import Story

ROOT = Path(__file__).parents[2]
VARIABLE = "INTERLOCK_SIMULATION_MUTANT"
MOST_SEEDS = 200
"""A change of the product shifts what a seed tells, so that a mutant is hunted beyond the seeds of its entry."""


class NotApplicable(AssertionError):
    """The text that a mutant replaces is no longer there, exactly once."""


class Caught(Struct, frozen=True):
    """Who noticed a mutant, and by what words."""

    by: str
    message: str


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """The product with this one patch: the code of its functions is swapped, so that every import sees it."""
    module = importlib.import_module(mutant.module)
    source = Path(str(module.__file__)).read_text()
    if source.count(mutant.old) != 1:
        raise NotApplicable(f"{mutant.name}: {mutant.old!r} is {source.count(mutant.old)} times in {mutant.module}")
    patched = types.ModuleType(mutant.module)
    patched.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    sys.modules[mutant.module] = patched
    try:
        exec(compile(source.replace(mutant.old, mutant.new), str(module.__file__), "exec"), patched.__dict__)
    finally:
        sys.modules[mutant.module] = module
    swaps = [
        (function, function.__code__, twin.__code__)
        for function, twin in _pairs(module, patched)
        if function.__code__ != twin.__code__
    ]
    if not swaps:
        raise NotApplicable(f"{mutant.name}: no function of {mutant.module} was changed")
    for function, _, code in swaps:
        function.__code__ = code
    try:
        yield
    finally:
        for function, code, _ in swaps:
            function.__code__ = code


def _pairs(module: Any, patched: Any) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    """Each function of a module and of its classes, beside the same one of the patched module."""
    for name, value in vars(module).items():
        twin = vars(patched).get(name)
        if isinstance(value, type) and value.__module__ == module.__name__ and isinstance(twin, type):
            for inner, attribute in vars(value).items():
                yield from _pair(attribute, vars(twin).get(inner))
        elif getattr(value, "__module__", None) == module.__name__:
            yield from _pair(value, twin)


def _pair(value: Any, twin: Any) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    function, other = _plain(value), _plain(twin)
    if function is not None and other is not None:
        yield function, other


def _plain(value: Any) -> types.FunctionType | None:
    for attribute in ("fget", "func", "__func__", "__wrapped__"):
        inner = getattr(value, attribute, None)
        if isinstance(inner, types.FunctionType):
            return inner
    return value if isinstance(value, types.FunctionType) else None


def hunt(mutant: Mutant) -> Caught | None:
    """Who notices the mutant: its tests, or the first of its seeds, then of all; None when nobody does."""
    return _by_tests(mutant) if mutant.tests else _by_seeds(mutant)


def _by_seeds(mutant: Mutant) -> Caught | None:
    with applied(mutant):
        for seed in dict.fromkeys((*mutant.seeds, *range(MOST_SEEDS))):
            try:
                story = Story(seed, rate=mutant.rate)
                story.play()
                check(story)
            except InvariantBroken as broken:
                return Caught(f"seed {seed}", str(broken))
    return None


def _by_tests(mutant: Mutant) -> Caught | None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "--show-capture=no", "-p", "no:cacheprovider"]
    command += ["-p", "simulation.mutant_plugin", *mutant.tests]
    paths = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, VARIABLE: mutant.name, "PYTHONPATH": paths}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode == 0:
        return None
    failures = [line for line in ended.stdout.splitlines() if line.startswith("FAILED ")]
    if ended.returncode != 1 or not failures:
        raise NotApplicable(f"{mutant.name}: pytest ended with {ended.returncode}: {ended.stdout[-800:]}{ended.stderr}")
    name, _, why = failures[0].removeprefix("FAILED ").partition(" - ")
    return Caught(name.rpartition("/")[2], why)


def main() -> int:
    """Print the table; exit code 1 when a mutant lives."""
    alive = 0
    for mutant in MUTANTS:
        caught = hunt(mutant)
        alive += caught is None
        trap = f"trap {mutant.trap}" if mutant.trap else "-"
        told = f"{caught.by} | {caught.message[:150]}" if caught is not None else "NOBODY | it lives"
        print(f"{trap} | {mutant.name} | {told}", flush=True)
    return 1 if alive else 0


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    sys.exit(main())
