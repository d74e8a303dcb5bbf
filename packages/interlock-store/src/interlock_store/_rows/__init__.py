"""The forms of rows: keys, times, and the lifecycle's structs to and from rows (docs/reference/rows.md §1).

`_keys`: the keys of rows, the names of their indexes, and the error of a row that cannot be read.
`_parts`: the values of rows: times, counts and texts.
`_day_entries`: the entries of the index of days: the dates of a day, the most urgent ones first.
`_runs`: trigger rows, and the slots of the dates that are under way.
`_waiting`: the rows of waiting executions, and the rows by which the event of a job finds its run.
`_sensors`: sensor rows, and the first arrival of a date.
`_kept`: the sensor rows that a date keeps, and the note of a date that waits on an excluded day.
`_logs`: the append-only rows: events of the outbox, and entries of the job log.
`_reruns`: rerun rows and rerun requests.
`_verdicts`: the SLA verdict of a date.
`_dry_runs`: the observations of a dry run.
`_markers`: markers, which are written once, and counters of rejections.
"""

from interlock_store._rows._day_entries import Rank, day_entry, day_of_marker, day_of_run, day_of_verdict
from interlock_store._rows._dry_runs import dry_run_row, read_dry_run
from interlock_store._rows._kept import UNREADABLE_VERSION, kept_row, read_kept, read_waiting
from interlock_store._rows._keys import (
    ALERTS,
    CONFIG,
    DAYS,
    DORMANT,
    INDEX,
    JOBRUN,
    LONGEST_SK,
    LOOKING,
    PENDING,
    PENDING_ALERTS,
    POSTRUN,
    QUIET,
    RUNNING,
    WAITING,
    MalformedRow,
    is_pipeline_pk,
    key_of_row,
    pipeline_of,
    pipeline_pk,
    run_sk,
)
from interlock_store._rows._logs import entry_row, event_row, read_entry
from interlock_store._rows._markers import (
    REJECTIONS_READ,
    counter_row,
    marker_row,
    marker_sk,
    read_counter,
    read_rejections,
)
from interlock_store._rows._parts import epoch, format_time, milliseconds, parse_time, texts
from interlock_store._rows._reruns import read_rerun, read_rerun_request, request_stamp, rerun_marker, rerun_row
from interlock_store._rows._runs import (
    CorruptedTrigger,
    closed_row,
    intent_row,
    repaired_row,
    rest_row,
    run_row,
    slot_row,
    waiting_place,
)
from interlock_store._rows._sensors import arrival_as_read, read_arrival, read_sensor, sensor_fields
from interlock_store._rows._verdicts import read_verdict, verdict_changes
from interlock_store._rows._waiting import held_row, job_pk, job_row, read_job_run, read_wait, reports_row, wait_row

__all__ = [
    "ALERTS",
    "CONFIG",
    "DAYS",
    "DORMANT",
    "INDEX",
    "JOBRUN",
    "LONGEST_SK",
    "LOOKING",
    "PENDING",
    "PENDING_ALERTS",
    "POSTRUN",
    "QUIET",
    "REJECTIONS_READ",
    "RUNNING",
    "UNREADABLE_VERSION",
    "WAITING",
    "CorruptedTrigger",
    "MalformedRow",
    "Rank",
    "arrival_as_read",
    "closed_row",
    "counter_row",
    "day_entry",
    "day_of_marker",
    "day_of_run",
    "day_of_verdict",
    "dry_run_row",
    "entry_row",
    "epoch",
    "event_row",
    "format_time",
    "held_row",
    "intent_row",
    "is_pipeline_pk",
    "job_pk",
    "job_row",
    "kept_row",
    "key_of_row",
    "marker_row",
    "marker_sk",
    "milliseconds",
    "parse_time",
    "pipeline_of",
    "pipeline_pk",
    "read_arrival",
    "read_counter",
    "read_dry_run",
    "read_entry",
    "read_job_run",
    "read_kept",
    "read_rejections",
    "read_rerun",
    "read_rerun_request",
    "read_sensor",
    "read_verdict",
    "read_wait",
    "read_waiting",
    "repaired_row",
    "reports_row",
    "request_stamp",
    "rerun_marker",
    "rerun_row",
    "rest_row",
    "run_row",
    "run_sk",
    "sensor_fields",
    "slot_row",
    "texts",
    "verdict_changes",
    "wait_row",
    "waiting_place",
]
