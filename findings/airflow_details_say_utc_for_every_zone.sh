#!/usr/bin/env bash
# Airflow 3.3.2: `GET /api/v2/dags/{id}/details` has a field `timezone`. For every DAG it is the default_timezone of the
# installation, UTC if nothing else is set, though DAG.timezone in the file is the zone of the start_date. The zone in which
# Airflow reads the cron expression, of the start_date or of the timetable, is nowhere in the answer. A program that joins the
# expression and `timezone` plans 04:30 UTC, while next_dagrun_run_after is 04:30 in Berlin or New York.
set -euo pipefail
folder=$(mktemp -d)
server=""
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  server=""
}
trap 'stop; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install apache-airflow==3.3.2

mkdir "$folder/dags"
cat > "$folder/dags/zones.py" <<'PROGRAM'
import pendulum
from airflow.sdk import DAG, CronTriggerTimetable

berlin, new_york, utc = (pendulum.datetime(2026, 7, 1, tz=zone) for zone in ("Europe/Berlin", "America/New_York", "UTC"))
in_berlin = DAG("start_in_berlin", schedule="30 4 * * *", start_date=berlin, catchup=True)
in_new_york = DAG("start_in_new_york", schedule="30 4 * * *", start_date=new_york, catchup=True)
timetable = CronTriggerTimetable("30 4 * * *", timezone="Europe/Berlin")
by_timetable = DAG("timetable_in_berlin", schedule=timetable, start_date=utc, catchup=True)

if __name__ == "__main__":
    for dag in (in_berlin, in_new_york, by_timetable):
        print(f"  {dag.dag_id}: DAG.timezone {dag.timezone}, timetable {dag.timetable.timezone}")
PROGRAM

cat > "$folder/ask.py" <<'PROGRAM'
import json
import os
import sys
import time
from urllib.error import URLError
from urllib.request import Request, urlopen


def get(path, **headers):
    with urlopen(Request(f"http://127.0.0.1:{sys.argv[1]}{path}", headers=headers), timeout=30) as answer:
        return json.load(answer)


ends = time.monotonic() + 180
while True:
    try:
        print("airflow", get("/api/v2/version")["version"], "with default_timezone", sys.argv[3])
        break
    except URLError:
        os.kill(int(sys.argv[2]), 0)  # raises if the server has ended
        if time.monotonic() > ends:
            raise
        time.sleep(0.5)
token = get("/auth/token")["access_token"]
for name in ("start_in_berlin", "start_in_new_york", "timetable_in_berlin"):
    told = get(f"/api/v2/dags/{name}/details", Authorization=f"Bearer {token}")
    named = [zone for zone in ("Berlin", "New_York") if zone in json.dumps(told)]
    schedule, run = told["timetable_summary"], told["next_dagrun_run_after"]
    print(f"  {name}: {schedule}, timezone {told['timezone']}, next run {run}, names {named or 'no zone'}")
PROGRAM

export AIRFLOW_HOME="$folder" AIRFLOW__CORE__DAGS_FOLDER="$folder/dags" AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
export AIRFLOW__CORE__HOSTNAME_CALLABLE=platform.node AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING
"$folder/venv/bin/airflow" db migrate > "$folder/log" 2>&1
"$folder/venv/bin/airflow" dags reserialize >> "$folder/log" 2>&1

seen="in the file
$("$folder/venv/bin/python" "$folder/dags/zones.py")"
for zone in UTC Asia/Tokyo; do
  port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  AIRFLOW__CORE__DEFAULT_TIMEZONE="$zone" AIRFLOW__API__BASE_URL="http://127.0.0.1:$port" \
    "$folder/venv/bin/airflow" api-server --host 127.0.0.1 --port "$port" --workers 1 >> "$folder/log" 2>&1 &
  server=$!
  told=$("$folder/venv/bin/python" "$folder/ask.py" "$port" "$server" "$zone")
  stop
  seen="$seen
$told"
done
echo "$seen"
expected="in the file
  start_in_berlin: DAG.timezone Europe/Berlin, timetable Europe/Berlin
  start_in_new_york: DAG.timezone America/New_York, timetable America/New_York
  timetable_in_berlin: DAG.timezone UTC, timetable Europe/Berlin
airflow 3.3.2 with default_timezone UTC
  start_in_berlin: 30 4 * * *, timezone UTC, next run 2026-07-01T02:30:00Z, names no zone
  start_in_new_york: 30 4 * * *, timezone UTC, next run 2026-07-01T08:30:00Z, names no zone
  timetable_in_berlin: 30 4 * * *, timezone UTC, next run 2026-07-01T02:30:00Z, names no zone
airflow 3.3.2 with default_timezone Asia/Tokyo
  start_in_berlin: 30 4 * * *, timezone Asia/Tokyo, next run 2026-07-01T02:30:00Z, names no zone
  start_in_new_york: 30 4 * * *, timezone Asia/Tokyo, next run 2026-07-01T08:30:00Z, names no zone
  timetable_in_berlin: 30 4 * * *, timezone Asia/Tokyo, next run 2026-07-01T02:30:00Z, names no zone"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
