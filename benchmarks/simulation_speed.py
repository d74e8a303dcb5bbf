"""Measures the simulated pipeline-days per second, with and without faults, and their ratio.

The same seeds run with and without faults, alternately, so that both have the same load of the machine.
`uv run nox -s bench` prints the figures and asserts nothing.
"""

import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from msgspec import Struct
from rich.console import Console
from rich.table import Table
from simulation.endings import check
from simulation.stories import Story
from simulation.timetables import Timetable

SEEDS = range(24)
RATES = {"without faults": 0.0, "rate 0.02": 0.02, "rate 0.1": 0.1}


class Figure(Struct):
    """The simulated days at one rate of faults."""

    days: int = 0
    faults: int = 0
    seconds: float = 0.0

    @property
    def speed(self) -> float:
        """Pipeline-days per second of CPU."""
        return self.days / self.seconds

    def play(self, seed: int, rate: float) -> None:
        """Run one story and its checks. Every fourth story is a timetable, as in the tests."""
        began = time.process_time()
        story = (Timetable if seed % 4 == 3 else Story)(seed, rate=rate)
        story.play()
        check(story)
        self.seconds += time.process_time() - began
        self.days += story.pipeline_days
        self.faults += story.world.faults.count.total()


def main() -> int:
    """Print the table."""
    logging.disable(logging.CRITICAL)
    figures = {name: Figure() for name in RATES}
    Figure().play(SEEDS.stop, 0.02)  # imports and caches
    for seed in SEEDS:
        for name, rate in RATES.items():
            figures[name].play(seed, rate)
    base = figures["without faults"].speed
    columns = ("", "pipeline-days", "faults", "pipeline-days/s", "ratio")
    shown = Table(*columns, title="Speed of the simulation, one process")
    for name, figure in figures.items():
        shown.add_row(name, str(figure.days), str(figure.faults), f"{figure.speed:.1f}", f"×{figure.speed / base:.2f}")
    Console().print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
