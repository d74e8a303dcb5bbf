"""interlock cron: explains a cron expression: its words, its next fires, and the days on which clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from interlock_cli._output._console import CliError, Output, console, print_json
from interlock_cli._output._counted import counted
from interlock_cli._output._form import result_output
from interlock_cli._output._times import INSTANTS, Times
from interlock_cli._pipelines._cron_compare import YEAR, Comparison, compare
from interlock_sla import (
    ChangedFire,
    ClockChange,
    Cron,
    CronError,
    TimeRangeError,
    ZoneError,
    changed_fires,
    clock_changes,
    cron_words,
    other_readings,
    parse_cron,
)
from interlock_sla import zone as find_zone

_MOST_SHOWN = 3


class _Facts(Struct, frozen=True):
    """The facts about one expression."""

    cron: Cron
    zone: ZoneInfo
    fires: list[datetime]
    changes: list[tuple[ClockChange, list[ChangedFire]]]
    compared: Comparison | None


@click.command()
@click.argument("expression", metavar="EXPR")
@click.option("--zone", default="UTC", show_default=True, metavar="ZONE", help="Time zone of its clock.")
@click.option("--from", "since", metavar="TIME", help="Begin of the fires. Default: now.")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="Number of fires.")
@click.option("--compare", "is_compared", is_flag=True, help="Compare a year of fires with croniter.")
@result_output
def cron(expression: str, zone: str, since: str | None, count: int, is_compared: bool, as_json: bool) -> None:
    """Explain a cron expression: in words, its next fires, and the clock changes.

    EXPR has five fields, as in schedule.cron. The fires are shown in the zone and in UTC. Clock changes are those of
    the next 366 days, with the fires that they move or that clocks show twice.

    Airflow, Dagster and Prefect read cron with croniter. --compare lists where its fires of 366 days differ, and why.
    It needs the extra croniter of interlock-cli. TIME is a date or a time in the zone, or +2h or -7d from now.

    \b
    Examples:
      interlock cron "0 8 * * mon-fri" --zone Europe/Berlin
      interlock cron "30 2 * * *" --zone Europe/Berlin --from 2026-03-27 --compare
      interlock cron "0 0 L * *" --count 12 -o json
    """
    found, place, begin = _read(expression, zone, since, datetime.now(UTC))
    try:
        facts = _Facts(
            cron=found,
            zone=place,
            fires=list(islice(_fires(found, begin, place), count)),
            changes=[(one, changed_fires(found, one, place)) for one in clock_changes(place, begin, begin + YEAR)],
            compared=compare(found, place, begin) if is_compared else None,
        )
    except (TimeRangeError, OverflowError):
        raise CliError(f"--from is {since!r}, must be a time whose next fires are before the year 9999") from None
    if as_json:
        print_json(_wire(facts))
    else:
        _print(facts, console())


def _read(text: str, zone_name: str, since: str | None, now: datetime) -> tuple[Cron, ZoneInfo, datetime]:
    """The cron, the zone and the begin. Raises one CliError with all problems."""
    problems: list[str] = []
    found, place, begin = None, ZoneInfo("UTC"), now
    try:
        found = parse_cron(text)
    except CronError as error:
        problems.append(f"EXPR: {error}")
    try:
        place = find_zone(zone_name)
    except ZoneError as error:
        problems.append(f"--zone: {error}")
    if since is not None:
        times = Times(now, place)
        read = times.instant(since)
        if read is None:
            problems.append(f"--from is {since!r}, {INSTANTS}")
        begin = read or now
    if problems or found is None:
        raise CliError(*problems)
    return found, place, begin


def _fires(found: Cron, begin: datetime, place: ZoneInfo) -> Iterator[datetime]:
    """The fires at or after the begin."""
    at = begin - timedelta(microseconds=1)
    while True:
        at = found.next_fire(at, place)
        yield at


def _print(facts: _Facts, out: Output) -> None:
    out.line(("bold", cron_words(facts.cron)), f", {facts.zone.key}")
    if facts.cron.is_finer_than_hourly:
        out.line(("yellow", "note:"), " schedule.cron fires at most once an hour, and does not take this expression")
    for reading in other_readings(facts.cron):
        out.line(("yellow", "note:"), f" {reading}")
    out.line()
    out.line("next fires:")
    for fire in facts.fires:
        out.line(f"  {_local(fire, facts.zone)}  {_utc(fire)}")
    out.line()
    if not facts.changes:
        out.line(f"no clock change of {facts.zone.key} in 366 days")
    for change, moved in facts.changes:
        _print_change(change, moved, facts.zone, out)
    if facts.compared is not None:
        out.line()
        _print_compared(facts.compared, facts.zone, out)


def _print_change(change: ClockChange, moved: list[ChangedFire], place: ZoneInfo, out: Output) -> None:
    local = change.at.astimezone(place)
    way, sign = ("forward", "skip") if change.goes_forward else ("back", "show twice")
    out.line(f"clocks go {way} on {local:%a %Y-%m-%d}, to {_clock(local)}:", "" if moved else " no fire is affected")
    for one in moved[:_MOST_SHOWN]:
        fire = f"{_clock(one.fire.astimezone(place))}, {_utc(one.fire)}"
        out.line(f"  they {sign} {one.wall:%H:%M}, which fires at {fire}")
    if len(moved) > _MOST_SHOWN:
        out.line(f"  and {len(moved) - _MOST_SHOWN} more")


def _print_compared(found: Comparison, place: ZoneInfo, out: Output) -> None:
    until = f"{found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}"
    if found.rejected is not None:
        out.line(("yellow", f"{found.product} does not read this expression:"), f" {found.rejected}")
        return
    if not found.only_here and not found.only_there:
        out.line(("green", f"{found.product} has the same {counted(found.here, 'fire')}"), f", {until}")
        return
    out.line(
        ("yellow", f"{found.product} differs"), f", {until}: {counted(found.here, 'fire')} here, {found.there} there"
    )
    for name, fires in (("only here", found.only_here), ("only there", found.only_there)):
        for fire in fires[:_MOST_SHOWN]:
            out.line(f"  {name:<10}  {_local(fire, place)}  {_utc(fire)}")
        if len(fires) > _MOST_SHOWN:
            out.line(f"  {name:<10}  and {len(fires) - _MOST_SHOWN} more")
    for reason in found.reasons:
        out.line(f"  why ({counted(reason.fires, 'fire')}): {reason.text}")


def _wire(facts: _Facts) -> dict[str, Any]:
    compared = facts.compared
    return {
        "expression": facts.cron.text,
        "zone": facts.zone.key,
        "words": cron_words(facts.cron),
        "notes": list(other_readings(facts.cron)),
        "fires": [_both(fire, facts.zone) for fire in facts.fires],
        "clock_changes": [
            {
                **_both(change.at, facts.zone),
                "offset_before": change.before.total_seconds(),
                "offset_after": change.after.total_seconds(),
                "fires": [{"written": one.wall.isoformat(), **_both(one.fire, facts.zone)} for one in moved],
            }
            for change, moved in facts.changes
        ],
        "compared": None
        if compared is None
        else {
            "product": compared.product,
            "since": compared.since.isoformat(),
            "until": compared.until.isoformat(),
            "rejected": compared.rejected,
            "here": compared.here,
            "there": compared.there,
            "only_here": [_both(fire, facts.zone) for fire in compared.only_here],
            "only_there": [_both(fire, facts.zone) for fire in compared.only_there],
            "reasons": [{"reason": reason.text, "fires": reason.fires} for reason in compared.reasons],
        },
    }


def _both(at: datetime, place: ZoneInfo) -> dict[str, str]:
    return {"at": at.isoformat(), "local": at.astimezone(place).isoformat()}


def _local(at: datetime, place: ZoneInfo) -> str:
    return f"{at.astimezone(place):%a %Y-%m-%d %H:%M %Z}"


def _clock(local: datetime) -> str:
    return f"{local:%H:%M %Z}"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%MZ}"
