"""The ledger of the simulated world: every version of sensors and configs, every run, event, outcome and rerun."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from simulation.faults import Change
from simulation.truths import UNDATED, Truth

from interlock_config import ConfigError, PipelineConfig, decode_json
from interlock_lifecycle import RunKey
from interlock_lifecycle.sensors import is_reserved
from interlock_lifecycle.sensors._accounted import fingerprint
from interlock_sla import Calendar, Exclusions
from interlock_store import format_time, key_of_row, parse_time, sensor_fields
from interlock_store._write import Item

if TYPE_CHECKING:
    from simulation.world import World


class Version(Struct):
    """The content of a row from `since` until `until` (None: until now). `value` is None if the row did not exist.

    `truth` is the knowledge of a sensor row's writer about its date.
    """

    value: Any
    since: datetime
    until: datetime | None = None
    truth: Truth = UNDATED


class Known(Struct, frozen=True):
    """A version that Interlock took in for a run, with the time."""

    version: Version
    at: datetime


class Emitted(Struct, frozen=True):
    """A committed event."""

    type: str
    detail: Mapping[str, Any]
    at: datetime

    @property
    def run(self) -> tuple[str, str]:
        """The pipeline and date of the event."""
        return str(self.detail["pipelineId"]), str(self.detail.get("date"))


class Pass(Struct, frozen=True):
    """A passed evaluation: its recorded instant, the rows it saw, and the start and commit of its invocation.

    `token` names the execution that may start the job: the one that evaluated, or one that took over its intent.
    """

    key: RunKey
    attempt: int
    token: str
    evaluated_at: datetime
    seen: Mapping[str, str]
    began: datetime
    committed: datetime


class History:
    """The versions of rows by name."""

    def __init__(self) -> None:
        self._versions: dict[Any, list[Version]] = defaultdict(list)

    def add(self, name: Any, value: Any, at: datetime, truth: Truth = UNDATED) -> None:
        """Add a version of the row from now on."""
        versions = self._versions[name]
        if versions:
            versions[-1].until = at
        versions.append(Version(value, at, truth=truth))

    def between(self, name: Any, begin: datetime, end: datetime) -> list[Any]:
        """The contents of the row during the span. None means that the row did not exist."""
        return [version.value if version is not None else None for version in self.within(name, begin, end)]

    def within(self, name: Any, begin: datetime, end: datetime) -> list[Version | None]:
        """The versions during the span. None means that the row was not written yet."""
        versions = self._versions.get(name, [])
        found = [seen for seen in versions if seen.since <= end and (seen.until is None or seen.until >= begin)]
        return [*found] if versions and versions[0].since <= begin else [None, *found]

    def now(self, name: Any) -> Version | None:
        """The present version."""
        versions = self._versions.get(name)
        return versions[-1] if versions else None

    def all(self, name: Any) -> list[Version]:
        """Every version, the oldest first."""
        return self._versions.get(name, [])

    def everything(self) -> Iterator[tuple[Any, Version]]:
        """Every version of every row, with the row's name."""
        return ((name, version) for name, versions in self._versions.items() for version in versions)


class Ledger:
    """The facts that the checks compare with, noted at their commit."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.sensors, self.configs = History(), History()
        self.calendars: dict[str, Calendar] = {}
        self.runs: dict[RunKey, Item] = {}
        self.passes: dict[tuple[RunKey, int], Pass] = {}
        self.events: dict[str, Emitted] = {}
        self.delivered: set[str] = set()
        self.outcomes: dict[RunKey, list[tuple[datetime, str]]] = defaultdict(list)
        self.reported: dict[RunKey, set[datetime]] = defaultdict(set)
        """The times of outcomes that external processes reported."""
        self.late: dict[RunKey, list[datetime]] = defaultdict(list)
        """The times at which late data and drift of a date were logged."""
        self.contradicted: list[str] = []
        """Events whose id was committed before with other content."""
        self.successes: dict[RunKey, list[datetime]] = defaultdict(list)
        self.first_logged: dict[RunKey, datetime] = {}
        """The commit of a date's first success. It may be minutes after the success itself."""
        self.closings: dict[RunKey, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        """The times at which a date ended with a final failure, and at which it was opened again."""
        self.failing: dict[RunKey, list[datetime]] = defaultdict(list)
        """The begin of the invocation that made each final failure. It decides, and its commit may be minutes later."""
        self.reruns: dict[RunKey, list[str]] = defaultdict(list)
        self.pending: dict[tuple[str, str, str], datetime] = {}
        self.waiting: dict[RunKey, datetime] = {}
        """The runs that wait for a slot, and since when."""
        self.opened: dict[RunKey, datetime] = {}
        """The commit of a date's first attempt."""
        self.known: dict[tuple[RunKey, str], list[Known]] = defaultdict(list)
        """The versions that Interlock has taken in, by run and row. The run keeps the newest of them."""

    @property
    def now(self) -> datetime:
        """The world's time."""
        return self._world.now

    def note(self, changes: list[Change]) -> None:
        """Note the changes of a transaction."""
        for (table, pk, sk), before, after in changes:
            if table == self._world.names.control:
                self._note_control(pk, sk, before, after)
            elif after is not None and sk.startswith("JOB#") and after.get("event") in ("success", "fail", "timeout"):
                self._note_outcome(pk, sk, after)
            elif after is not None and sk.startswith("JOB#") and after.get("event") == "late-data-arrival":
                self.late[key_of_row(pk, sk)].append(self.now)
            elif after is not None and sk.startswith("RERUN#"):
                self.reruns[key_of_row(pk, sk)].append(str(after["reason"]))

    def _note_outcome(self, pk: str, sk: str, row: Item) -> None:
        at = datetime.fromtimestamp(int(sk.rpartition("#")[2]) / 1000, self._world.now.tzinfo)
        self.outcomes[key_of_row(pk, sk)].append((at, str(row["event"])))
        if "runToken" not in row:
            self.reported[key_of_row(pk, sk)].add(at)
        elif row["event"] == "success":
            self.successes[key_of_row(pk, sk)].append(at)
            self.first_logged.setdefault(key_of_row(pk, sk), self.now)

    def _note_control(self, pk: str, sk: str, before: Item | None, after: Item | None) -> None:
        now, kind = self._world.now, sk.partition("#")[0]
        self._note_pending(pk, sk, before, after)
        if kind == "EVENT" and after is not None and "detailType" in after:
            self._note_event(sk[6:], Emitted(str(after["detailType"]), msgspec.json.decode(str(after["detail"])), now))
        elif kind == "TRIGGER" and after is not None:
            self._note_run(key_of_row(pk, sk), before, after)
        elif kind == "SENSOR" and not is_reserved(sk[7:]):
            fields = (sensor_fields(after) or None) if after is not None else None  # without fields: absent
            self.sensors.add((pk[9:], sk[7:]), fields, now, self._world.truth)
        elif (
            sk == "CONFIG"
            and pk.startswith("PIPELINE#")
            and (before or {}).get("config") != (after or {}).get("config")
        ):
            self.configs.add(pk[9:], _decode(after), now)

    def _note_event(self, event_id: str, emitted: Emitted) -> None:
        before = self.events.get(event_id)
        if before is not None and (before.type, before.detail) != (emitted.type, emitted.detail):
            self.contradicted.append(
                f"{event_id}: {before.type} {before.detail} became {emitted.type} {emitted.detail}"
            )
        self.events[event_id] = emitted

    def _note_pending(self, pk: str, sk: str, before: Item | None, after: Item | None) -> None:
        def name(row: Item | None) -> tuple[str, str, str] | None:
            if row is None or row.get("GSI1PK") != "PENDING":
                return None
            return pk, sk, str(row.get("runToken") or row.get("requestedAt") or "")

        old, new = name(before), name(after)
        if old != new:
            if old is not None:
                self.pending.pop(old, None)
            if new is not None:
                # The counter of rejected requests is due an hour after its report.
                self.pending[new] = max(self._world.now, parse_time((after or {})["GSI1SK"], "", ""))

    def _note_run(self, key: RunKey, before: Item | None, after: Item) -> None:
        self.runs[key] = after
        if after.get("GSI1PK") == "WAITING":
            self.waiting.setdefault(key, self.now)
        else:
            self.waiting.pop(key, None)
        if after["status"] == "RUNNING":
            self.opened.setdefault(key, self.now)
        closed = self.closings[key]
        if after["status"] == "FAILED_FINAL" and (before is None or before["status"] != "FAILED_FINAL"):
            closed.append((self.now, None))
            self.failing[key].append(self._world.invocation.began)
        elif after["status"] != "FAILED_FINAL" and closed and closed[-1][1] is None:
            closed[-1] = (closed[-1][0], self.now)
        same = before is not None and before.get("runToken") == after.get("runToken")
        if same and before is not None and "evaluatedAt" in after and "evaluatedAt" not in before:
            at = parse_time(after["evaluatedAt"], "", "")
            began = self._world.invocation.began
            attempt = int(after["attempt"])
            seen = after.get("evaluatedSensors", {})
            token = str(after["runToken"])
            self.passes[key, attempt] = Pass(key, attempt, token, at, seen, began, self._world.now)
            self._note_seen(key, seen)
        elif before is not None and not same and "jobIntent" in after and after["attempt"] == before["attempt"]:
            # After a recovery with a job intent, the new execution continues with the evaluation of the old one.
            passed = self.passes[key, int(after["attempt"])]
            self.passes[key, passed.attempt] = replace(passed, token=str(after["runToken"]))

    def _note_seen(self, key: RunKey, seen: Mapping[str, str]) -> None:
        """An evaluation passed by these rows. The run keeps those without a better row."""
        for name, mark in seen.items():
            versions = self.sensors.within((key.pipeline_id, name), self._world.invocation.began, self.now)
            is_read = not any(other.startswith(f"{name}#") for other in seen)
            self.known[key, name] += [
                Known(version, self.now)
                for version in versions
                if version is not None and version.value is not None and fingerprint(version.value) == mark and is_read
            ]

    @property
    def has_faults(self) -> bool:
        """Whether a fault has happened."""
        return self._world.faults.count.total() > 0

    def take_in(self, runs: Iterable[RunKey], sensor: str, version: Version) -> None:
        """The router handled a record that names a date while these runs existed.

        A day's row is kept for the day, not for its hours. The run that a row without a date opened keeps that row.
        """
        when = version.truth.date
        for key in runs:
            is_opener = when is None and self.runs[key].get("committedAt") == format_time(version.since)
            if is_opener or (when is not None and (key.date.hour is None or when.hour is not None)):
                self.known[key, sensor].append(Known(version, self.now))

    def version_of(self, pipeline_id: str, sensor: str, fields: Mapping[str, Any], written_at: datetime) -> Version:
        """The write of a record."""
        for version in reversed(self.sensors.all((pipeline_id, sensor))):
            if version.since == written_at and version.value == fields:
                return version
        raise AssertionError(f"no write of {fields} to {sensor} of {pipeline_id} at {written_at}")

    def exclusions(self, config: PipelineConfig) -> Exclusions:
        """The excluded days of a pipeline."""
        return config.exclusions(self.calendars)

    def live_configs(self, pipeline_id: str, begin: datetime, end: datetime) -> list[PipelineConfig]:
        """The configs during the span under which a job may start."""
        found = self.configs.between(pipeline_id, begin, end)
        return [config for config in found if config is not None and not config.dry_run]

    def emitted(self, pipeline_id: str, date: str, *types: str) -> list[Emitted]:
        """The committed events of these types about a date."""
        return [event for event in self.events.values() if event.run == (pipeline_id, date) and event.type in types]


def _decode(row: Item | None) -> PipelineConfig | None:
    if row is None:
        return None
    try:
        return decode_json(str(row.get("config", "")), "the row")
    except ConfigError:
        return None
