"""A DAG that writes its run id to a file, and then succeeds or fails according to its conf.

With `held` in its conf it first waits until the test releases the run: until a file has the name of the run's id.
"""

import os
import time
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task


@dag(dag_id="interlock_probe", schedule=None, catchup=False, is_paused_upon_creation=False)
def interlock_probe() -> None:
    @task(retries=0)
    def obey(dag_run: Any = None) -> None:
        home = Path(os.environ["AIRFLOW_HOME"])
        with (home / "ran.txt").open("a") as ran:
            ran.write(f"{dag_run.run_id}\n")
        while dag_run.conf.get("held") and not (home / "released" / dag_run.run_id).exists():
            time.sleep(0.1)
        if dag_run.conf.get("fail"):
            raise RuntimeError("the conf asks for a failure")

    obey()


interlock_probe()
