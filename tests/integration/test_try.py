"""`interlock try` on the local stack: the runs that it calls changed are those that really change."""

import json
from datetime import UTC, datetime

from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunStatus

DATES = {"2026-03-03": 12, "2026-03-04": 10, "2026-03-05": 15}
STRICTER = "{key: ready, check: gte, field: count, value: 11}"


def land(outside: Outside, name: str) -> None:
    for date, count in DATES.items():
        stamp = datetime.now(UTC).isoformat()
        outside.put(name, f"ready#{date}", ready=True, count=count, date=date, updatedAt=stamp)


def test_a_trial_on_the_tables_lists_the_runs_that_change(outside: Outside) -> None:
    outside.push("tried", pipeline(outside.folder, "tried"))
    land(outside, "tried")
    for date in DATES:
        assert outside.closed("tried", date).status is RunStatus.COMPLETED
        await_that(lambda date=date: "JOB_COMPLETED" in outside.events("tried", date), f"the events of {date}")  # type: ignore[misc]
    file = outside.folder / "tried-changed.yaml"
    file.write_text(pipeline(outside.folder, "tried", rules=STRICTER))
    found = json.loads(outside.interlock("try", str(file), "--since", "1h", "-o", "json").stdout)
    changed = {one["date"]: one for one in found["dates"] if one["change"] != "same"}
    assert list(changed) == ["2026-03-04"]
    assert changed["2026-03-04"]["change"] == "changed"
    assert [one["type"] for one in changed["2026-03-04"]["would"]] == ["RUN_HELD"]
    outside.push("tried-strictly", pipeline(outside.folder, "tried-strictly", rules=STRICTER))
    land(outside, "tried-strictly")
    for date in DATES.keys() - changed.keys():
        assert outside.closed("tried-strictly", date).status is RunStatus.COMPLETED
    await_that(lambda: "RUN_HELD" in outside.events("tried-strictly", "2026-03-04"), "the event RUN_HELD")
    assert sorted(one.split()[0] for one in outside.starts("tried-strictly")) == ["2026-03-03", "2026-03-05"]
