"""Reads the schedules of other programs, and drafts a pipeline file for each of their jobs.

`_import` is the command, and `_dag_sources` finds the DAGs that it names. `_draft` is a file with its comments.
`_crontab` reads a crontab, `_dbt` the manifest of a dbt project, and `_airflow` the DAG files of Airflow or the API of
its server.
"""

from interlock_cli._imports._airflow import (
    BadDagFile,
    Dag,
    Server,
    ServerError,
    dags_of_file,
    dags_of_server,
    drafts_of_dags,
)
from interlock_cli._imports._crontab import CrontabForm, drafts_of_crontab
from interlock_cli._imports._dbt import ManifestError, drafts_of_dbt
from interlock_cli._imports._draft import Draft, Drafts, LeftOut

__all__ = [
    "BadDagFile",
    "CrontabForm",
    "Dag",
    "Draft",
    "Drafts",
    "LeftOut",
    "ManifestError",
    "Server",
    "ServerError",
    "dags_of_file",
    "dags_of_server",
    "drafts_of_crontab",
    "drafts_of_dags",
    "drafts_of_dbt",
]
