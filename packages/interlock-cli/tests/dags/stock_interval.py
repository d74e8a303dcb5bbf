"""Task-flow DAGs with timetables: one with data intervals, one that fires as cron does, and one of three crons."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import (
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    MultipleCronTriggerTimetable,
    dag,
    task,
)

NEW_YORK = ZoneInfo("America/New_York")


@dag(
    schedule=CronDataIntervalTimetable("0 6 * * 1-5", timezone="America/New_York"),
    start_date=datetime(2025, 1, 1, tzinfo=NEW_YORK),
    default_args={"owner": "stock", "retries": 1},
    on_failure_callback=print,
)
def stock_interval():
    """Stock of all shops."""

    @task
    def count(data_interval_start=None):
        print(data_interval_start)

    count()


@dag(
    dag_id="stock.hourly-snapshot",
    schedule=CronTriggerTimetable("10 */2 * * *", timezone="UTC", interval=timedelta(hours=2)),
    start_date=datetime(2025, 1, 1, tzinfo=NEW_YORK),
)
def snapshot():
    @task
    def take():
        print("taken")

    take()


@dag(
    dag_id="stock_thrice",
    schedule=MultipleCronTriggerTimetable("0 6 * * *", "30 12 * * *", "0 19 * * 1", timezone="UTC"),
)
def thrice():
    @task
    def take():
        print("taken")

    take()


stock_interval()
snapshot()
thrice()
