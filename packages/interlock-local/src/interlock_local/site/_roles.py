"""The roles of a deployment, and the group of its SLA timers."""

import json

from botocore.exceptions import BotoCoreError, ClientError

from interlock_local import LocalStackError
from interlock_local.site._policies import ROLES, Identity, role_policy, trust_policy
from interlock_local.site._site import Site


class Access:
    """Creates and updates the roles and the scheduler group."""

    def __init__(self, site: Site, *, own_server: bool) -> None:
        self._site = site
        self._own_server = own_server

    def roles(self) -> dict[str, str]:
        """One role per Lambda, one for the state machine and one for the scheduler, each with its own policy."""
        client, site = self._site.clients("iam"), self._site
        identity = Identity(site.settings.environment, site.region, site.account)
        for role in ROLES:
            name, trust = site.name(role), json.dumps(trust_policy(role, identity))
            try:
                client.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
            except client.exceptions.EntityAlreadyExistsException:
                client.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
            policy = json.dumps(role_policy(role, identity, own_server=self._own_server))
            client.put_role_policy(RoleName=name, PolicyName="interlock", PolicyDocument=policy)
        return {role: site.arn("iam", f"role/{site.name(role)}") for role in ROLES}

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
