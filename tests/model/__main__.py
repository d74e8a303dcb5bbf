"""The command `python -m model`: explores the short bounds, the large ones, or the mutants."""

import argparse
import time

from model.explorer import Explorer
from model.protocol import Bounds
from model.scopes import HUNTS, LARGE, SHORT


def main() -> int:
    """Print the sums of each exploration, and the trace to the first broken property. The result is the exit code."""
    parser = argparse.ArgumentParser(prog="model", description="explore the waiting protocol")
    parser.add_argument("--bounds", choices=("short", "large"), default="short")
    parser.add_argument("--mutants", action="store_true", help="print the shortest trace to the fault of each mutant")
    options = parser.parse_args()
    if options.mutants:
        return max(_hunt(names, bounds) for names, (bounds, _) in HUNTS.items())
    return max(_explore(name, bounds) for name, bounds in {"short": SHORT, "large": LARGE}[options.bounds].items())


def _explore(name: str, bounds: Bounds) -> int:
    began = time.monotonic()
    result = Explorer(bounds).explore()
    seconds = time.monotonic() - began
    print(f"{name}: {result.states:,} states, {result.transitions:,} transitions, {seconds:.0f} s", flush=True)
    if result.found is None:
        return 0
    print("\n".join((result.found.name, *result.found.trace)))
    return 1


def _hunt(names: tuple[str, ...], bounds: Bounds) -> int:
    found = Explorer(bounds, names).explore().found
    if found is None:
        print(f"{', '.join(names)}: not found")
        return 1
    print("\n  ".join((f"{', '.join(names)}: {found.name}", *found.trace)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
