"""The deployment through the AWS API: tables, queues, roles, functions, state machine, rules and mappings."""

from interlock_local.site._definition import render_definition
from interlock_local.site._deploy import Deployment, deploy, deploy_to
from interlock_local.site._invoke import invoke_function, ping_function
from interlock_local.site._kept import has_slack, kept_variables, skips_scheduler
from interlock_local.site._settings import StackSettings
from interlock_local.site._smoke import run_smoke_test
from interlock_local.site._teardown import teardown

__all__ = [
    "Deployment",
    "StackSettings",
    "deploy",
    "deploy_to",
    "has_slack",
    "invoke_function",
    "kept_variables",
    "ping_function",
    "render_definition",
    "run_smoke_test",
    "skips_scheduler",
    "teardown",
]
