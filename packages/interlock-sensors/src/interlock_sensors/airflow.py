"""Sensor rows from tasks of Airflow 3: an operator, functions for tasks of TaskFlow, and a callback for failures.

The date of a row is the day or the hour of the start of the run's data interval, in the time zone of its DAG.
A run without a data interval, such as one that an asset triggers, needs `date=`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow.sdk import BaseOperator, get_current_context

from ._load import Load
from ._rows import InvalidRow
from ._sensors import Sensors
from ._values import shown

TYPE_CHECKING = False  # as in the other modules
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, tzinfo

_LONGEST_ERROR = 1000


class PutSensorOperator(BaseOperator):  # type: ignore[misc]
    """Writes one sensor row. The result is whether the row was changed.

    environment: the deployment of Interlock. pipeline, key: the row. fields: the fields of the row, or the output of a
    task with them. A field that is a template is a text in the row, unless the DAG has `render_template_as_native_obj`.
    date: YYYY-MM-DD or YYYY-MM-DDTHH, in place of the date of the run. per: `day` or `hour`. zone: the zone of the day,
    in place of that of the DAG. region, endpoint_url: of DynamoDB, if they are not those of the process.
    Raises InvalidRow, and the errors of DynamoDB.
    """

    template_fields = ("environment", "pipeline", "key", "fields", "date", "region", "endpoint_url")

    def __init__(
        self, *, environment: str, pipeline: str, key: str, fields: Any = None, date: str | None = None,
        per: str = "day", zone: tzinfo | None = None, region: str | None = None, endpoint_url: str | None = None,
        **more: Any
    ) -> None:  # fmt: skip
        super().__init__(**more)
        self.environment, self.pipeline, self.key, self.fields, self.date = environment, pipeline, key, fields, date
        self.per, self.zone, self.region, self.endpoint_url = per, zone, region, endpoint_url

    def execute(self, context: Any) -> bool:
        """Write the row of the run of `context`."""
        date = self.date or run_date(context, per=self.per, zone=self.zone)
        sensors = Sensors(self.environment, region=self.region, endpoint_url=self.endpoint_url)
        return sensors.put(self.pipeline, self.key, date=date, **(self.fields or {}))


def run_date(context: Any = None, *, per: str = "day", zone: tzinfo | None = None) -> Any:
    """The date of the current run: the start of its data interval, as a date, or as a datetime for its hour.

    context: the context of the task. Without it, that of the running task. per: `day` or `hour`.
    zone: the zone of the day, in place of that of the DAG. Raises InvalidRow for a run without a data interval.
    """
    context = get_current_context() if context is None else context
    if per not in ("day", "hour"):
        raise InvalidRow([f"per: {shown(per)} is not one of ('day', 'hour')"])
    # The context of a callback for a killed task has the run only.
    begin = context.get("data_interval_start") or getattr(context.get("dag_run"), "data_interval_start", None)
    if begin is None:
        raise InvalidRow(["date: the run has no data interval, so that only date= can name the date"])
    local: datetime = begin.astimezone(zone or context["dag"].timezone)
    return local if per == "hour" else local.date()


def put_sensor(
    environment: str, pipeline: str, key: str, fields: Mapping[str, Any], *, date: Any = None, per: str = "day",
    zone: tzinfo | None = None, region: str | None = None, endpoint_url: str | None = None
) -> bool:  # fmt: skip
    """Write one sensor row from a task of TaskFlow. The arguments are those of PutSensorOperator.

    The result is whether the row was changed.
    """
    date = run_date(per=per, zone=zone) if date is None else date
    return Sensors(environment, region=region, endpoint_url=endpoint_url).put(pipeline, key, date=date, **fields)


def load_sensor(
    environment: str, pipeline: str, key: str, *, date: Any = None, per: str = "day", zone: tzinfo | None = None,
    region: str | None = None, endpoint_url: str | None = None, **fields: Any
) -> Load:  # fmt: skip
    """A context manager for a task of TaskFlow that reports rows, duration and failure of a load. See Load."""
    date = run_date(per=per, zone=zone) if date is None else date
    return Sensors(environment, region=region, endpoint_url=endpoint_url).load(pipeline, key, date=date, **fields)


def failure_sensor(
    environment: str, pipeline: str, key: str, *, per: str = "day", zone: tzinfo | None = None,
    region: str | None = None, endpoint_url: str | None = None
) -> Callable[[Any], None]:  # fmt: skip
    """A callback for `on_failure_callback` of a task or a DAG: a row with `complete` false, `error` and `task`.

    Airflow calls it after the last try. It logs an error of the callback, and the task stays failed.
    """
    sensors = Sensors(environment, region=region, endpoint_url=endpoint_url)
    return partial(_put_failure, sensors, pipeline, key, per, zone)


def _put_failure(sensors: Sensors, pipeline: str, key: str, per: str, zone: tzinfo | None, context: Any) -> None:
    error, task = context.get("exception"), getattr(context.get("task_instance"), "task_id", None)
    text = (
        f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error or context.get("reason"))
    )
    fields: dict[str, Any] = {"complete": False, "error": text.encode(errors="replace").decode()[:_LONGEST_ERROR]}
    sensors.put(pipeline, key, date=run_date(context, per=per, zone=zone), **fields, **({"task": task} if task else {}))
