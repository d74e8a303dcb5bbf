"""The keys of rows, the names of their indexes, and the error of a row that cannot be read."""

from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_store._tables import StoreError

INDEX = "GSI1"


DAYS = "GSI2"
"""The index of days: the dates of a day, the most urgent ones first (`_days.py`)."""


ALERTS = "ALERTS"
"""The partition of the routing of alerts, in the events table."""


PENDING_ALERTS = "PENDING_ALERTS"
"""The partition of the events table with the alerts that wait for the default channel, by the alert-dispatcher."""


PENDING, RUNNING, POSTRUN, CONFIG = "PENDING", "RUNNING", "POSTRUN", "CONFIG"


DORMANT = "DORMANT"


JOBRUN = "JOBRUN"


WAITING = "WAITING"


LOOKING = "LOOKING"


_NUMBERED = frozenset({"JOB", "RERUN"})
"""Kinds of rows of which a run has several."""


LONGEST_SK = 1024
"""The limit of a sort key in DynamoDB, in bytes."""


class MalformedRow(StoreError):
    """A row that cannot be read: its key, the problem, and the row itself if it is known."""

    def __init__(self, pk: str, sk: str, problem: str) -> None:
        super().__init__(f"row {pk} / {sk}: {problem}")
        self.pk, self.sk, self.problem = pk, sk, problem


def pipeline_pk(pipeline_id: str) -> str:
    """The partition of a pipeline."""
    return f"PIPELINE#{pipeline_id}"


def is_pipeline_pk(pk: str) -> bool:
    """Whether a partition key is PIPELINE#<id>."""
    return pk.startswith("PIPELINE#") and pk != "PIPELINE#"


def pipeline_of(pk: str) -> str:
    """The pipeline of a partition key."""
    prefix, _, pipeline_id = pk.partition("#")
    if prefix != "PIPELINE" or not pipeline_id:
        raise MalformedRow(pk, "", "the partition key is not PIPELINE#<id>")
    return pipeline_id


def run_sk(kind: str, key: RunKey) -> str:
    """The sort key of a row about one run: `<kind>#<schedule>#<date>`."""
    return f"{kind}#{key.schedule_id}#{key.date}"


def key_of_row(pk: str, sk: str) -> RunKey:
    """The run of a `<kind>#<schedule>#<date>` row. JOB# and RERUN# rows have a number after it."""
    parts = sk.split("#")
    form = "<kind>#<schedule>#<date>" + ("#<number>" if parts[0] in _NUMBERED else "")
    if len(parts) != form.count("#") + 1 or not parts[1]:
        raise MalformedRow(pk, sk, f"the sort key is not {form}")
    try:
        date = parse_execution_date(parts[2])
    except ValueError as error:
        raise MalformedRow(pk, sk, str(error)) from None
    return RunKey(pipeline_of(pk), parts[1], date)


QUIET = {"quiet": "1"}
"""The attribute of rows that the stream-router does not need. The filter of its stream leaves them out."""
