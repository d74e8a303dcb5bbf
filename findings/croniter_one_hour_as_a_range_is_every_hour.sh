#!/usr/bin/env bash
# `8-8` is the range from 8 to 8. A generator of schedules writes it for a window of one hour, and cronsim and APScheduler
# read it as 8. croniter reads it as `*`: the job of 08:00 runs 24 times a day in Airflow, Dagster and Prefect.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install croniter==7.0.0 cronsim==2.8 APScheduler==3.11.2

cat > "$folder/ask.py" <<'PROGRAM'
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from cronsim import CronSim

begin, end = datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
EXPRESSION = "0 8-8 * * *"


def scheduled():
    trigger, moment = CronTrigger.from_crontab(EXPRESSION, timezone=UTC), begin
    while (moment := trigger.get_next_fire_time(None, moment)) < end:
        yield moment
        moment += timedelta(seconds=1)


fires = croniter(EXPRESSION, begin - timedelta(seconds=1))
found = {
    "croniter 7.0.0": [moment for moment in (fires.get_next(datetime) for _ in range(30)) if moment < end],
    "cronsim 2.8": [moment for moment, _ in zip(CronSim(EXPRESSION, begin), range(30), strict=False) if moment < end],
    "APScheduler 3.11.2": list(scheduled()),
}
for name, moments in found.items():
    print(f"{name}: {len(moments)} a day, the first at {moments[0]:%H:%M}")
PROGRAM

seen=$("$folder/venv/bin/python" "$folder/ask.py")
echo "$seen"
expected="croniter 7.0.0: 24 a day, the first at 00:00
cronsim 2.8: 1 a day, the first at 08:00
APScheduler 3.11.2: 1 a day, the first at 08:00"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
