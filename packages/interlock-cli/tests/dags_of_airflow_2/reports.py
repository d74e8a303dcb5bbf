"""A DAG in the spelling of Airflow 2: a schedule_interval, an SLA for each task, and a naive start date."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

default_args = {
    "owner": "airflow",
    "start_date": datetime(2023, 5, 1),
    "sla": timedelta(hours=3),
    "retries": 2,
}

dag = DAG("reports", default_args=default_args, schedule_interval="15 22 * * *")

BashOperator(task_id="write", bash_command="report {{ execution_date }} {{ next_ds }}", dag=dag)
