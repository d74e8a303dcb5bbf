"""A nightly load: cron text, default arguments in a constant, a zone in the start date, and a deadline."""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

DEFAULTS = {
    "owner": "data-platform",
    "depends_on_past": True,
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "email_on_failure": False,
}

with DAG(
    dag_id="orders_daily",
    description="Orders of the shops, one day per run",
    schedule="30 4 * * *",
    start_date=pendulum.datetime(2025, 3, 1, tz="Europe/Berlin"),
    catchup=True,
    max_active_runs=2,
    dagrun_timeout=timedelta(hours=3),
    default_args=DEFAULTS,
    tags=["bronze", "orders"],
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=timedelta(hours=2, minutes=15),
        callback=AsyncCallback("alerts.page_the_owner"),
    ),
) as dag:
    extract = BashOperator(task_id="extract", bash_command="extract-orders --day {{ ds }}")
    load = BashOperator(task_id="load", bash_command="load-orders", owner="warehouse")
    extract >> load
