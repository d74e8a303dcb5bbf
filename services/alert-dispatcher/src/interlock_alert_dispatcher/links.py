"""Finds the pages for the reader of an alert: the date, its execution, its job, and the logs."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from interlock_alert_dispatcher.alert import Alert
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.hints import advice_for
from interlock_config import Link, LogPlace, alarm_link, execution_arn, execution_link, execution_name, log_link

_LOG_OF = re.compile(r"the (orchestrator|stream-router|watchdog)'s log")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]{1,2000}")
"""An address that cannot end a link of Slack: it has no `<`, `>`, `|` and no space."""


def links_of(alert: Alert, deployment: Deployment) -> tuple[Link, ...]:
    """The known pages of an alert, the page of the date first. An address of another form is left out."""
    found = (
        _page(alert, deployment),
        _execution(alert, deployment),
        alert.job_url and Link("job run", alert.job_url),
        alert.log_url and Link("job log", alert.log_url),
        *_own(alert, deployment),
    )
    return tuple(link for link in found if link and _ADDRESS.fullmatch(link.url))


def _page(alert: Alert, deployment: Deployment) -> Link | None:
    if not deployment.page or not alert.date:
        return None
    named = {"{pipeline}": alert.pipeline_id, "{date}": alert.date}
    url = re.sub(r"\{pipeline\}|\{date\}", lambda found: quote(named[found[0]], safe=""), deployment.page)
    return Link("page", url)


def _execution(alert: Alert, deployment: Deployment) -> Link | None:
    """The execution of the run, by the account of the bus and the region of this deployment."""
    if deployment.endpoint or not deployment.environment or not (alert.run_token and alert.schedule_id and alert.date):
        return None
    name = execution_name(alert.pipeline_id, alert.schedule_id, alert.date, alert.run_token)
    machine = f"{deployment.environment}-interlock-pipeline"
    arn = execution_arn(deployment.region, alert.account or "", machine, name)
    link = execution_link(arn) if arn else None
    return Link("execution", link.url) if link else None


def _own(alert: Alert, deployment: Deployment) -> Iterator[Link | None]:
    """The alarm of the alert, and the log of the function that the next step names."""
    if deployment.endpoint:
        return
    if alert.type == "INFRA_ALARM" and alert.about:
        yield alarm_link(deployment.region, alert.about)
    if (found := _LOG_OF.search(advice_for(alert.type).hint)) and deployment.environment:
        group = f"/aws/lambda/{deployment.environment}-interlock-{found[1]}"
        log = log_link(LogPlace(deployment.region, group))
        yield Link(f"log of the {found[1]}", log.url) if log else None
