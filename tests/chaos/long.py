"""Plays chaos days by seed: `python -m chaos.long --minutes 60`. The exit code is 1 if a statement does not hold."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from chaos.day import Day, Size

FULL = Size(pipelines=30, kills=20, seconds=90.0)


def main() -> int:
    """Play full days, one after the other, until the time is over."""
    parser = argparse.ArgumentParser(prog="chaos.long", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no new day after this time")
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--pipelines", type=int, default=FULL.pipelines)
    parser.add_argument("--kills", type=int, default=FULL.kills)
    parser.add_argument("--seconds", type=float, default=FULL.seconds, help="over which the producers write")
    given = parser.parse_args()
    size = Size(given.pipelines, given.kills, given.seconds)
    end = time.monotonic() + given.minutes * 60
    seed, days, broken = given.first_seed, 0, 0
    totals = {"dates": 0, "starts": 0, "kills": 0}
    while time.monotonic() < end:
        folder = Path(tempfile.mkdtemp(prefix=f"interlock-chaos-{seed}-"))
        report = Day(seed, size, folder, say=lambda line: print(f"  {line}", flush=True)).play()
        print(
            f"seed {seed}: {report.dates} dates {dict(report.statuses)}, {report.starts} job starts, "
            f"{sum(report.kills.values())} kills {dict(report.kills)}, {report.seconds:.0f} s",
            flush=True,
        )
        for statement in report.broken:
            print(f"  BROKEN {statement} (state: {folder})", flush=True)
        days, broken, seed = days + 1, broken + bool(report.broken), seed + 1
        for name, count in (
            ("dates", report.dates),
            ("starts", report.starts),
            ("kills", sum(report.kills.values())),
        ):
            totals[name] += count
    print(
        f"{days} days, {totals['dates']} dates, {totals['starts']} job starts, {totals['kills']} kills, {broken} broken"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
