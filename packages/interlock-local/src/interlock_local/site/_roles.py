"""The roles of a deployment, and the group of its SLA timers."""

import contextlib
import json

from botocore.exceptions import BotoCoreError, ClientError

from interlock_local import LocalStackError
from interlock_local.site._policies import ROLES, role_policy
from interlock_local.site._site import Site


class Access:
    """Creates and updates the roles and the scheduler group."""

    def __init__(self, site: Site, *, own_server: bool) -> None:
        self._site = site
        self._own_server = own_server

    def roles(self) -> dict[str, str]:
        """One role per Lambda, one for the state machine and one for the scheduler, each with its own policy."""
        client = self._site.clients("iam")
        for role, principal in ROLES.items():
            trust = {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
            }
            with contextlib.suppress(client.exceptions.EntityAlreadyExistsException):
                client.create_role(RoleName=self._site.name(role), AssumeRolePolicyDocument=json.dumps(trust))
            policy = role_policy(role, self._site.arn, self._site.name, own_server=self._own_server)
            client.put_role_policy(
                RoleName=self._site.name(role), PolicyName="interlock", PolicyDocument=json.dumps(policy)
            )
        return {role: self._site.arn("iam", f"role/{self._site.name(role)}") for role in ROLES}

    def scheduler_group(self) -> None:
        client = self._site.clients("scheduler")
        try:
            client.create_schedule_group(Name=self._site.name("sla"))
        except client.exceptions.ConflictException:
            return
        except (BotoCoreError, ClientError) as error:
            raise LocalStackError(
                f"The schedule group of the SLA timers was not created: {error}. For an endpoint without EventBridge "
                "Scheduler use --skip-scheduler: the watchdog emits the alerts then."
            ) from None
