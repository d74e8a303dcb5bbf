"""Which account the suite may use: only the one that the caller names, and that the credentials belong to."""

import re
from collections.abc import Callable, Mapping

ACCOUNT = "INTERLOCK_ACCOUNT_TESTS"


class WrongAccount(Exception):
    """The suite may not run. The message is one sentence for people."""


def chosen_account(variables: Mapping[str, str], caller: Callable[[], str]) -> str:
    """The id of the account in the variable INTERLOCK_ACCOUNT_TESTS.

    `caller` asks AWS for the account of the credentials. Raises WrongAccount if the variable is absent or has no id,
    or if the credentials belong to another account.
    """
    wanted = variables.get(ACCOUNT, "").strip()
    if not wanted:
        raise WrongAccount(f"This suite deploys to AWS and costs money: set {ACCOUNT} to the id of the account to use.")
    if not re.fullmatch(r"\d{12}", wanted):
        raise WrongAccount(f"{ACCOUNT} is {wanted!r}, which is no account id: it has 12 digits.")
    found = caller()
    if found != wanted:
        raise WrongAccount(f"{ACCOUNT} is {wanted}, but the credentials belong to account {found}.")
    return wanted
