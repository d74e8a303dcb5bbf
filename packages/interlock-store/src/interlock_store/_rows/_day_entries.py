"""The entries of the index of days: the dates of a day, the most urgent ones first."""

from collections.abc import Mapping
from enum import StrEnum

from interlock_lifecycle import ClockVerdict, RunKey, RunStatus, digest
from interlock_sla import Clock, ExecutionDate, Outcome, SlaError, parse_execution_date
from interlock_store._rows._keys import DAYS, LONGEST_SK, pipeline_pk, run_sk
from interlock_store._rows._markers import marker_sk
from interlock_store._write import Item


class Rank(StrEnum):
    """The places of the rows of a day in the index of days. The most urgent ones come first."""

    FAILED = "1"
    BREACHED = "2"
    MISSED = "3"
    HELD = "4"
    RUNNING = "5"
    COMPLETED = "9"


def day_entry(pk: str, sk: str, date: ExecutionDate, rank: Rank) -> Item:
    """The entry of a row in the index of days. The sort key is unique, so that a reader can go on after it."""
    place = f"{rank}#{pk.removeprefix('PIPELINE#')}#{sk}"
    if len(place.encode()) > LONGEST_SK:
        place = f"{rank}#{digest(pk, sk)}"
    return {f"{DAYS}PK": f"DAY#{date.day}", f"{DAYS}SK": place}


def day_of_run(key: RunKey, status: RunStatus, *, has_job: bool) -> Item:
    """The entry of a trigger row in the index of days. A running run without a job is held or about to start."""
    ranks = {RunStatus.COMPLETED: Rank.COMPLETED, RunStatus.FAILED_FINAL: Rank.FAILED}
    rank = ranks.get(status, Rank.RUNNING if has_job else Rank.HELD)
    return day_entry(pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key), key.date, rank)


def day_of_verdict(key: RunKey, fresh: Mapping[Clock, ClockVerdict]) -> Item:
    """The entry of a VERDICT# row in the index of days, if a clock is breached. A met deadline is not urgent."""
    if all(verdict.outcome is not Outcome.BREACH for verdict in fresh.values()):
        return {}
    return day_entry(pipeline_pk(key.pipeline_id), run_sk("VERDICT", key), key.date, Rank.BREACHED)


def day_of_marker(pipeline_id: str, marker: str) -> Item:
    """The entry of the marker of a missed date in the index of days. Other markers have none."""
    name, _, text = marker.rpartition("#")
    if not name.startswith("missed#"):
        return {}
    try:
        date = parse_execution_date(text)
    except SlaError:
        return {}
    return day_entry(pipeline_pk(pipeline_id), marker_sk(marker), date, Rank.MISSED)
