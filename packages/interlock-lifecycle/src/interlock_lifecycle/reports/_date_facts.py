"""The facts about one date by which it is explained."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from interlock_config import PipelineConfig
from interlock_lifecycle._decision import DryRun, KeptRows, StandingRequest
from interlock_lifecycle._run import JobEntry, Pause, RerunEntry, Run, RunKey, Wait
from interlock_lifecycle.sensors._observed import ObservedRow
from interlock_lifecycle.slas._sla import SlaFacts


class Evaluation(Struct, frozen=True):
    """The evaluation that let a run start or ended it: its time (UTC), and its rows by the row name of a rule."""

    at: datetime
    rows: Mapping[str, ObservedRow]


class DateFacts(Struct, frozen=True):
    """The facts about one date, as the controller reads them.

    config: None if it is missing or unreadable. problem: the reason for that. rows: the sensor rows that the rules of
    the pipeline may read for the date, by row key. created_at, in_force: as in `Expectation`. entries, reruns: the
    joblog and the rerun rows of the date. other_run: the run of the date under the other kind of schedule. request:
    the rerun request of the date. baseline: the post-run baseline, by rule key. pause: that of the pipeline, which may
    be over. slots_taken: the taken slots, for a run that waits for one. evaluation: the one that decided the run's
    attempt, None without one whose event is kept. dry_run: the DRY_RUN# row of the date, read only for a dry run.
    """

    key: RunKey
    config: PipelineConfig | None
    problem: str
    sla: SlaFacts
    run: Run | None = None
    other_run: Run | None = None
    rows: Mapping[str, Mapping[str, object]] = {}
    kept: KeptRows = KeptRows()
    wait: Wait | None = None
    slots_taken: int = 0
    created_at: datetime | None = None
    in_force: Mapping[str, datetime] = {}
    entries: Sequence[JobEntry] = ()
    reruns: Sequence[RerunEntry] = ()
    request: StandingRequest | None = None
    baseline: Mapping[str, object] = {}
    pause: Pause | None = None
    evaluation: Evaluation | None = None
    dry_run: DryRun | None = None
