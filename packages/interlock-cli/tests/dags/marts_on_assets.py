"""DAGs that start when assets are updated: all of two, any of two, an asset of its own, and assets or a time."""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, asset
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

ORDERS = Asset("s3://lake/bronze/orders")
STOCK = Asset(name="stock", uri="s3://lake/bronze/stock")
LATE = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=timedelta(minutes=90),
    callback=AsyncCallback("alerts.page_the_owner"),
)

with DAG("mart_revenue", schedule=[ORDERS, STOCK], deadline=LATE, default_args={"owner": "marts"}):
    EmptyOperator(task_id="build")

with DAG("mart_search", schedule=(ORDERS | STOCK)):
    EmptyOperator(task_id="build")

with DAG(
    "mart_mail",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 7 * * *", timezone="UTC"), assets=[ORDERS]),
):
    EmptyOperator(task_id="build")


@asset(schedule=STOCK)
def stock_report():
    print("written")
