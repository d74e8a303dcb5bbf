"""The SLA facts of several dates, in one read."""

from datetime import UTC, datetime

from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store import Store

ARRIVED = {"arrivedAt": "2026-03-03T06:00:00Z"}


def test_the_facts_of_several_dates_are_those_of_each(store: Store) -> None:
    keys = [
        RunKey(pipeline, schedule, parse_execution_date(date))
        for pipeline, schedule, date in (
            ("p", "cron", "2026-03-03"),
            ("p", "stream", "2026-03-04"),
            ("q", "cron", "2026-03-03"),
        )
    ]
    store.put_sensor("p", "first-sensor-arrival#2026-03-03", ARRIVED)
    found = store.slas(keys)
    assert found == {key: store.sla(key) for key in keys}
    assert [one.arrived_at for one in found.values()] == [datetime(2026, 3, 3, 6, tzinfo=UTC), None, None]
    assert store.slas([]) == {}
