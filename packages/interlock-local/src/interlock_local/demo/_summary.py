"""The last page of the demo: the runs of each day, the expectations, and the durations."""

from datetime import UTC

from interlock_lifecycle import Run, RunStatus
from interlock_local._terminal import Cell, Rows, Terminal
from interlock_local.demo._evidence import Evidence
from interlock_local.demo._finding import Finding
from interlock_local.demo._script import BRONZE, DRY_RUN, GOLD, ROSTER, SILVER


def summarize(terminal: Terminal, evidence: Evidence, findings: list[Finding], set_up: float, replay: float) -> None:
    """Print the runs of each hour on a line, then each finding."""
    out = terminal.console()
    out.line()
    out.table(_runs(terminal, evidence, findings))
    out.line()
    checks = terminal.table("", "expected", "observed", title="Expectations")
    for finding in findings:
        mark = ("green", "✓") if finding.holds else ("red", "✗")
        checks.add_row(mark, finding.expectation, finding.seen)
    out.table(checks)
    out.line()
    held = sum(finding.holds for finding in findings)
    out.line(f"{held} of {len(findings)} expectations observed; {len(evidence.runs)} runs")
    out.line(f"set-up took {terminal.span(set_up)}, the replay {terminal.span(replay)}")


def _runs(terminal: Terminal, evidence: Evidence, findings: list[Finding]) -> Rows:
    title = "Runs: the end of each (✓1: by attempt 1), and the start by the dry run, in UTC"
    shown = terminal.table("run", "bronze", "dry run", "silver", "scene", title=title, whole=("run", "dry run"))
    runs = evidence.runs
    for day, hours in evidence.script.hours.items():
        for date in (f"{day}T{hour}" for hour in hours):
            cells = (_cell(runs.get((BRONZE, date))), _observed(evidence, date), _cell(runs.get((SILVER, date))))
            shown.add_row(date, *cells, _scene(evidence, date, findings))
        shown.add_row(f"{day} gold", _cell(runs.get((GOLD, day))), "", "", "")
    missed = ("red", "never sent: warning, breach, missed")
    roster = [finding for finding in findings if ROSTER in finding.expectation]
    scene = missed if all(finding.holds for finding in roster) else ""
    shown.add_row(f"{evidence.roster.key.date} roster", ("dim", "no run"), "", "", scene)
    return shown


def _cell(run: Run | None) -> Cell:
    if run is None:
        return ("red", "never ran")
    # A sign and the number of the attempt, as on the board, so that an hour has one line in 80 columns.
    colour, sign = ("green", "✓") if run.status is RunStatus.COMPLETED else ("red", f"✗ {run.status.lower()}")
    ended = f" {run.closed_at.astimezone(UTC):%H:%M:%S}Z" if run.closed_at is not None else ""
    return [[(colour, f"{sign}{run.attempt or ''}"), ended]]


def _observed(evidence: Evidence, date: str) -> Cell:
    found = evidence.of_type((DRY_RUN, date), "DRY_RUN_WOULD_TRIGGER")
    drift = " drift" if evidence.of_type((DRY_RUN, date), "DRY_RUN_DRIFT") else ""
    return ("magenta", f"{found[0].at:%H:%M:%S}Z{drift}") if found else ("red", "no event")


def _scene(evidence: Evidence, date: str, findings: list[Finding]) -> Cell:
    """The scene of a date, if all its expectations were observed."""
    script = evidence.script
    seen: dict[str, Cell] = {
        script.short: ("yellow", "arrived short: held until the rest arrived"),
        script.flaky: ("yellow", "its job failed once: retried as a new attempt"),
        script.late: ("red", "came too late: warning, breach, never met"),
        script.amended: ("yellow", "amended after its run: drift, both ran again"),
        script.broken: [[("red", "failed for good:"), ("yellow", " fixed, rerun on request")]],
        script.unchanged: ("yellow", "a rerun of unchanged data was rejected"),
    }
    about = [finding for finding in findings if date in finding.expectation]
    return seen.get(date, "") if about and all(finding.holds for finding in about) else ""
