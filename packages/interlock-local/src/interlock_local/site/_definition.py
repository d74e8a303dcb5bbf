"""The state machine's definition: one template for Terraform and the local deployment alike."""

import re

from interlock_local import LocalStackError


def render_definition(template: str, **values: object) -> str:
    """The state machine's definition with its `${name}` placeholders filled; `$.` and `$$.` are JSONPath."""
    try:
        return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
    except KeyError as error:
        raise LocalStackError(f"The state machine's template names {error}, which nobody fills in.") from None
