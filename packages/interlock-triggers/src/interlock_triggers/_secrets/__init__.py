"""The secrets of a job's config: values that must not be shown, and references whose values are read when needed.

`_found` finds the values of secrets and headers. `_store` reads the values of `${secret:…}`.
"""

from ._found import header_values_in, names_a_secret, secrets_in
from ._store import SecretStore, SecretUnreadable

__all__ = ["SecretStore", "SecretUnreadable", "header_values_in", "names_a_secret", "secrets_in"]
