"""The deployment of the alerts, and the command that acts in it."""

import re

from msgspec import Struct

from interlock_alert_dispatcher.alert import Alert

_LOCAL_ENDPOINT = re.compile(r"http://(127\.0\.0\.1|localhost):[0-9]{1,5}")
_DEFAULT_ENDPOINTS = ("http://127.0.0.1:4566", "http://localhost:4566")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Names that need no quotes in a shell. A command with another name is not shown."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d)?")


class Deployment(Struct, frozen=True):
    """The deployment of the alerts. An empty part is unknown, and left out of commands and links.

    endpoint: the address of its AWS API, or "" for AWS's own addresses. page: the address of a page about a date, with
    `{pipeline}` and `{date}` (docs/reference/alerts.md §5).
    """

    environment: str = ""
    region: str = ""
    endpoint: str = ""
    page: str = ""


def command_of(alert: Alert, hint: str, deployment: Deployment) -> str:
    """One command that works as pasted, for the next step `hint`. Empty if a name would need quotes in a shell."""
    if not _SAFE.fullmatch(alert.pipeline_id) or alert.pipeline_id == "INFRASTRUCTURE":
        return ""
    can_rerun = alert.date and "interlock rerun" in hint and _DATE.fullmatch(alert.date)
    step = f"rerun {alert.pipeline_id} {alert.date}" if can_rerun else f"status {alert.pipeline_id}"
    region = f"AWS_REGION={deployment.region} " if _SAFE.fullmatch(deployment.region) else ""
    environment = f" --environment {deployment.environment}" if _SAFE.fullmatch(deployment.environment) else ""
    return f"{region}interlock {step}{environment}{_endpoint_of(deployment)}"


def _endpoint_of(deployment: Deployment) -> str:
    """The option for a local stack at another address than the command's own default."""
    is_default = deployment.environment == "local" and deployment.endpoint in _DEFAULT_ENDPOINTS
    is_local = _LOCAL_ENDPOINT.fullmatch(deployment.endpoint)
    return f" --endpoint-url {deployment.endpoint}" if is_local and not is_default else ""
