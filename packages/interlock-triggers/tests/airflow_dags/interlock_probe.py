"""A DAG for the live test: it succeeds, or fails when its conf says so."""

from airflow.sdk import dag, task


@dag(dag_id="interlock_probe", schedule=None, catchup=False, is_paused_upon_creation=False)
def interlock_probe() -> None:
    @task(retries=0)
    def obey(dag_run: object = None) -> None:
        conf = getattr(dag_run, "conf", None) or {}
        if conf.get("fail"):
            raise RuntimeError("told to fail")

    obey()


interlock_probe()
