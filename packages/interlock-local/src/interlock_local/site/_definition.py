"""The definition of the state machine, from the template that Terraform uses too."""

import re

from interlock_local import LocalStackError


def render_definition(template: str, **values: object) -> str:
    """The definition with values for its `${name}` placeholders. `$.` and `$$.` are JSONPath and stay.

    Raises LocalStackError if a placeholder has no value.
    """
    try:
        return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), template)
    except KeyError as error:
        raise LocalStackError(f"The template of the state machine names {error}, which has no value.") from None
