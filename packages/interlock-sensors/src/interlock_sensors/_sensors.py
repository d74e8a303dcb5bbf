"""The interface for producers: readings of sensors, outcomes of jobs and rerun requests."""

from __future__ import annotations

import re

from ._load import Load
from ._rows import InvalidRow, Reading, checked, job_row, rerun_row, sensor_row
from ._tables import DynamoTables, name_of
from ._values import content, shown

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from ._rows import Row

_BY_INTERLOCK = ("handledAt", "outcome", "lateData", "GSI1PK", "GSI1SK")
"""The attributes that Interlock adds to a rerun request."""


class Sensors:
    """Writes rows for the pipelines of one deployment. All methods raise InvalidRow for invalid arguments.

    environment: the name of the deployment. ttl_days: the life of sensor rows in days, None for no end.
    client: a DynamoDB client of botocore or boto3. Without one, the first write makes a client from the environment of
    the process, `region` and `endpoint_url`. clock: the current time with a zone, for tests.
    Errors of the client are raised after its retries. A repeated call then writes only the rows that are not written.
    """

    def __init__(
        self, environment: str, *, ttl_days: float | None = 400, client: Any = None, region: str | None = None,
        endpoint_url: str | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:  # fmt: skip
        problems: list[str] = []
        if not isinstance(environment, str) or not re.fullmatch("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", environment):
            allowed = "1 to 32 of a-z, 0-9 and '-', with a letter or digit at both ends"
            problems.append(f"environment: {shown(environment)} is not {allowed}")
        if type(ttl_days) not in (int, float, type(None)) or not 0 < (ttl_days or 1) <= 36500 or ttl_days == 0:
            problems.append(f"ttl_days: {shown(ttl_days)} is not a number of days up to 36500")
        checked({}, problems)
        self._control, self._joblog = f"{environment}-interlock-control", f"{environment}-interlock-joblog"
        self._ttl_days, self._now, self._connection = ttl_days, clock or _now, (region, endpoint_url)
        self._made: Any = None if client is None else DynamoTables(client)

    def put(
        self, pipeline: str, key: str, /, *, date: Any, hour: Any = None, updated_at: datetime | None = None,
        per_period: bool = True, **fields: Any
    ) -> bool:  # fmt: skip
        """Write one reading. The arguments are those of Reading.

        False: the row has this content already, perhaps by this very call, if the answer to its first try was lost.
        Without `updated_at`, a row that differs by its time only has the same content. So a repeated call, whose row
        would be late data, writes nothing.
        """
        reading = Reading(pipeline, key, date=date, hour=hour, updated_at=updated_at, per_period=per_period, **fields)
        row = sensor_row(reading, self._now(), self._ttl_days)
        return bool(self._tables.put(self._control, row, self._comparison({name_of(row): reading})))

    def put_many(self, readings: Iterable[Reading]) -> int:
        """Write many readings in batches. Returns the number of rows that were changed.

        All readings are checked before the first write. A call may have one reading per row. Raises NotWritten.
        """
        rows: dict[str, Row] = {}
        of_row: dict[str, Reading] = {}
        problems: list[str] = []
        now = self._now()
        for place, reading in enumerate(readings):
            try:
                row = sensor_row(reading, now, self._ttl_days)
            except InvalidRow as error:
                problems += [f"readings[{place}]: {problem}" for problem in error.problems]
                continue
            if name_of(row) in rows:
                problems.append(f"readings[{place}]: an earlier reading has the same row {name_of(row)}")
            rows[name_of(row)], of_row[name_of(row)] = row, reading
        checked({}, problems)
        return int(self._tables.put_many(self._control, list(rows.values()), self._comparison(of_row)))

    def load(
        self, pipeline: str, key: str, /, *, date: Any, hour: Any = None, per_period: bool = True, **fields: Any
    ) -> Load:
        """A context manager that reports rows, duration and failure of a load of data. See Load."""
        named = {"date": date, "hour": hour, "per_period": per_period}
        # Invalid arguments fail before the load, and not at its end.
        sensor_row(Reading(pipeline, key, **named, **fields), self._now(), self._ttl_days)
        return Load(lambda measured: self.put(pipeline, key, **named, **measured), fields)

    def report_job(
        self, pipeline: str, /, *, date: Any, event: str, hour: Any = None, schedule: str = "stream",
        run_id: str | None = None, duration: Any = None, error: str | None = None, category: str | None = None,
        at: datetime | None = None
    ) -> bool:  # fmt: skip
        """Append the outcome of a job: `success`, `fail` or `timeout`. False: this outcome `at` this time is there.

        schedule: `cron` for a pipeline with `schedule.cron`. duration: seconds.
        category: TRANSIENT, PERMANENT or TIMEOUT.
        """
        more = {"runId": run_id, "duration": duration, "error": error, "category": category}
        row = job_row(pipeline, date, hour, schedule, event, self._now() if at is None else at, **more)
        return bool(self._tables.add(self._joblog, row))

    def request_rerun(
        self, pipeline: str, /, *, date: Any, hour: Any = None, schedule: str = "stream", reason: str = "manual",
        requested_by: str | None = None, note: str | None = None, abandon_previous: bool = False,
        requested_at: datetime | str | None = None
    ) -> bool:  # fmt: skip
        """Request that a date runs again. False: the request is there already.

        requested_at: the identity of the request, a time or any text. Interlock answers each identity once.
        abandon_previous: the last job of the date is known to have ended.
        """
        more = {"reason": reason, "requestedBy": requested_by, "note": note, "abandonPrevious": abandon_previous}
        identity = self._now() if requested_at is None else requested_at
        row = rerun_row(pipeline, date, hour, schedule, identity, **more)
        return bool(self._tables.put(self._control, row, _is_same_request))

    @property
    def _tables(self) -> Any:
        if self._made is None:
            self._made = DynamoTables(_client(*self._connection))
        return self._made

    def _comparison(self, readings: Mapping[str, Reading]) -> Callable[[Row, Row], bool]:
        """The function that decides whether a row of the table already has the content of its reading."""
        now = self._now().timestamp()

        def unchanged(old: Row, new: Row) -> bool:
            if float(old.get("ttl", {}).get("N", now + 1)) <= now:
                return False  # DynamoDB deletes the row soon
            left, right = (dict(row.get("data", {}).get("M", {})) for row in (old, new))
            if readings[name_of(new)].updated_at is None:
                right["updatedAt"] = left.get("updatedAt", right["updatedAt"])
            return content({"M": left}) == content({"M": right})

        return unchanged


def _is_same_request(old: Row, new: Row) -> bool:
    return content({"M": {name: old[name] for name in old if name not in _BY_INTERLOCK}}) == content({"M": new})


def _now() -> datetime:
    from datetime import datetime, timezone

    return datetime.now(timezone.utc)


def _client(region: str | None, endpoint_url: str | None) -> Any:
    import botocore.session
    from botocore.config import Config

    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 6})
    session = botocore.session.get_session()
    return session.create_client("dynamodb", region_name=region, endpoint_url=endpoint_url, config=config)
