#!/usr/bin/env bash
# `31W` is "the weekday nearest to the 31st". In a month of 30 days croniter runs it on the last weekday of that month;
# the two readers of AWS expressions do not run it at all. So one schedule has 12 runs a year in Airflow or Dagster,
# which use croniter, and 7 by the other two. None of them reports the difference.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install croniter==7.0.0 aws-croniter==2.1.1 pyawscron==1.0.7

cat > "$folder/ask.py" <<'PROGRAM'
from datetime import UTC, datetime

from aws_croniter import AwsCroniter
from croniter import croniter
from pyawscron import AWSCron

first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)
fires = croniter("0 9 31W * *", first)
found = {
    "croniter 7.0.0": [fires.get_next(datetime) for _ in range(12)],
    "aws-croniter 2.1.1": AwsCroniter("0 9 31W * ? *").get_all_schedule_bw_dates(first, last),
    "pyawscron 1.0.7": AWSCron.get_all_schedule_bw_dates(first, last, "0 9 31W * ? *"),
}
for name, moments in found.items():
    print(f"{name}: {' '.join(moment.strftime('%m-%d') for moment in moments)}")
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py")
echo "$seen"
expected="croniter 7.0.0: 01-30 02-27 03-31 04-30 05-29 06-30 07-31 08-31 09-30 10-30 11-30 12-31
aws-croniter 2.1.1: 01-30 03-31 05-29 07-31 08-31 10-30 12-31
pyawscron 1.0.7: 01-30 03-31 05-29 07-31 08-31 10-30 12-31"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
