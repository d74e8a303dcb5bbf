"""The pipeline that an id names, and the error for an id that no pipeline has."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from interlock_cli._output._errors import CliError
from interlock_cli._output._near import near_names

if TYPE_CHECKING:
    from interlock_store import Store, StoredConfig

_MOST_NEAR, _MOST_KNOWN = 3, 10
_SHORTEST_PART = 3


def known_pipeline(store: "Store", pipeline: str, environment: str) -> "StoredConfig":
    """The config of a pipeline. That of a removed pipeline whose rows stay does not exist, and has its problem.

    Raises CliError for an id that has no row.
    """
    stored = store.config(pipeline)
    if stored.exists or store.has_rows(pipeline):
        return stored
    raise unknown_pipeline(store, pipeline, environment)


def unknown_pipeline(store: "Store", pipeline: str, environment: str) -> CliError:
    """The error for an id that no pipeline of the store has. It names the near ids, otherwise some known ids.

    environment: the name of the deployment in the message.
    """
    begin = f"there is no pipeline {pipeline!r} in {environment!r}"
    try:
        known = list(store.pipelines())
    except ClientError as error:
        # A role that may read one row need not be allowed to list all.
        return CliError(f"{begin}; its pipelines cannot be listed: {error.response['Error'].get('Code', error)}")
    if near := _near(pipeline, known):
        return CliError(f"{begin}; did you mean {' or '.join(near)}?")
    if not known:
        return CliError(f"{begin}, which has no pipelines")
    more = f" and {len(known) - _MOST_KNOWN} more" if len(known) > _MOST_KNOWN else ""
    return CliError(f"{begin}; known: {', '.join(known[:_MOST_KNOWN])}{more}")


def _near(pipeline: str, known: list[str]) -> list[str]:
    """The ids with nearly the same letters, otherwise those that contain the text."""
    part = pipeline.casefold()
    return near_names(pipeline, known, _MOST_NEAR) or (
        [one for one in known if part in one.casefold()][:_MOST_NEAR] if len(part) >= _SHORTEST_PART else []
    )
