"""The pages of a run's jobs at their providers. Each address is one of http or https, made from the job's config."""

from msgspec import Struct

from interlock_config import Link
from interlock_lifecycle import JobIntent, Run
from interlock_lifecycle.runs import job_pages


class ProviderPage(Struct, frozen=True):
    """A page of the job of one attempt."""

    attempt: int
    link: Link


def provider_pages(run: Run | None, region: str | None) -> list[ProviderPage]:
    """The pages of the newest two jobs of a run, newest first. region: that of the deployment, None outside of AWS."""
    if run is None:
        return []
    found = []
    for intent in (run.job_intent, run.previous_job):
        if intent is not None:
            found += [ProviderPage(intent.attempt, link) for link in _links(run, intent, region)]
    return found


def _links(run: Run, intent: JobIntent, region: str | None) -> list[Link]:
    pages = job_pages(run.key, intent, region)
    return [link for link in (pages.run, pages.logs) if link is not None]
