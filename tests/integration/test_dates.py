"""The README's pipeline on the local stack: two dates whose rows share one plain key."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from integration.conftest import Outside, await_that

README = Path(__file__).parents[2] / "README.md"


def readme_pipeline(name: str) -> str:
    """The README's pipeline file under another id."""
    (text,) = re.findall(r"^```yaml\n(pipeline:.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return str(text).replace("id: bronze-orders", f"id: {name}")


def reasons(outside: Outside, name: str) -> dict[str, str]:
    """The reason that `interlock status` shows for each held date."""
    (shown,) = json.loads(outside.interlock("status", name, "--json").stdout)
    return {run["date"]: run["reason"] for run in shown["runs"] if run["progress"] == "held"}


def test_each_date_is_held_for_its_own_row(outside: Outside) -> None:
    outside.push("readme", readme_pipeline("readme"))
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

    def land(hour: str, count: int) -> None:
        stamp = datetime.now(UTC).isoformat()
        outside.put("readme", "landing", date=day, hour=hour, complete=True, count=count, updatedAt=stamp)

    land("06", 500)
    await_that(lambda: "count is 500" in reasons(outside, "readme").get(f"{day}T06", ""), "the hold of the first hour")
    land("07", 700)

    def both() -> dict[str, str] | None:
        found = reasons(outside, "readme")
        return found if f"(landing is of {day}T07 now)" in found.get(f"{day}T06", "") else None

    found = await_that(both, "the hold of the first hour on its own row")
    assert "landing: count is 500, needs gte 1000 (500 short)" in found[f"{day}T06"]
    assert "kept from" in found[f"{day}T06"]
    second = await_that(lambda: reasons(outside, "readme").get(f"{day}T07"), "the hold of the second hour")
    assert second.startswith("landing: count is 700")
    table = outside.interlock("status", "readme").stdout
    assert "500" in table


def test_unreadable_date_is_reported_and_starts_no_run(outside: Outside) -> None:
    outside.push("unreadable", readme_pipeline("unreadable"))
    row = ("unreadable", "landing", "complete=true", "count=5000", 'date="2026/03/03"')
    assert "which is not YYYY-MM-DD" in outside.interlock("sensor", "put", *row, code=2).stderr
    outside.interlock("sensor", "put", *row, "--force")

    def rejected() -> dict[str, Any] | None:
        rows = [row for row in outside.store.events("unreadable") if row["eventType"] == "SENSOR_REJECTED"]
        return rows[0] if rows else None

    event = await_that(rejected, "the event of the rejected row")
    assert "date is '2026/03/03', which is not YYYY-MM-DD" in event["message"]
    (shown,) = json.loads(outside.interlock("status", "unreadable", "--json").stdout)
    assert [run for run in shown["runs"] if run["progress"] != "not begun"] == []
