"""The demo's last page: how each day's runs went, which expectations were observed, and how long it took."""

from datetime import UTC

from rich.console import Console

from interlock_cli._output import show_span, table
from interlock_cli.demo._proof import BRONZE, GOLD, SILVER, Finding
from interlock_cli.demo._script import Script
from interlock_lifecycle import Run, RunStatus
from interlock_store import Store


def summarize(
    out: Console, script: Script, store: Store, findings: list[Finding], set_up: float, replay: float
) -> None:
    """Print every run on a line of its own day, then every finding."""
    runs = {
        (run.key.pipeline_id, str(run.key.date)): run for name in (BRONZE, SILVER, GOLD) for run in store.runs(name)
    }
    shown = table("run", "bronze", "silver", "what was caught", title="\n[bold]Each run[/] (when it ended, in UTC)")
    for day, hours in script.hours.items():
        for hour in hours:
            date = f"{day}T{hour}"
            shown.add_row(
                date, _cell(runs.get((BRONZE, date))), _cell(runs.get((SILVER, date))), _caught(script, date, findings)
            )
        shown.add_row(f"{day} gold", _cell(runs.get((GOLD, day))), "", "")
    out.print(shown)
    checks = table("", "expected", "observed", title="\n[bold]What was proved[/]")
    for finding in findings:
        mark = "[green]✓[/]" if finding.holds else "[red]✗[/]"
        checks.add_row(mark, finding.expectation, finding.seen.replace("[", r"\["))
    out.print(checks)
    held = sum(finding.holds for finding in findings)
    out.print(f"\n{held} of {len(findings)} expectations observed; {len(runs)} runs")
    out.print(f"set-up took {show_span(set_up)}, the replay {show_span(replay)}")


def _cell(run: Run | None) -> str:
    if run is None:
        return "[red]never ran[/]"
    colour = "green" if run.status is RunStatus.COMPLETED else "red"
    ended = f" {run.closed_at.astimezone(UTC):%H:%M:%S}Z" if run.closed_at is not None else ""
    attempt = f" attempt {run.attempt}" if run.attempt else ""
    return f"[{colour}]{run.status.lower()}[/]{ended}{attempt}"


def _caught(script: Script, date: str, findings: list[Finding]) -> str:
    """What was really observed of a date's scene."""
    seen = {
        script.short: "[yellow]arrived short: held until the rest came[/]",
        script.flaky: "[yellow]its job failed once: retried as a new attempt[/]",
        script.late: "[red]came too late: warned, breached, never met[/]",
    }
    about = [finding for finding in findings if date in finding.expectation]
    return seen.get(date, "") if about and all(finding.holds for finding in about) else ""
