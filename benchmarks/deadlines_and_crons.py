"""Times a deadline in a zone whose clocks change, the last fires of a thousand crons, and imports.

`uv run nox -s bench`. Crons are parsed beforehand, as in the watchdog. Their parsing has a line of its own.
Imports are timed in fresh interpreters, without the start of the bare interpreter. They are timed alone, with only the
packages' dependencies, and in this environment, where msgspec also imports typing_extensions.
"""

import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path

from interlock_sla import Cron, absolute_deadline, parse_cron, parse_duration, parse_execution_date, zone

DEADLINE_MICROSECONDS, CRONS_MILLISECONDS, IMPORT_MILLISECONDS = 5.0, 60.0, 40.0
CRONS, STARTS = 1000, 15
MODULES = ("interlock_sla", "interlock_rules")
ZONES = [zone(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")]
# In and out of summer time, on both days of a clock change, and on the day after a change.
MOMENTS = [datetime.fromisoformat(text) for text in ("2026-03-03T12:00Z", "2026-07-01T00:30Z", "2026-03-29T01:30Z")]
SHAPES = (
    "{minute} {hour} * * *",
    "{minute} * * * *",
    "{minute} {hour} * * mon-fri",
    "*/15 {hour} 1,15 * *",
    "{minute} {hour} L * *",
    "{minute} {hour} * * fri#2",
    "{minute} {hour} 1 jan,jul *",
)


def best(run: Callable[[], object]) -> float:
    """The seconds that `run` takes, the best of nine."""
    timer = timeit.Timer(run)
    loops = max(1, timer.autorange()[0] // 2)
    return min(timer.repeat(9, loops)) / loops


def expressions() -> list[str]:
    """A thousand crons in the usual forms of pipelines."""
    times = [(minute, hour) for hour in range(24) for minute in range(60)][:CRONS]
    shaped = zip(cycle(SHAPES), times, strict=False)
    return [shape.format(minute=minute, hour=hour) for shape, (minute, hour) in shaped]


def last_fires(crons: Iterable[Cron], moment: datetime) -> list[datetime]:
    return [cron.last_fire(moment, place) for cron, place in zip(crons, cycle(ZONES), strict=False)]


def seconds_to_run(program: str, options: Sequence[str]) -> float:
    """The time of a program in a fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *options, "-c", program], check=True)
    return time.perf_counter() - start


def import_costs(start: str = "pass", options: Sequence[str] = ()) -> dict[str, float]:
    """The seconds that each import adds to a fresh interpreter. The programs alternate, and the best time counts."""
    programs = {"": start, **{module: f"{start}; import {module}" for module in MODULES}}
    taken: dict[str, list[float]] = {module: [] for module in programs}
    for _ in range(STARTS):  # the first start writes bytecode
        for module, program in programs.items():
            taken[module].append(seconds_to_run(program, options))
    return {module: min(taken[module]) - min(taken[""]) for module in MODULES}


def import_costs_alone() -> dict[str, float]:
    """The same with only the standard library and the packages' dependencies."""
    with tempfile.TemporaryDirectory() as folder:
        for module in ("msgspec", "tzdata", *MODULES):
            found = find_spec(module)
            assert found is not None
            assert found.origin is not None
            (Path(folder) / module).symlink_to(Path(found.origin).parent)
        return import_costs(f"import sys; sys.path.append({folder!r})", ("-I", "-S"))


def line(what: str, taken: float, unit: str, target: float | None = None) -> None:
    verdict = "" if target is None else f"target {target:g} {unit}: {'met' if taken <= target else 'MISSED'}"
    print(f"{what:<58} {taken:>9.2f} {unit:<3} {verdict}".rstrip())


def report_deadlines() -> None:
    expected, fire = parse_duration("90m"), datetime(2026, 3, 28, 21, tzinfo=UTC)
    for what, text, day, cron_fire in (
        ("a daily deadline, Europe/Berlin", "10:00", "2026-03-03", None),
        ("a daily deadline in the hour that clocks skip", "02:30", "2026-03-28", None),
        ("a deadline after a cron fire, the night of the change", "02:30", "2026-03-28", fire),
        ("an hourly deadline (:MM)", ":30", "2026-03-29T01", None),
        ("a time of day with an hourly date", "08:00", "2026-03-03T07", None),
    ):
        date = parse_execution_date(day)

        def resolve(text: str = text, date=date, cron_fire: datetime | None = cron_fire) -> object:  # type: ignore[no-untyped-def]
            return absolute_deadline(text, date, ZONES[0], cron_fire=cron_fire, expected=expected)

        line(what, best(resolve) * 1e6, "µs", DEADLINE_MICROSECONDS)


def report_crons() -> None:
    texts = expressions()
    start = time.perf_counter()
    crons = [parse_cron(text) for text in texts]
    line(f"reading {len(set(texts))} different crons, once", (time.perf_counter() - start) * 1e3, "ms")
    for moment in MOMENTS:
        taken = best(lambda moment=moment: last_fires(crons, moment)) * 1e3  # type: ignore[misc]
        line(
            f"the last fires of {len(crons)} parsed crons at {moment:%Y-%m-%d %H:%M}Z", taken, "ms", CRONS_MILLISECONDS
        )


def report_imports() -> None:
    for module, taken in import_costs_alone().items():
        line(f"import {module} alone, beyond the bare interpreter", taken * 1e3, "ms", IMPORT_MILLISECONDS)
    for module, taken in import_costs().items():
        line(f"import {module} in this environment", taken * 1e3, "ms")


if __name__ == "__main__":
    report_deadlines()
    report_crons()
    report_imports()
