"""The suite in a real account: _choice (which account), _deployment (Terraform or an endpoint), _cost (its price)."""

from account._choice import WrongAccount, chosen_account
from account._cost import Usage, cost_lines, usage_of
from account._deployment import Deployed, deployed

__all__ = ["Deployed", "Usage", "WrongAccount", "chosen_account", "cost_lines", "deployed", "usage_of"]
