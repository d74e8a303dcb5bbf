"""The settings of a deployment."""

from collections.abc import Mapping

from msgspec import Struct


class StackSettings(Struct, frozen=True, kw_only=True):
    """The settings of a deployment. Durations are text, such as 2m.

    `job_environment` has the INTERLOCK_ variables that job configs and commands may use, and `alert_environment` those
    of the webhooks of alerts. `otlp_endpoint` is the URL of a collector for traces and metrics. The zips need their
    exporter then. `architecture` is the processor of the zips in the names of AWS, arm64 or x86_64. `kept` has
    variables of deployed functions, by service, that replace those of the settings.
    """

    environment: str = "local"
    job_environment: Mapping[str, str] = {}
    alert_environment: Mapping[str, str] = {}
    slack_channel_id: str = "C0LOCAL"
    slack_bot_token: str = ""
    slack_secret_arn: str = ""
    slack_api_url: str = ""
    execution_timeout_seconds: int = 14400
    trigger_max_attempts: int = 3
    orchestrator_timeout: int = 300
    watchdog_schedule: str = "rate(1 minute)"
    pending_grace: str = "2m"
    probe_after: str = "5m"
    missed_after: str = "5m"
    skip_scheduler: bool = False
    events_ttl_days: int = 90
    otlp_endpoint: str = ""
    architecture: str = ""
    kept: Mapping[str, Mapping[str, str]] = {}
