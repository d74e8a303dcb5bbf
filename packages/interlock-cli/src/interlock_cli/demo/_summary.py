"""The demo's last page: how each day's runs went, which expectations were observed, and how long it took."""

from datetime import UTC

from rich.console import Console

from interlock_cli._output import show_span, table
from interlock_cli.demo._proof import BRONZE, GOLD, SILVER, Finding
from interlock_cli.demo._script import Script
from interlock_lifecycle import Run, RunStatus
from interlock_store import Store


def summarize(out: Console, script: Script, store: Store, findings: list[Finding], seconds: float) -> None:
    """Print every run on a line of its own day, then every finding."""
    runs = {
        (run.key.pipeline_id, str(run.key.date)): run for name in (BRONZE, SILVER, GOLD) for run in store.runs(name)
    }
    shown = table("run", "bronze", "silver", "what was caught", title="\n[bold]Each run[/] (times in UTC)")
    for day, hours in script.hours.items():
        for hour in hours:
            date = f"{day}T{hour}"
            shown.add_row(date, _cell(runs.get((BRONZE, date))), _cell(runs.get((SILVER, date))), _caught(script, date))
        shown.add_row(f"{day} gold", _cell(runs.get((GOLD, day))), "", "held until all its hours were there")
    out.print(shown)
    checks = table("", "expected", "observed", title="\n[bold]What was proved[/]")
    for finding in findings:
        mark = "[green]✓[/]" if finding.holds else "[red]✗[/]"
        checks.add_row(mark, finding.expectation, finding.seen.replace("[", r"\["))
    out.print(checks)
    held = sum(finding.holds for finding in findings)
    out.print(f"\n{held} of {len(findings)} expectations observed; {len(runs)} runs in {show_span(seconds)}")


def _cell(run: Run | None) -> str:
    if run is None:
        return "[red]never ran[/]"
    colour = "green" if run.status is RunStatus.COMPLETED else "red"
    began = f" {run.committed_at.astimezone(UTC):%H:%M:%S}Z" if run.attempt == 0 else f" attempt {run.attempt}"
    return f"[{colour}]{run.status.lower()}[/]{began}"


def _caught(script: Script, date: str) -> str:
    if date == script.short:
        return "[yellow]arrived short: held until the rest came[/]"
    if date == script.flaky:
        return "[yellow]its job failed once: retried as a new attempt[/]"
    if date == script.late:
        return "[red]came too late: warned, breached, never met[/]"
    return ""
