"""The commands that this package adds to `interlock`: build, demo, deploy, env, teardown and up, each an entry point.

Each is a click command. Its context object is a `Terminal`, which the `interlock` command provides. Only a call of
a command loads its subject.
"""

from interlock_local._terminal import DeploymentClients, Terminal
from interlock_local.commands._build import build
from interlock_local.commands._demo import demo
from interlock_local.commands._deploy import deploy
from interlock_local.commands._env import env
from interlock_local.commands._teardown import teardown
from interlock_local.commands._up import up

__all__ = ["DeploymentClients", "Terminal", "build", "demo", "deploy", "env", "teardown", "up"]
