"""The changes of a migration to rows of older deployments, on every kind of tables, and the rows that it skips."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from interlock_config import PipelineConfig, decode_yaml, encode_calendar, encode_json
from interlock_lifecycle import CloseRun, RunKey, RunStatus, StartRun, Verdict
from interlock_lifecycle.runs import CloseFacts, Exhaustion, exhaust, needs_start
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Calendar, Exclusions
from interlock_store import (
    Commit,
    MemoryScan,
    MemoryTables,
    Migration,
    MigrationAction,
    MigrationNotice,
    MigrationPage,
    MigrationProblem,
    Position,
    RowScan,
    Store,
    TableNames,
    Tables,
    format_time,
    parse_position,
)
from interlock_store._write import Delete, Item, Put, Update, Write

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(hours=4)
US = Calendar("us", frozenset(), frozenset({date(2026, 7, 4)}))
RUN = {"PK": "PIPELINE#bronze", "SK": "TRIGGER#stream#2026-03-03", "status": "RUNNING"}
EXPIRES = 1_772_560_000
"""2026-03-03T17:46:40Z"""


def put(store: Store, *rows: Item) -> None:
    for row in rows:
        store._tables.transact([Put(store.names.control, row)])


def all_rows(store: Store, scan: RowScan) -> dict[tuple[str, str], Item]:
    """Every CONFIG, TRIGGER# and RERUN_REQUEST# row, whole."""
    keys = [(row["PK"], row["SK"]) for page in scan.pages(store.names.control) for row in page.rows]
    return store._tables.get_many(store.names.control, keys)


def migrate(
    store: Store,
    scan: RowScan,
    *,
    apply: bool = True,
    calendars: Sequence[Calendar] = (),
    now: datetime = NOW,
    after: Position | None = None,
) -> MigrationPage:
    """A whole go, as one page."""
    migration = Migration(store, scan, now=now, execution_timeout=TIMEOUT, apply=apply)
    return merged(migration.run(calendars, after=after))


def merged(pages: Iterator[MigrationPage]) -> MigrationPage:
    seen = list(pages)
    return MigrationPage(
        seen[-1].position,
        sum(page.looked_at for page in seen),
        tuple(change for page in seen for change in page.changes),
        tuple(problem for page in seen for problem in page.problems),
        sum(page.requests_left for page in seen),
        tuple(notice for page in seen for notice in page.notices),
    )


@pytest.fixture
def old(store: Store, config: PipelineConfig) -> Store:
    """A deployment as an older tool left it: nothing is indexed, nothing has a token."""
    put(
        store,
        {"PK": "PIPELINE#bronze", "SK": "CONFIG", "config": encode_json(config)},
        {"PK": "CALENDAR#us", "SK": "CONFIG", "config": encode_calendar(US)},
        {**RUN, "ttl": EXPIRES},
        {**RUN, "SK": "TRIGGER#stream#2026-03-02", "status": "COMPLETED"},
        {**RUN, "SK": "TRIGGER#stream#2026-03-01", "status": "FAILED_FINAL"},
        {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-01", "reason": "manual"},
        {"PK": "PIPELINE#bronze", "SK": "RERUN_REQUEST#stream#2026-03-02", "handledAt": format_time(NOW)},
        {"PK": "PIPELINE#bronze", "SK": "SENSOR#landing", "data": {"count": 1}},
        {"PK": "PIPELINE#bronze", "SK": "DRY_RUN#stream#2026-03-03", "ttl": EXPIRES},
    )
    return store


@pytest.mark.parametrize(("reported", "kept"), [({}, 0), ({"attempt": 3}, 3)])
def test_an_adopted_run_keeps_its_attempt(
    store: Store, scan: RowScan, key: RunKey, reported: dict[str, int], kept: int
) -> None:
    put(store, {**RUN, "SK": f"TRIGGER#stream#{key.date}", **reported})
    migrate(store, scan)
    run = store.run(key)
    assert run is not None
    assert (run.attempt, run.run_token[:9]) == (kept, "migrated-")


def test_an_old_config_is_indexed_and_first_seen_now(old: Store, scan: RowScan, config: PipelineConfig) -> None:
    done = migrate(old, scan)
    assert [change.says for change in done.changes if change.action is MigrationAction.INDEX_CONFIG] == [
        "indexed, first seen now"
    ]
    assert old.pipelines() == ["bronze"]
    stored = old.config("bronze")
    assert (stored.config, stored.created_at) == (config, NOW)


@pytest.mark.parametrize(
    ("ttl", "lease"),
    [
        (EXPIRES, datetime(2026, 3, 3, 17, 46, 40, tzinfo=UTC)),
        (str(EXPIRES), datetime(2026, 3, 3, 17, 46, 40, tzinfo=UTC)),
        (Decimal("1772400000.5"), datetime(2026, 3, 1, 21, 20, tzinfo=UTC)),
        (None, NOW + TIMEOUT + timedelta(minutes=30)),
        ("soon", NOW + TIMEOUT + timedelta(minutes=30)),
        (EXPIRES * 1000, NOW + TIMEOUT + timedelta(minutes=30)),
        (0, NOW + TIMEOUT + timedelta(minutes=30)),
        (True, NOW + TIMEOUT + timedelta(minutes=30)),
    ],
)
def test_a_run_of_another_machine_gets_a_lease(
    store: Store, scan: RowScan, key: RunKey, ttl: object, lease: datetime
) -> None:
    row = {**RUN, "SK": f"TRIGGER#stream#{key.date}"}
    put(store, row if ttl is None else {**row, "ttl": ttl})
    (change,) = migrate(store, scan).changes
    assert change.action is MigrationAction.ADOPT_RUN
    assert change.says == f"its lease ends at {lease:%Y-%m-%dT%H:%M:%SZ}"
    run = store.run(key)
    assert run is not None
    assert run.lease_until == lease
    (indexed,) = store.running()
    assert (indexed["SK"], indexed["GSI1SK"]) == (row["SK"], format_time(lease))
    assert indexed["ttl"] == int(lease.timestamp()) + 30 * 86400


def test_only_the_lease_ends_an_adopted_run(store: Store, scan: RowScan, key: RunKey) -> None:
    put(store, {**RUN, "SK": f"TRIGGER#stream#{key.date}", "ttl": EXPIRES})
    migrate(store, scan)
    run = store.run(key)
    assert run is not None
    assert run.run_token.startswith("migrated-")
    assert not needs_start(run, run.run_token)
    assert run.started_at is None
    assert store.pending(NOW + timedelta(days=365)) == []
    facts = CloseFacts(run, None, 0, Exclusions(), SlaFacts(None, Verdict(key)))
    decision = exhaust(facts, run.run_token, Exhaustion.LEASE, reason="lease", now=NOW + TIMEOUT * 2)
    assert isinstance(decision, CloseRun)
    assert store.commit(decision) is Commit.COMMITTED
    closed = store.run(key)
    assert closed is not None
    assert closed.status is RunStatus.FAILED_FINAL
    assert store.running() == []


def test_tokens_of_adopted_runs_are_distinct(store: Store, scan: RowScan) -> None:
    put(store, *({**RUN, "SK": f"TRIGGER#stream#2026-03-{day:02}", "ttl": EXPIRES} for day in range(1, 8)))
    migrate(store, scan)
    assert len({row["runToken"] for row in store.running()}) == 7


def test_what_lacks_nothing_is_left_as_it_is(old: Store, scan: RowScan, start: StartRun) -> None:
    old.commit(start)
    before = all_rows(old, scan)
    done = migrate(old, scan)
    changed = {(change.pk, change.sk) for change in done.changes}
    after = all_rows(old, scan)
    assert {key for key in before if before[key] != after[key]} == changed
    older = {("PIPELINE#bronze", f"TRIGGER#stream#2026-03-0{day}") for day in (1, 2, 3)}
    assert changed == {("PIPELINE#bronze", "CONFIG"), *older}


def test_waiting_rerun_requests_are_counted_and_left(old: Store, scan: RowScan) -> None:
    assert migrate(old, scan).requests_left == 1


def test_every_row_of_the_table_is_looked_at_in_pages(old: Store, scan: RowScan) -> None:
    pages = list(Migration(old, scan, now=NOW, execution_timeout=TIMEOUT).run())
    assert sum(page.looked_at for page in pages) == 9
    assert len(pages) >= 5
    assert pages[-1].position is None


def test_a_second_go_changes_nothing(old: Store, scan: RowScan) -> None:
    migrate(old, scan, calendars=[US])
    before = all_rows(old, scan)
    again = migrate(old, scan, calendars=[US], now=NOW + timedelta(days=1))
    assert again.changes == ()
    assert all_rows(old, scan) == before


def test_without_apply_the_report_is_equal_and_nothing_written(old: Store, scan: RowScan) -> None:
    fresh = Calendar("de", frozenset(), frozenset({date(2026, 10, 3)}))
    before = all_rows(old, scan)
    reported = migrate(old, scan, apply=False, calendars=[fresh])
    assert all_rows(old, scan) == before
    done = migrate(old, scan, calendars=[fresh])
    assert reported.changes == done.changes
    assert len(done.changes) == 5


def test_an_interrupted_go_is_taken_up_where_it_stopped(old: Store, scan: RowScan) -> None:
    put(old, *({"PK": f"PIPELINE#p{n}", "SK": "CONFIG", "config": "{}"} for n in range(8)))
    pages = Migration(old, scan, now=NOW, execution_timeout=TIMEOUT, apply=True).run()
    seen = [next(pages) for _ in range(4)]
    pages.close()
    position = seen[-1].position
    assert position is not None
    rest = migrate(old, scan, after=parse_position(str(position)))
    first = merged(iter(seen))
    assert first.looked_at + rest.looked_at == 17
    assert {change.pk for change in first.changes} & {change.pk for change in rest.changes} <= {"PIPELINE#bronze"}
    assert len(old.pipelines()) == 9
    assert migrate(old, scan).changes == ()


@pytest.mark.parametrize("text", ["", "x", "[]", '["a"]', '["a", 1]', '["a", ""]', '{"a": "b"}', "null"])
def test_what_is_no_position_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        parse_position(text)


def test_a_position_survives_any_key() -> None:
    odd = Position('PIPELINE#"ü', "SENSOR#a' b\\")
    assert parse_position(str(odd)) == odd


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"PK": "PIPELINE#old", "SK": "CONFIG", "config": "not json"}, "old"),
        ({"PK": "PIPELINE#old", "SK": "CONFIG"}, "old"),
        ({"PK": "PIPELINE#old", "SK": "CONFIG", "config": "{}", "createdAt": "yesterday"}, "'yesterday' is not a time"),
        ({"PK": "TEAM#old", "SK": "CONFIG", "config": "{}"}, "not PIPELINE#<id>"),
        ({"PK": "PIPELINE#", "SK": "CONFIG", "config": "{}"}, "not PIPELINE#<id>"),
        ({"PK": "CALENDAR#us", "SK": "CONFIG", "config": "[]"}, "calendar us"),
        ({**RUN, "status": "SPINNING"}, "'SPINNING' is not one of"),
        ({"PK": RUN["PK"], "SK": RUN["SK"]}, "None is not one of"),
        ({**RUN, "SK": "TRIGGER#stream#2026-02-30"}, "2026-02-30"),
        ({**RUN, "SK": "TRIGGER#stream"}, "<kind>#<schedule>#<date>"),
    ],
)
def test_an_unreadable_row_is_a_problem_and_stops_nothing(
    store: Store, scan: RowScan, config: PipelineConfig, row: Item, said: str
) -> None:
    sound = config_row(config, "silver", calendar=False)
    put(store, row, sound)
    done = migrate(store, scan)
    assert said in " ".join(problem.problem for problem in done.problems)
    assert {(problem.pk, problem.sk) for problem in done.problems} == {(row["PK"], row["SK"])}
    assert "silver" in store.pipelines()


def config_row(config: PipelineConfig, pipeline_id: str, *, calendar: bool = True) -> Item:
    text = encode_json(config).replace('"bronze"', f'"{pipeline_id}"')
    if not calendar:
        text = text.replace('"holidays":"us"', '"weekends":true')
    return {"PK": f"PIPELINE#{pipeline_id}", "SK": "CONFIG", "config": text}


def test_an_unreadable_config_is_indexed_all_the_same(store: Store, scan: RowScan) -> None:
    put(store, {"PK": "PIPELINE#old", "SK": "CONFIG", "config": "{}"})
    assert len(migrate(store, scan).problems) == 1
    assert store.pipelines() == ["old"]


def test_a_config_under_another_name_is_a_problem(store: Store, scan: RowScan, config: PipelineConfig) -> None:
    put(store, {**config_row(config, "silver", calendar=False), "PK": "PIPELINE#gold"})
    (problem,) = migrate(store, scan).problems
    assert problem.problem == "the config has the id 'silver', and its row has 'gold'"


def test_a_config_whose_calendar_has_no_row_is_a_problem(store: Store, scan: RowScan, config: PipelineConfig) -> None:
    put(store, config_row(config, "bronze"))
    (problem,) = migrate(store, scan).problems
    assert problem == MigrationProblem("PIPELINE#bronze", "CONFIG", "the config names calendars without a row: us")
    assert store.pipelines() == ["bronze"]


@pytest.mark.parametrize("apply", [False, True])
def test_calendars_are_written_first_so_that_configs_find_them(
    store: Store, scan: RowScan, config: PipelineConfig, apply: bool
) -> None:
    put(store, config_row(config, "bronze"))
    done = migrate(store, scan, calendars=[US], apply=apply)
    assert done.problems == ()
    assert [change.says for change in done.changes] == ["written", "indexed, first seen now"]
    assert (store.config("bronze").config is not None) is apply


def test_a_calendar_row_that_says_something_else_is_replaced(old: Store, scan: RowScan) -> None:
    other = Calendar("us", frozenset(), frozenset({date(2026, 12, 25)}))
    written = [change for change in migrate(old, scan, calendars=[other]).changes if change.pk.startswith("CALENDAR#")]
    assert [change.says for change in written] == ["replaced: the file differs"]
    assert old.config("bronze").calendars == {"us": other}


def test_an_unreadable_calendar_row_is_simply_replaced(old: Store, scan: RowScan) -> None:
    put(old, {"PK": "CALENDAR#us", "SK": "CONFIG", "config": "[]"})
    assert migrate(old, scan, calendars=[US], apply=False).problems == ()
    assert migrate(old, scan, calendars=[US]).problems == ()
    assert old.config("bronze").calendars == {"us": US}


class Meddled(MemoryTables):
    """Tables on which another writer writes just before each write of the migration, as long as writes are left."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Write] = []
        self.armed = False

    def transact(self, writes: Sequence[Write]) -> None:
        if self.armed and self.others:
            super().transact([self.others.pop(0)])
        super().transact(writes)


@pytest.fixture
def meddled() -> Meddled:
    return Meddled()


def race(meddled: Meddled, row: Item, *others: Write) -> tuple[MigrationPage, Item | None]:
    store = Store(meddled, NAMES)
    put(store, row)
    meddled.others, meddled.armed = list(others), True
    done = migrate(store, MemoryScan(meddled))
    return done, meddled.get(NAMES.control, row["PK"], row["SK"])


NAMES = TableNames.of_environment("test")


def closes(**changes: Any) -> Write:
    return Update(NAMES.control, RUN["PK"], RUN["SK"], set=changes, remove=("ttl",))


def test_a_run_that_closes_meanwhile_stays_closed(meddled: Meddled) -> None:
    done, row = race(meddled, {**RUN, "ttl": EXPIRES}, closes(status="COMPLETED"))
    assert [change.action for change in done.changes] == [MigrationAction.INDEX_DAY]
    place = {"GSI2PK": "DAY#2026-03-03", "GSI2SK": f"9#bronze#{RUN['SK']}"}
    assert row == {**RUN, "status": "COMPLETED", **place}


def test_a_run_that_begins_in_the_meantime_keeps_its_token(meddled: Meddled) -> None:
    done, row = race(meddled, {**RUN, "ttl": EXPIRES}, closes(runToken="theirs"))
    assert [change.action for change in done.changes] == [MigrationAction.INDEX_DAY]
    assert row is not None
    assert row["runToken"] == "theirs"


def test_a_run_with_a_renewed_lock_gets_the_new_lease(meddled: Meddled) -> None:
    renewed = Update(NAMES.control, RUN["PK"], RUN["SK"], set={"ttl": EXPIRES + 60})
    done, row = race(meddled, {**RUN, "ttl": EXPIRES}, renewed)
    assert len(done.changes) == 1
    assert row is not None
    assert row["leaseUntil"] == "2026-03-03T17:47:40.000000Z"


@pytest.mark.parametrize("given", [RUN, {"PK": "PIPELINE#old", "SK": "CONFIG"}], ids=["run", "config"])
def test_a_row_deleted_in_the_meantime_is_not_made_again(meddled: Meddled, given: Item) -> None:
    done, row = race(meddled, {**given, "config": "{}"}, Delete(NAMES.control, given["PK"], given["SK"]))
    done = MigrationPage(None, 0, done.changes, tuple(one for one in done.problems if one.sk != "CONFIG"))
    assert (done.changes, done.problems, row) == ((), (), None)


def test_a_config_indexed_by_the_stream_keeps_its_created_at(meddled: Meddled) -> None:
    seen = {"GSI1PK": "CONFIG", "GSI1SK": "old", "createdAt": "2026-01-01T00:00:00.000000Z"}
    other = Update(NAMES.control, "PIPELINE#old", "CONFIG", set=seen)
    done, row = race(meddled, {"PK": "PIPELINE#old", "SK": "CONFIG", "config": "{}"}, other)
    assert done.changes == ()
    assert row is not None
    assert row["createdAt"] == seen["createdAt"]


def test_a_row_that_never_holds_still_is_a_problem(meddled: Meddled) -> None:
    others = [Update(NAMES.control, RUN["PK"], RUN["SK"], set={"ttl": EXPIRES + n}) for n in range(1, 9)]
    done, _ = race(meddled, {**RUN, "ttl": EXPIRES}, *others)
    assert done.changes == ()
    problems = [problem.problem for problem in done.problems]
    assert problems == ["the row changed 5 times in the meantime. Run the migration again"]


def test_the_scan_reads_only_the_attributes_that_it_needs(
    store: Store, scan: RowScan, tables: Tables, start: StartRun
) -> None:
    store.commit(start)
    put(store, {**RUN, "jobIntent": "x" * 1000, "note": "y"}, {"PK": "PIPELINE#a", "SK": "SENSOR#a", "data": {"n": 1}})
    rows = [row for page in scan.pages(store.names.control) for row in page.rows]
    assert sorted(row["SK"] for row in rows) == ["TRIGGER#stream#2026-03-03", "TRIGGER#stream#2026-03-03T11"]
    assert {"jobIntent", "note", "reason"} & {name for row in rows for name in row} == set()


CRON = """
pipeline: {id: nightly}
schedule: {cron: "0 8 * * *"}
validation: {rules: [{key: landing, check: exists, field: count}, {key: prices, check: exists}]}
job: {type: command, config: {command: load}}
"""
TRIGGERED = """
pipeline: {id: hourly}
schedule: {trigger: {key: landing, check: exists}, calendar: us}
sla: {deadline: "10:00"}
validation: {rules: [{key: landing, check: exists}, {key: prices, check: exists}]}
job: {type: command, config: {command: load}}
"""


def pushed(store: Store, text: str, sensors: dict[str, dict[str, object]]) -> str:
    """A config and sensor rows, as an older tool wrote them."""
    config = decode_yaml(text)
    pk = f"PIPELINE#{config.id}"
    put(store, {"PK": pk, "SK": "CONFIG", "config": encode_json(config)})
    put(store, *({"PK": pk, "SK": f"SENSOR#{name}", "data": fields} for name, fields in sensors.items()))
    return pk


def test_a_cron_whose_row_is_of_another_date_is_noticed(store: Store, scan: RowScan) -> None:
    sensors: dict[str, dict[str, object]] = {"landing": {"date": "2026-03-02", "count": 1}, "prices": {"n": 1}}
    pk = pushed(store, CRON, sensors)
    held, meaning = migrate(store, scan, apply=False).notices
    says = "validation.rules[0]: a run of 2026-03-03 would be held: landing is of 2026-03-02"
    assert held == MigrationNotice("held", pk, "validation.rules[0]", ("landing",), says, has_cron=True)
    says = 'validation.rules[0].field = "count": exists asks for this field, which must not be null'
    assert meaning == MigrationNotice("meaning", pk, "validation.rules[0].field", (), says, has_cron=True)
    store.put_sensor("nightly", "landing", {"date": "2026-03-03", "count": 1})
    assert {notice.kind for notice in migrate(store, scan).notices} == {"meaning"}


def test_the_newest_run_of_an_older_tool_names_the_date_to_judge(store: Store, scan: RowScan) -> None:
    put(store, {"PK": "CALENDAR#us", "SK": "CONFIG", "config": encode_calendar(US)})
    sensors: dict[str, dict[str, object]] = {
        "landing": {"date": "2026-03-03", "hour": "7"},
        "landing#2026-13-45": {},
        "prices": {"date": "2026-03-02"},
    }
    pk = pushed(store, TRIGGERED, sensors)
    for day, status in (("2026-03-03T06", "COMPLETED"), ("2026-03-03T07", "RUNNING"), ("soon", "COMPLETED")):
        put(store, {"PK": pk, "SK": f"TRIGGER#stream#{day}", "status": status})
    assert [(notice.kind, notice.rows, notice.says) for notice in migrate(store, scan).notices] == [
        ("held", ("prices",), "validation.rules[1]: a run of 2026-03-03T07 would be held: prices is of 2026-03-02"),
        (
            "held",
            ("landing#2026-13-45",),
            "schedule.trigger: row landing#2026-13-45 opens no run: its key is '2026-13-45', which is not a day or "
            "hour from 1900 to 9998",
        ),
        (
            "meaning",
            (),
            'sla.deadline = "10:00": the runs are hourly, such as 2026-03-03T07; it is the first 10:00 at or after '
            "the end of the hour",
        ),
    ]


@pytest.mark.parametrize(
    ("runs", "judged"),
    [
        ({}, "2026-03-03"),
        ({"2026-03-03": "RUNNING"}, "2026-03-03"),
        ({"2026-03-03": "COMPLETED"}, None),
        ({"2026-03-03": "FAILED_FINAL"}, None),
        ({"2026-03-03": "COMPLETED", "2026-03-01": "RUNNING"}, "2026-03-01"),
        ({"2026-03-02": "COMPLETED"}, "2026-03-03"),
    ],
)
def test_a_date_whose_run_is_over_is_not_held(
    store: Store, scan: RowScan, runs: dict[str, str], judged: str | None
) -> None:
    pk = pushed(store, CRON, {"landing": {"date": "2026-02-02", "count": 1}, "prices": {"n": 1}})
    for day, status in runs.items():
        put(store, {"PK": pk, "SK": f"TRIGGER#cron#{day}", "status": status})
    held = [notice.says for notice in migrate(store, scan, apply=False).notices if notice.kind == "held"]
    says = f"validation.rules[0]: a run of {judged} would be held: landing is of 2026-02-02"
    assert held == ([] if judged is None else [says])


def test_a_pipeline_without_runs_is_not_judged(store: Store, scan: RowScan) -> None:
    pushed(store, TRIGGERED, {"landing": {"date": "2026-03-03"}, "prices": {"date": "2026-03-01"}})
    [notice] = migrate(store, scan, calendars=[US]).notices
    assert notice.says.startswith('sla.deadline = "10:00": is on the day after the execution date')


def test_an_unreadable_calendar_is_a_problem_and_judges_nothing(store: Store, scan: RowScan) -> None:
    put(store, {"PK": "CALENDAR#us", "SK": "CONFIG", "config": "{}"})
    pushed(store, TRIGGERED, {"landing#2026-13-45": {}})
    done = migrate(store, scan)
    assert [problem.pk for problem in done.problems] == ["CALENDAR#us"]
    assert done.notices == ()
