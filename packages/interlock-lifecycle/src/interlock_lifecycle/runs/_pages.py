"""The pages of a run's job at its provider, from the facts of its intent."""

from datetime import datetime

from interlock_config import JobLinks, job_links
from interlock_lifecycle._run import JobIntent, Run, RunKey
from interlock_lifecycle.runs._variables import run_variables


def job_pages(
    key: RunKey,
    intent: JobIntent,
    region: str | None,
    *,
    begin: datetime | None = None,
    ended_at: datetime | None = None,
) -> JobLinks:
    """The pages of the intent's job. region: that of the AWS jobs, None for a stack without a console.

    begin, ended_at: the time of the job (UTC). By default they are those of the intent and its outcome.
    """
    outcome = intent.outcome
    return job_links(
        intent.type,
        intent.config,
        intent.run_id or (outcome.run_id if outcome else None),
        region=region,
        details=intent.details,
        variables=run_variables(key, intent),
        begin=begin or intent.committed_at,
        end=ended_at or (outcome.at if outcome else None),
    )


def page_detail(run: Run, region: str | None, ended_at: datetime) -> dict[str, str]:
    """The part of an event's detail with the pages of the run's job: `jobUrl` and `logUrl`. Empty without pages."""
    if run.job_intent is None:
        return {}
    pages = job_pages(run.key, run.job_intent, region, ended_at=ended_at)
    named = {"jobUrl": pages.run, "logUrl": pages.logs}
    return {name: link.url for name, link in named.items() if link is not None}
