"""The settings of deployed functions that a repeated deployment keeps, since its caller does not give them."""

from collections.abc import Collection, Mapping
from typing import Any

from interlock_local.site._policies import FUNCTIONS

_SETTINGS = frozenset(
    {
        "MISSED_AFTER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "PENDING_GRACE",
        "PROBE_AFTER",
        "SKIP_SCHEDULER",
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
    return {service: _settings_of(functions, f"{environment}-interlock-{service}", given) for service in FUNCTIONS}


def _settings_of(functions: Any, name: str, given: Collection[str]) -> dict[str, str]:
    try:
        found = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        return {}
    variables: Mapping[str, str] = found.get("Environment", {}).get("Variables", {})
    return {
        name: value
        for name, value in variables.items()
        if name not in given and (name in _SETTINGS or name.startswith(_OF_JOBS))
    }


def has_slack(kept: Mapping[str, str], token: str) -> bool:
    """Whether the alerts of a deployment reach Slack: it has a token, now or kept."""
    return bool(token or kept.get("SLACK_BOT_TOKEN") or kept.get("SLACK_SECRET_ARN"))
