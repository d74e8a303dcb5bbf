"""DAGs without a counterpart: no schedule, too often, a length of time, and values from outside of the file."""

import os
from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.sensors.filesystem import FileSensor
from airflow.sdk import DAG

BEGIN = pendulum.datetime(2025, 1, 1, 3, 20, tz="UTC")
TEAM = "ledger"
ACCOUNTS = ["assets", "debts"]

for account in ACCOUNTS:
    with DAG(f"{TEAM}_{account}", schedule="0 2 * * *", start_date=BEGIN):
        EmptyOperator(task_id="post")

with DAG(f"{TEAM}_close", schedule="@monthly", start_date=BEGIN, default_args={"owner": TEAM}):
    FileSensor(task_id="await_bookings", filepath="bookings.csv")

with DAG("ledger_from_outside", schedule=os.environ.get("LEDGER_CRON", "0 1 * * *"), start_date=BEGIN):
    EmptyOperator(task_id="post")

with DAG("ledger_by_hand", schedule=None):
    EmptyOperator(task_id="post")

with DAG("ledger_feed", schedule="*/10 * * * *", start_date=BEGIN):
    EmptyOperator(task_id="post")

with DAG("ledger_always", schedule="@continuous", max_active_runs=1, start_date=BEGIN):
    EmptyOperator(task_id="post")

with DAG("ledger_each_day", schedule=timedelta(days=1), start_date=BEGIN, catchup=True):
    EmptyOperator(task_id="post")

with DAG("ledger_drifting", schedule=timedelta(days=1), start_date=BEGIN):
    EmptyOperator(task_id="post")

with DAG("ledger_default_zone", schedule="15 5 * * *", tags=("ledger",), owner_links={}):
    EmptyOperator(task_id="post")
