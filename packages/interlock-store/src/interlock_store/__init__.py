"""The four DynamoDB tables: rows as structs, decisions as transactions, and the in-memory twin."""

from interlock_store._alert_records import AlertRecords
from interlock_store._cache import ConfigCache
from interlock_store._client import DynamoClient, Keys, Server, TableClient, find_server
from interlock_store._config import NO_CONFIG, StoredConfig
from interlock_store._corrupted import corrupted_values
from interlock_store._date_facts import read_date
from interlock_store._days import ROWS_OF_A_DAY, DateState, DayPage, Days
from interlock_store._dynamo import DynamoTables
from interlock_store._export import EXPORTED, store_of_rows
from interlock_store._facts import DateOfSensor, DryRunDate, Facts, Readings, RunContext
from interlock_store._memory import MemoryTables
from interlock_store._migrate import (
    Migration,
    MigrationAction,
    MigrationChange,
    MigrationNotice,
    MigrationPage,
    MigrationProblem,
)
from interlock_store._open import open_tables
from interlock_store._outlook import date_holds, newest_date
from interlock_store._overview import Cursor, Overview
from interlock_store._rows import (
    CorruptedTrigger,
    MalformedRow,
    format_time,
    key_of_row,
    parse_time,
    pipeline_of,
    pipeline_pk,
    read_counter,
    read_entry,
    read_rerun_request,
    read_sensor,
    read_waiting,
    sensor_fields,
)
from interlock_store._scan import DynamoScan, MemoryScan, Position, RowScan, ScanPage, parse_position
from interlock_store._silences import Silence, UnreadableSilence
from interlock_store._statuses import ExcludedToday, PipelineStatus, UnreadableStatus, read_statuses
from interlock_store._store import Commit, Store
from interlock_store._tables import PROJECTED, Contended, StoreError, TableBusy, TableNames, Tables, TransactionRejected
from interlock_store._trial_records import events_of_dates, read_records, records_of
from interlock_store._trigger_rows import read_run, read_trigger, startable_run
from interlock_store._values import from_wire, to_wire
from interlock_store._waits import Waits

__all__ = [
    "EXPORTED",
    "NO_CONFIG",
    "PROJECTED",
    "ROWS_OF_A_DAY",
    "AlertRecords",
    "Commit",
    "ConfigCache",
    "Contended",
    "CorruptedTrigger",
    "Cursor",
    "DateOfSensor",
    "DateState",
    "DayPage",
    "Days",
    "DryRunDate",
    "DynamoClient",
    "DynamoScan",
    "DynamoTables",
    "ExcludedToday",
    "Facts",
    "Keys",
    "MalformedRow",
    "MemoryScan",
    "MemoryTables",
    "Migration",
    "MigrationAction",
    "MigrationChange",
    "MigrationNotice",
    "MigrationPage",
    "MigrationProblem",
    "Overview",
    "PipelineStatus",
    "Position",
    "Readings",
    "RowScan",
    "RunContext",
    "ScanPage",
    "Server",
    "Silence",
    "Store",
    "StoreError",
    "StoredConfig",
    "TableBusy",
    "TableClient",
    "TableNames",
    "Tables",
    "TransactionRejected",
    "UnreadableSilence",
    "UnreadableStatus",
    "Waits",
    "corrupted_values",
    "date_holds",
    "events_of_dates",
    "find_server",
    "format_time",
    "from_wire",
    "key_of_row",
    "newest_date",
    "open_tables",
    "parse_position",
    "parse_time",
    "pipeline_of",
    "pipeline_pk",
    "read_counter",
    "read_date",
    "read_entry",
    "read_records",
    "read_rerun_request",
    "read_run",
    "read_sensor",
    "read_statuses",
    "read_trigger",
    "read_waiting",
    "records_of",
    "sensor_fields",
    "startable_run",
    "store_of_rows",
    "to_wire",
]
