"""Reads the DAGs of Airflow from their files or from a server, and drafts a pipeline file for each.

A DAG file is a program. It is parsed, and never executed. A value that the file does not state is named, and not
guessed.

`_values` evaluates the expressions of a file that need no execution. `_schedules` reads the schedule, the zone and the
deadline of a DAG from such values. `_files` finds the DAGs of a file. `_server` asks a server, and `_details` reads its
answers. `_dag` is a DAG with its facts, and `_drafts` writes the draft of each.
"""

from interlock_cli._imports._airflow._dag import Dag
from interlock_cli._imports._airflow._details import dags_of_server
from interlock_cli._imports._airflow._drafts import drafts_of_dags
from interlock_cli._imports._airflow._files import BadDagFile, Found, dags_of_file
from interlock_cli._imports._airflow._server import Server, ServerError

__all__ = [
    "BadDagFile",
    "Dag",
    "Found",
    "Server",
    "ServerError",
    "dags_of_file",
    "dags_of_server",
    "drafts_of_dags",
]
