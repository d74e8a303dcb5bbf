"""The facts of several dates of a dry run, in one read."""

from datetime import UTC, datetime

from interlock_config import decode_yaml
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store import Store
from interlock_store._tables import Tables
from interlock_store._write import Put

CONFIG = decode_yaml(
    """
pipeline: {id: p}
dryRun: true
schedule: {trigger: {key: ready, check: exists}, evaluation: {window: 1h, interval: 5m}}
validation: {rules: [{key: catalog, check: gt, field: rows, value: 0}, {key: audit, check: exists}]}
job: {type: command, config: {command: "true"}}
""",
    "p.yaml",
)
RULES = CONFIG.validation.rules
KEYS = [RunKey("p", "stream", parse_execution_date(f"2026-03-03T{hour:02}")) for hour in range(24)]


def test_the_facts_of_several_dates_are_those_of_each(store: Store, tables: Tables) -> None:
    for position, key in enumerate(KEYS[:3]):
        day, _, hour = str(key.date).partition("T")
        store.put_sensor("p", f"catalog#{key.date}", {"rows": position})
        store.put_sensor("p", f"first-sensor-arrival#{key.date}", {"arrivedAt": f"{day}T{hour}:30:00Z"})
        store.put_sensor("p", f"postrun-baseline#{key.date}", {"audit": {"rows": position}})
    store.put_sensor("p", "audit", {"rows": 9})
    observed = {"PK": "PIPELINE#p", "SK": f"DRY_RUN#stream#{KEYS[1].date}", "retries": 2}
    kept = {"PK": "PIPELINE#p", "SK": f"KEPT#stream#{KEYS[2].date}", "rows": {}, "version": 4}
    tables.transact([Put(store.names.control, row) for row in (observed, kept)])
    found = store.dry_run_dates(KEYS, RULES)
    assert list(found) == KEYS
    for key, date in found.items():
        assert date.dry_run == store.dry_run(key)
        assert date.arrived_at == store.arrived_at(key)
        assert date.baseline == store.baseline(key)
        assert date.readings == store.readings(key, RULES)
    assert [found[key].dry_run.retries for key in KEYS[:3]] == [0, 2, 0]
    assert found[KEYS[2]].readings.kept.version == 4
    assert found[KEYS[2]].readings.rows == {f"catalog#{KEYS[2].date}": {"rows": 2}, "audit": {"rows": 9}}
    assert [found[key].arrived_at for key in KEYS[1:4]] == [
        *(datetime(2026, 3, 3, hour, 30, tzinfo=UTC) for hour in (1, 2)),
        None,
    ]
    assert store.dry_run_dates([], RULES) == {}
