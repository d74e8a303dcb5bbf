"""A DAG that writes its run id to a file, and then succeeds or fails according to its conf."""

import os
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task


@dag(dag_id="interlock_probe", schedule=None, catchup=False, is_paused_upon_creation=False)
def interlock_probe() -> None:
    @task(retries=0)
    def obey(dag_run: Any = None) -> None:
        with (Path(os.environ["AIRFLOW_HOME"]) / "ran.txt").open("a") as ran:
            ran.write(f"{dag_run.run_id}\n")
        if dag_run.conf.get("fail"):
            raise RuntimeError("the conf asks for a failure")

    obey()


interlock_probe()
