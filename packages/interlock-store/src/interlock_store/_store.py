"""The store: it writes each decision completely or not at all."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from interlock_config import AlertRules, PipelineConfig, encode_alerts, encode_calendar, encode_json
from interlock_lifecycle import Decision, Pause, RunKey
from interlock_lifecycle.runs import needs_start
from interlock_sla import Calendar
from interlock_store._facts import Facts, readable_key
from interlock_store._limits import meets
from interlock_store._notes import PAUSED, note, pause_row
from interlock_store._plan import plan, request_as_read
from interlock_store._rows import (
    ALERTS,
    CONFIG,
    LONGEST_SK,
    RUNNING,
    WAITING,
    MalformedRow,
    arrival_as_read,
    format_time,
    pipeline_pk,
    read_arrival,
    run_sk,
    waiting_place,
)
from interlock_store._silences import SILENCES, Silence, UnreadableSilence, silence_row
from interlock_store._tables import TableBusy, TransactionRejected
from interlock_store._trigger_rows import read_run
from interlock_store._write import (
    ANYTHING,
    ARRIVAL,
    COUNT,
    FENCE,
    LOG,
    NOTHING_THERE,
    Delete,
    Expect,
    Item,
    Put,
    Update,
    Write,
    key_of,
)

_FREE_KEY_TRIES = 200


_MOST_FORGOTTEN = 50
"""The rows of one deletion. A transaction of DynamoDB has at most 100 writes."""


class Commit(StrEnum):
    """The result of a commit.

    COMMITTED: the decision is written. FENCED: another writer was first. STALE: another fact has changed, and the
    caller reads the facts and decides again.
    """

    COMMITTED = "committed"
    FENCED = "fenced"
    STALE = "stale"


class Store(Facts):
    """Typed access to the tables: the reads of `Facts`, commits of decisions, and the rows of users and tools."""

    def retire_request(self, key: RunKey, requested_at: object) -> None:
        """Remove an answered request from the pending index, unless a newer one has replaced it.

        requested_at: the value of its row, of any type.
        """
        expect = request_as_read(requested_at)
        sk, pk = run_sk("RERUN_REQUEST", key), pipeline_pk(key.pipeline_id)
        try:
            self._write(Update(self.names.control, pk, sk, remove=("GSI1PK", "GSI1SK"), expect=expect))
        except TransactionRejected:
            return

    def put_in_place(self, row: Item) -> None:
        """Correct the entry of a row in the index under `WAITING`, unless the row has changed since it was read.

        A run that is to be started takes the place of its commit. A started run goes on under `RUNNING`. Any other row
        leaves the index. Raises MalformedRow for a trigger row that cannot be read.
        """
        place = _place(row)
        fence = ("GSI1PK", "GSI1SK", "status", "runToken", "startedToken")
        read = {name: row[name] for name in fence if isinstance(row.get(name), str)}
        if place == {name: row[name] for name in ("GSI1PK", "GSI1SK")}:
            return
        change = Update(
            self.names.control,
            row["PK"],
            row["SK"],
            set=place,
            remove=() if place else ("GSI1PK", "GSI1SK"),
            expect=Expect(exists=True, equals=read),
        )
        with contextlib.suppress(TransactionRejected):
            self._write(change)

    def free_stale_slots(self, pipeline_id: str, now: datetime) -> set[RunKey]:
        """Free the slots of dates that are not under way any more, such as after a close by an older version.

        A row that cannot be read as a run has no slot either. The result is the dates that keep their slots.
        """
        slots = list(self._tables.query(self.names.control, pipeline_pk(pipeline_id), prefix="OPEN#"))
        runs = {slot["SK"]: _run_of_slot(slot) for slot in slots}
        wanted = {(slot["PK"], trigger) for slot in slots if (trigger := runs[slot["SK"]])}
        rows = self._tables.get_many(self.names.control, wanted)
        kept = set[RunKey]()
        for slot in slots:
            key = _under_way(rows.get((slot["PK"], runs[slot["SK"]])), now)
            if key is None:
                self._free_slot(slot)
            else:
                kept.add(key)
        return kept

    def _free_slot(self, slot: Item) -> None:
        """Delete the row of a slot, unless another run of its date has taken it since it was read."""
        token = slot.get("runToken")
        expect = Expect(equals={"runToken": token}) if isinstance(token, str) else ANYTHING
        try:
            self._write(Delete(self.names.control, slot["PK"], slot["SK"], expect))
        except TransactionRejected:
            return

    def commit(self, decision: Decision) -> Commit:
        """Write a decision completely or not at all.

        A joblog row whose millisecond is taken, and a rerun row whose number is taken, move to the next free one. A
        first arrival replaces a corrupted one, since an SLA never stops a run.
        """
        writes = plan(decision, self.names)
        if not writes:
            return Commit.COMMITTED
        for _ in range(_FREE_KEY_TRIES):
            try:
                self._tables.transact(writes)
            except TransactionRejected as rejected:
                roles = {writes[at].role for at in rejected.indexes}
                if FENCE in roles:
                    return Commit.FENCED
                if not roles <= {LOG, COUNT, ARRIVAL}:
                    return Commit.STALE
                placed = [self._place(write) if at in rejected.indexes else write for at, write in enumerate(writes)]
                if None in placed:
                    return Commit.STALE
                writes = [write for write in placed if write is not None]
            else:
                return Commit.COMMITTED
        raise TableBusy(f"no free log key after {_FREE_KEY_TRIES} tries")

    def _place(self, write: Write) -> Write | None:
        """The rejected write in a form for another try. None if the existing row must stay."""
        if write.role != ARRIVAL:
            return _move(write)
        row = self._tables.get(*key_of(write))
        if row is None or read_arrival(row) is not None:
            return None
        return replace(write, expect=arrival_as_read(row))

    def unindex(self, row: Mapping[str, Any]) -> None:
        """Take a row out of the index, unless its entry has changed since it was read."""
        entry = {name: row[name] for name in ("GSI1PK", "GSI1SK") if name in row}
        if not entry:
            return
        expect = Expect(exists=True, equals=entry)
        try:
            self._write(Update(self.names.control, row["PK"], row["SK"], remove=tuple(entry), expect=expect))
        except TransactionRejected:
            return

    def forget_events(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Delete outbox rows after their events are on the bus, or are kept as dead letters."""
        for start in range(0, len(rows), _MOST_FORGOTTEN):
            chosen = rows[start : start + _MOST_FORGOTTEN]
            self._tables.transact([Delete(self.names.control, row["PK"], row["SK"]) for row in chosen])

    def put_config(self, config: PipelineConfig) -> None:
        """Write a pipeline's CONFIG row with its index entry. Its notes and its pause stay."""
        row = {"config": encode_json(config), "GSI1PK": CONFIG, "GSI1SK": config.id}
        self._write(Update(self.names.control, pipeline_pk(config.id), CONFIG, set=row))

    def remove_config(self, pipeline_id: str) -> bool:
        """Delete a pipeline's CONFIG row. All its other rows stay. The result is False if there is no such row."""
        try:
            self._write(Delete(self.names.control, pipeline_pk(pipeline_id), CONFIG, Expect(exists=True)))
        except TransactionRejected:
            return False
        return True

    def pause(self, pipeline_id: str, pause: Pause) -> bool:
        """Pause a pipeline, or replace its pause. The result is False if the pipeline has no CONFIG row."""
        pk, expect = pipeline_pk(pipeline_id), Expect(exists=True)
        try:
            self._write(Update(self.names.control, pk, CONFIG, set=pause_row(pause), expect=expect))
        except TransactionRejected:
            return False
        return True

    def resume(self, pipeline_id: str) -> bool:
        """End the pause of a pipeline, whichever it has. The result is False if the pipeline has no CONFIG row."""
        pk, expect = pipeline_pk(pipeline_id), Expect(exists=True)
        try:
            self._write(Update(self.names.control, pk, CONFIG, remove=PAUSED, expect=expect))
        except TransactionRejected:
            return False
        return True

    def put_calendar(self, calendar: Calendar) -> None:
        """Write a named calendar's row."""
        row = {"config": encode_calendar(calendar)}
        self._write(Update(self.names.control, f"CALENDAR#{calendar.name}", CONFIG, set=row))

    def put_silence(self, silence: Silence) -> None:
        """Write a silence of alerts. The row stays for 400 days after its end, as a record."""
        self._write(Put(self.names.events, silence_row(silence), expect=NOTHING_THERE))

    def end_silence(self, silence: Silence | UnreadableSilence, at: datetime, by: str) -> bool:
        """Note that a silence was ended early, and by whom. The result is False if it was ended before."""
        ended = {"endedAt": format_time(at), "endedBy": by}
        expect = Expect(exists=True, absent=("endedAt",))
        try:
            self._write(Update(self.names.events, SILENCES, silence.place, set=ended, expect=expect))
        except TransactionRejected:
            return False
        return True

    def put_alerts(self, rules: AlertRules, at: datetime) -> bool:
        """Write the routing of alerts to the events table, unless the row has it. The result is whether it changed.

        The alert-dispatcher reads no control table, because it must not see the commands of jobs.
        """
        text = encode_alerts(rules)
        row = {"config": text, "digest": sha256(text.encode()).hexdigest(), "changedAt": format_time(at)}
        found = self._tables.get(self.names.events, ALERTS, CONFIG) or {}
        if all(found.get(name) == row[name] for name in ("config", "digest")):
            return False
        self._write(Update(self.names.events, ALERTS, CONFIG, set=row))
        return True

    def index_config(self, pipeline_id: str, row: Mapping[str, Any], at: datetime) -> None:
        """Index a CONFIG row from a stream record, with its notes (`note`).

        A row that has all of this is left as it is, so that the record of this write has no effect. A row that another
        writer has noted in the meantime is left as it is too.
        """
        stored = self._stored(row, pipeline_id)
        noted = note(row, pipeline_id, at, None if stored.config is None else stored.exclusions)
        if noted is None:
            return
        pk = pipeline_pk(pipeline_id)
        try:
            write = Update(self.names.control, pk, CONFIG, set=noted.set, remove=noted.remove, expect=noted.expect)
            self._write(write)
        except TransactionRejected:
            return

    def note_config(self, pipeline_id: str, at: datetime) -> None:
        """Index a CONFIG row as it is now, after a lost stream record or a change of one of its calendars."""
        row = self._tables.get(self.names.control, pipeline_pk(pipeline_id), CONFIG)
        if row is not None:
            self.index_config(pipeline_id, row, at)

    def note_periods(self, pipeline_id: str) -> None:
        """Note that the pipeline's trigger comes with per-period keys, so that the watchdog looks for them."""
        expect = Expect(exists=True)
        try:
            changes = {"periodic": True}
            self._write(Update(self.names.control, pipeline_pk(pipeline_id), CONFIG, set=changes, expect=expect))
        except TransactionRejected:
            return

    def put_sensor(self, pipeline_id: str, key: str, fields: Mapping[str, Any], ttl: int | None = None) -> None:
        """Write a sensor row as an external process would."""
        row = _sensor_row(pipeline_id, key, fields)
        self._write(Put(self.names.control, row if ttl is None else {**row, "ttl": ttl}))

    def change_sensor(self, pipeline_id: str, key: str, fields: Mapping[str, Any]) -> bool:
        """Like `put_sensor`, but without a write, and with False, if the row is equal already.

        DynamoDB makes no stream record for a write without a change, so such a write would start nothing.
        """
        row = _sensor_row(pipeline_id, key, fields)
        now = self._tables.get(self.names.control, row["PK"], row["SK"])
        if now is not None and now.keys() == row.keys() and meets(now, Expect(equals=row)):
            return False
        self._write(Put(self.names.control, row))
        return True

    def request_rerun(
        self,
        key: RunKey,
        *,
        reason: str,
        note: str | None,
        requested_at: datetime | str,
        abandon_previous: bool = False,
    ) -> None:
        """Write a rerun request as an external process would.

        requested_at: the identity of the request, a time or any text. A request of the same identity is answered once.
        abandon_previous: the date's last job is known to have ended, and its target is not asked for it.
        """
        row: Item = {
            "PK": pipeline_pk(key.pipeline_id),
            "SK": run_sk("RERUN_REQUEST", key),
            "reason": reason,
            "requestedAt": requested_at if isinstance(requested_at, str) else format_time(requested_at),
        }
        if note is not None:
            row["note"] = note
        if abandon_previous:
            row["abandonPrevious"] = True
        self._write(Put(self.names.control, row))

    def _write(self, write: Write) -> None:
        self._tables.transact([write])


def _place(row: Item) -> Item:
    """The entry in the index that a row under `WAITING` has to have. It is empty for a row that does not start."""
    run = read_run(row) if row["SK"].startswith("TRIGGER#") else None
    if run is None or not run.is_running or not run.run_token or run.lease_until is None:
        return {}
    if needs_start(run, run.run_token):
        return {"GSI1PK": WAITING, "GSI1SK": waiting_place(run)}
    return {"GSI1PK": RUNNING, "GSI1SK": format_time(run.lease_until)}


def _run_of_slot(slot: Item) -> str:
    """The sort key of the run that a slot names. An empty text if it cannot name one."""
    key = readable_key(slot)
    trigger = "" if key is None else run_sk("TRIGGER", key)
    return trigger if len(trigger.encode()) <= LONGEST_SK else ""


def _under_way(row: Item | None, now: datetime) -> RunKey | None:
    """The date of a trigger row that is under way: it runs within its lease, or is about to start."""
    try:
        run = None if row is None else read_run(row)
    except MalformedRow:
        return None
    if run is None or not run.is_running or not run.run_token or run.lease_until is None:
        return None
    return run.key if needs_start(run, run.run_token) or now <= run.lease_until else None


def _sensor_row(pipeline_id: str, key: str, fields: Mapping[str, Any]) -> Item:
    return {"PK": pipeline_pk(pipeline_id), "SK": f"SENSOR#{key}", "data": dict(fields)}


def _move(write: Write) -> Write:
    """The same joblog or rerun row under the next key."""
    assert isinstance(write, Put)
    stem, _, number = write.item["SK"].rpartition("#")
    return replace(write, item={**write.item, "SK": f"{stem}#{int(number) + 1}"})
