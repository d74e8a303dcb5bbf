"""The settings of deployed functions that a repeated deployment keeps, since its caller does not give them."""

from collections.abc import Collection, Mapping
from typing import Any

from interlock_local._services import SERVICES

_SETTINGS = frozenset(
    {
        "MISSED_AFTER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "PENDING_GRACE",
        "PROBE_AFTER",
        "SLACK_API_URL",
        "SLACK_BOT_TOKEN",
        "SLACK_CHANNEL_ID",
        "SLACK_SECRET_ARN",
    }
)
"""The variables that are settings. All others follow from the deployment."""

_OF_JOBS = "INTERLOCK_"


def kept_variables(functions: Any, environment: str, given: Collection[str]) -> dict[str, dict[str, str]]:
    """The settings of the deployed functions by service, without those that are `given`. Absent functions have none."""
    return {service: _settings_of(functions, f"{environment}-interlock-{service}", given) for service in SERVICES}


def skips_scheduler(functions: Any, environment: str) -> bool:
    """Whether a deployment works without EventBridge Scheduler. False for an absent one."""
    return _variables_of(functions, f"{environment}-interlock-watchdog").get("SKIP_SCHEDULER") == "true"


def _settings_of(functions: Any, name: str, given: Collection[str]) -> dict[str, str]:
    return {
        variable: value
        for variable, value in _variables_of(functions, name).items()
        if variable not in given and (variable in _SETTINGS or variable.startswith(_OF_JOBS))
    }


def _variables_of(functions: Any, name: str) -> Mapping[str, str]:
    try:
        found = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        return {}
    variables: Mapping[str, str] = found.get("Environment", {}).get("Variables", {})
    return variables


def has_slack(kept: Mapping[str, str], token: str) -> bool:
    """Whether the alerts of a deployment reach Slack: it has a token, now or kept."""
    return bool(token or kept.get("SLACK_BOT_TOKEN") or kept.get("SLACK_SECRET_ARN"))
