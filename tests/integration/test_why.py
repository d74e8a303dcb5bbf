"""`interlock why` on the local stack: a held run is explained, flips with an assumed row, and really starts with it."""

import json

from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunStatus

DATE = "2026-03-03"
ROW = {"ready": True, "count": 12, "date": DATE}


def test_held_run_flips_with_an_assumed_row_as_it_does(outside: Outside) -> None:
    outside.push("explained", pipeline(outside.folder, "explained"))
    outside.put("explained", "ready", ready=True, count=3, date=DATE)
    await_that(lambda: "RUN_HELD" in outside.events("explained", DATE), "the event RUN_HELD")
    held = explained(outside)
    assert (held["state"], held["decision"]) == ("held", "the run stays held")
    assert held["changes"] == ["ready: count gte 10 (7 short)"]
    lines = outside.interlock("why", "explained", DATE).stdout.splitlines()
    assert len(lines) <= 20
    assert "not: ready: count is 3, needs gte 10 (7 short)" in " ".join(lines)
    assumed = explained(outside, "--sensor", f"ready={json.dumps(ROW)}")
    assert (assumed["state"], assumed["decision"]) == ("evaluating", "the rules hold: the job starts")
    assert explained(outside)["state"] == "held", "the assumed row was written"
    outside.put("explained", "ready", **ROW)
    assert outside.closed("explained", DATE).status is RunStatus.COMPLETED
    assert explained(outside)["state"] == "completed"


def explained(outside: Outside, *more: str) -> dict[str, object]:
    return dict(json.loads(outside.interlock("why", "explained", DATE, "--json", *more).stdout))
