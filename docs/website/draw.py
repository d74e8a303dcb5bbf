"""Draws the pictures of the explanations: `python docs/website/draw.py`. A test compares them with the files.

The times in the picture of clock changes come from interlock-sla.
"""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from interlock_sla import parse_cron, zone

PICTURES = Path(__file__).parents[1] / "pictures"
INK, SOFT, BLUE, GREEN, RED, PAPER = "#1c2733", "#5f6b76", "#0b5c8a", "#2e7d4f", "#a8324a", "#ffffff"


def svg(width: int, height: int, title: str, parts: Iterator[str]) -> str:
    """A picture with a title, which a screen reader reads."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="14" role="img"><title>{escape(title)}</title>'
    )
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="{PAPER}"/>', *parts, "</svg>"]) + "\n"


def text(
    x: float, y: float, words: str, *, fill: str = INK, size: int = 14, anchor: str = "middle", bold: bool = False
) -> str:
    """A line of text."""
    weight = ' font-weight="bold"' if bold else ""
    style = f'fill="{fill}" font-size="{size}" text-anchor="{anchor}"{weight}'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(words)}</text>'


def box(x: int, y: int, width: int, height: int, title: str, *lines: str, fill: str = BLUE) -> Iterator[str]:
    """A box with a title and lines."""
    style = f'rx="8" fill="{fill}" fill-opacity="0.08" stroke="{fill}"'
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" {style}/>'
    top = y + height / 2 - 9 * len(lines) + 5
    yield text(x + width / 2, top, title, fill=fill, size=15, bold=True)
    for place, line in enumerate(lines, 1):
        yield text(x + width / 2, top + 19 * place, line, size=13)


def arrow(*points: tuple[float, float], fill: str = SOFT, dashed: bool = False) -> Iterator[str]:
    """A line with a head at its end."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    yield f'<polyline points="{path}" fill="none" stroke="{fill}" stroke-width="2"{dash}/>'
    (x0, y0), (x, y) = points[-2], points[-1]
    turn = math.atan2(y - y0, x - x0)
    wings = [(x - 10 * math.cos(turn + side), y - 10 * math.sin(turn + side)) for side in (0.45, -0.45)]
    head = " ".join(f"{a:.1f},{b:.1f}" for a, b in [(x, y), *wings])
    yield f'<polygon points="{head}" fill="{fill}"/>'


def stamp() -> str:
    """The control loop of STAMP with the parts of Interlock."""

    def parts() -> Iterator[str]:
        yield from box(290, 10, 320, 56, "owners", "reasons, alerts, reruns, pipeline files", fill=SOFT)
        yield from box(
            290, 122, 320, 92, "controller: Interlock", "evaluates the safety constraints,", "judges deadlines, decides"
        )
        yield from box(
            20, 240, 230, 92, "sensors", "rows of your producers:", "date, count, complete, updatedAt", fill=GREEN
        )
        yield from box(
            650, 240, 230, 92, "actuator: the trigger", "starts the job, at most once", "per attempt", fill=RED
        )
        yield from box(
            290,
            360,
            320,
            92,
            "controlled process",
            "your data, and your jobs on Glue, EMR,",
            "Airflow, Databricks, Lambda, HTTP …",
            fill=INK,
        )
        yield from arrow((400, 122), (400, 68))
        yield from arrow((500, 66), (500, 120))
        yield from arrow((290, 406), (135, 406), (135, 334), fill=GREEN)
        yield text(212, 426, "reports", fill=GREEN)
        yield from arrow((135, 240), (135, 168), (288, 168), fill=GREEN)
        yield text(200, 158, "the state of the data", fill=GREEN)
        yield from arrow((610, 168), (765, 168), (765, 238), fill=RED)
        yield text(700, 158, "only if it is safe", fill=RED)
        yield from arrow((765, 332), (765, 406), (612, 406), fill=RED)
        yield text(690, 426, "the job", fill=RED)
        yield from arrow((450, 360), (450, 216), fill=INK, dashed=True)
        yield text(462, 278, "feedback: outcome,", anchor="start")
        yield text(462, 298, "late data, drift", anchor="start")

    return svg(900, 470, "The control loop: sensors, controller, actuator, controlled process, feedback", parts())


def decide_commit_act() -> str:
    """The three parts of a step, and the effect of a crash after each of them."""

    def parts() -> Iterator[str]:
        columns = (
            (BLUE, "1. decide", "a pure function of config,", "facts and time"),
            (GREEN, "2. commit", "one transaction: state with fence,", "log rows, EVENT# rows"),
            (RED, "3. act", "start the execution,", "put the events on the bus"),
        )
        crashes = (
            ("crash: nothing was written,", "the record comes again"),
            ("crash: the rows are there,", "the watchdog acts on them"),
            ("crash: the action is repeated", "under the same name or id"),
        )
        for x, (fill, title, *lines), crash in zip((20, 320, 620), columns, crashes, strict=True):
            yield from box(x, 20, 260, 92, title, *lines, fill=fill)
            yield from arrow((x + 130, 112), (x + 130, 158), dashed=True)
            for place, line in enumerate(crash):
                yield text(x + 130, 180 + 19 * place, line, fill=SOFT, size=13)
        yield from arrow((280, 66), (318, 66))
        yield from arrow((580, 66), (618, 66))
        yield from arrow((450, 232), (450, 250), (150, 250), (150, 232))
        yield text(300, 268, "another writer was first: read the facts and decide again", fill=SOFT, size=13)

    return svg(900, 285, "Decide, commit, act: three parts of each step", parts())


def clock_changes() -> str:
    """The fires of two crons in Berlin in the nights in which clocks change."""
    berlin = zone("Europe/Berlin")

    def night(top: int, first: datetime, title: str) -> Iterator[str]:
        yield text(20, top, title, anchor="start", bold=True)
        for hour in range(5):
            at = first + timedelta(hours=hour)
            x = 190 + hour * 150
            yield f'<line x1="{x}" y1="{top + 18}" x2="{x}" y2="{top + 118}" stroke="#d5dae0"/>'
            yield text(x, top + 36, at.astimezone(berlin).strftime("%H:%M"), bold=True)
            yield text(x, top + 54, at.strftime("%H:%MZ"), fill=SOFT, size=12)
        yield text(20, top + 36, "Berlin's clocks", anchor="start")
        yield text(20, top + 54, "UTC", anchor="start", fill=SOFT, size=12)
        for place, (written, fill) in enumerate((("30 2 * * *", RED), ("0 * * * *", BLUE))):
            y = top + 82 + 28 * place
            yield text(20, y + 5, written, anchor="start", fill=fill)
            cron, at = parse_cron(written), first - timedelta(seconds=1)
            while (at := cron.next_fire(at, berlin)) <= first + timedelta(hours=4):
                x = 190 + (at - first) / timedelta(hours=1) * 150
                yield f'<circle cx="{x:g}" cy="{y}" r="7" fill="{fill}"/>'

    def parts() -> Iterator[str]:
        yield from night(
            30,
            datetime(2026, 3, 29, 0, tzinfo=UTC),
            "29 March 2026: 02:00 to 03:00 does not exist. 02:30 becomes 03:30",
        )
        yield from night(
            190,
            datetime(2026, 10, 24, 23, tzinfo=UTC),
            "25 October 2026: 02:00 to 03:00 comes twice. Each fire happens once, the first time",
        )

    return svg(900, 330, "Fires of two crons in the nights in which clocks change in Berlin", parts())


DRAWN: Mapping[str, Callable[[], str]] = {
    "stamp.svg": stamp,
    "decide-commit-act.svg": decide_commit_act,
    "clock-changes.svg": clock_changes,
}
"""The pictures by the names of their files."""


def main() -> int:
    """Write the pictures."""
    for name, draw in DRAWN.items():
        (PICTURES / name).write_text(draw())
    return 0


if __name__ == "__main__":
    sys.exit(main())
