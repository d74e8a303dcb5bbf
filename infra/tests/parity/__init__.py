"""The local deployment and the plan in one form: _deployment (requests), _plan (resources), _policies (roles)."""

from parity._deployment import Resources, deployed_resources, recorded
from parity._plan import planned_resources
from parity._policies import INBOX, packed_policies

__all__ = ["INBOX", "Resources", "deployed_resources", "packed_policies", "planned_resources", "recorded"]
