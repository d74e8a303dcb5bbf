"""Finds the corrupted values of rows that stop nothing: verdicts, dry runs, first arrivals, waiting dates."""

from collections.abc import Mapping
from typing import Any

from interlock_store._rows import DORMANT, key_of_row, read_arrival, read_dry_run, read_kept, read_verdict

_ARRIVAL = "SENSOR#first-sensor-arrival#"


def corrupted_values(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The problem of such a row, and its effect as a sentence. None for a whole row and for any other kind.

    Raises MalformedRow if the key names no date.
    """
    kind = str(row["SK"]).partition("#")[0]
    if kind == "VERDICT":
        judged = read_verdict(row, key_of_row(row["PK"], row["SK"])).corrupted
        found = {str(clock): value for clock, value in judged.items()}
        return _say(found, "The next look at its date judges these clocks again")
    if kind == "DRY_RUN":
        found = dict(read_dry_run(row, key_of_row(row["PK"], row["SK"])).corrupted)
        return _say(found, "These values count as absent, and the next observation replaces them")
    if str(row["SK"]).startswith(_ARRIVAL) and read_arrival(row) is None:
        return "arrivedAt is not a time in RFC 3339", "The next arrival of its date replaces it"
    if kind == "KEPT" and row.get("GSI1PK") == DORMANT and read_kept(row).dormant is None:
        return "dormant must be a map of sensorKey, slot and since", "Write the sensor of its date again"
    return None


def _say(values: Mapping[str, Any], effect: str) -> tuple[str, str] | None:
    return ("; ".join(f"{name} is {value!r}" for name, value in values.items()), effect) if values else None
