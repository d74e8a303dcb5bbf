#!/usr/bin/env bash
# Airflow has two switches in [scheduler]: by the text of its own config.yml, create_cron_data_intervals is for a schedule that is
# a cron string and create_delta_data_intervals for one that is a timedelta or relativedelta. Airflow 3.3.2 never reads the
# second: the first decides about both kinds, and the second has no effect, with no warning. So an installation that wants
# data intervals for its timedeltas alone gets runs whose interval is empty and which start a day earlier.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install apache-airflow==3.3.2

cat > "$folder/ask.py" <<'PROGRAM'
from datetime import timedelta

import pendulum
from airflow import __version__
from airflow.configuration import conf
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from dateutil.relativedelta import relativedelta

names = ("create_cron_data_intervals", "create_delta_data_intervals")
print(f"airflow {__version__}:", *(f"{name}={conf.getboolean('scheduler', name)}" for name in names))
for schedule in ("0 0 * * *", timedelta(days=1), relativedelta(days=1)):
    start = pendulum.datetime(2026, 3, 1, tz="UTC")
    written = DAG("orders", schedule=schedule, start_date=start, catchup=True)
    stored = DagSerialization.from_dict(DagSerialization.to_dict(written))  # as the scheduler reads it
    first = stored.next_dagrun_info(last_automated_run_info=None)
    interval = " to ".join(f"{moment:%m-%d}" for moment in first.data_interval)
    print(f"  {type(schedule).__name__}: {type(stored.timetable).__name__}, first run {first.run_after:%m-%d} for {interval}")
PROGRAM

ask() {
  env AIRFLOW_HOME="$folder" AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS="$1" \
    AIRFLOW__SCHEDULER__CREATE_DELTA_DATA_INTERVALS="$2" "$folder/venv/bin/python" "$folder/ask.py"
}
seen=$(ask False False; ask False True; ask True False; ask True True)
echo "$seen"
expected="airflow 3.3.2: create_cron_data_intervals=False create_delta_data_intervals=False
  str: CronTriggerTimetable, first run 03-01 for 03-01 to 03-01
  timedelta: DeltaTriggerTimetable, first run 03-01 for 03-01 to 03-01
  relativedelta: DeltaTriggerTimetable, first run 03-01 for 03-01 to 03-01
airflow 3.3.2: create_cron_data_intervals=False create_delta_data_intervals=True
  str: CronTriggerTimetable, first run 03-01 for 03-01 to 03-01
  timedelta: DeltaTriggerTimetable, first run 03-01 for 03-01 to 03-01
  relativedelta: DeltaTriggerTimetable, first run 03-01 for 03-01 to 03-01
airflow 3.3.2: create_cron_data_intervals=True create_delta_data_intervals=False
  str: CronDataIntervalTimetable, first run 03-02 for 03-01 to 03-02
  timedelta: DeltaDataIntervalTimetable, first run 03-02 for 03-01 to 03-02
  relativedelta: DeltaDataIntervalTimetable, first run 03-02 for 03-01 to 03-02
airflow 3.3.2: create_cron_data_intervals=True create_delta_data_intervals=True
  str: CronDataIntervalTimetable, first run 03-02 for 03-01 to 03-02
  timedelta: DeltaDataIntervalTimetable, first run 03-02 for 03-01 to 03-02
  relativedelta: DeltaDataIntervalTimetable, first run 03-02 for 03-01 to 03-02"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
