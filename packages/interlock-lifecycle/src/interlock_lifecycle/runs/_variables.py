"""The values that a run gives to its job, from the run's key and the intent alone."""

from interlock_lifecycle._moment import rfc3339
from interlock_lifecycle._run import JobIntent, RunKey


def run_variables(key: RunKey, intent: JobIntent) -> dict[str, str]:
    """The variables that expand in the job's config, before the environment's (docs/reference/pipeline-file.md §8).

    An edit of the pipeline changes none of them: a start that is sent again, and a job that is followed, get the same
    values. INTERLOCK_PERIOD_START and INTERLOCK_PERIOD_END are RFC 3339 in UTC. They are absent if an older version
    committed the intent without its period. INTERLOCK_PAR_HOUR is empty for a day.
    """
    date = key.date
    values = {
        "INTERLOCK_DATE": str(date),
        "INTERLOCK_DAY": date.day.isoformat(),
        "INTERLOCK_PAR_DAY": f"{date.day:%Y%m%d}",
        "INTERLOCK_PAR_HOUR": "" if date.hour is None else f"{date.hour:02}",
        "INTERLOCK_PIPELINE_ID": key.pipeline_id,
        "INTERLOCK_SCHEDULE_ID": key.schedule_id,
        "INTERLOCK_ATTEMPT": str(intent.attempt),
        "INTERLOCK_JOB_KEY": intent.key,
    }
    if intent.period is not None:
        values["INTERLOCK_PERIOD_START"] = rfc3339(intent.period.start)
        values["INTERLOCK_PERIOD_END"] = rfc3339(intent.period.end)
    return values
