"""A DAG in Berlin that writes sensor rows, each way, to the DynamoDB that its conf names."""

from typing import Any

import pendulum
from airflow.sdk import dag, get_current_context, task

from interlock_sensors.airflow import PutSensorOperator, failure_sensor, load_sensor, put_sensor

DAYS = pendulum.datetime(2026, 1, 1, tz="Europe/Berlin")


def place(context: Any) -> dict[str, str]:
    """The DynamoDB of a run. A test knows it after the start of Airflow only."""
    conf = context["dag_run"].conf
    return {"endpoint_url": conf["endpoint_url"], "region": conf["region"]}


def report(context: Any) -> None:
    """Report the failure of a task."""
    failure_sensor("local", "flown", "task-state", **place(context))(context)


@dag(dag_id="interlock_producer", schedule=None, start_date=DAYS, catchup=False, is_paused_upon_creation=False)
def interlock_producer() -> None:
    @task(retries=0)
    def count() -> dict[str, Any]:
        return {"count": get_current_context()["dag_run"].conf["count"], "complete": True}

    @task(retries=0, on_failure_callback=report)
    def load() -> None:
        context = get_current_context()
        conf = context["dag_run"].conf
        with load_sensor("local", "flown", "load", source="sftp", **place(context)) as rows:
            rows.add(conf["count"])
            if conf.get("fail"):
                raise RuntimeError("the conf asks for a failure")
        put_sensor("local", "flown", "hourly", {"ready": True}, per="hour", **place(context))

    landing = PutSensorOperator(
        task_id="landing",
        environment="local",
        pipeline="flown",
        key="landing",
        fields=count(),
        endpoint_url="{{ dag_run.conf['endpoint_url'] }}",
        region="{{ dag_run.conf['region'] }}",
        retries=0,
    )
    load() >> landing


interlock_producer()
