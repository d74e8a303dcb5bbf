"""The end of the commands of the adapters: their sentence, or one line per problem, and the exit code."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable


def run(write: Callable[[], str], *, invalid: tuple[type[ValueError], ...], place: str = "") -> int:
    """Write the rows, and print the sentence that `write` returns.

    Exit code 0: the rows are written. 2: the input is invalid, as an error of these `invalid` kinds
    states. 1: DynamoDB or its client failed, and a repeated call writes the rows that are not written. `place` precedes
    a problem without a place of its own.
    """
    try:
        sentence = write()
    except invalid as error:
        for problem in getattr(error, "problems", (f"{place}{error}",)):
            sys.stderr.write(f"error: {problem}\n")
        return 2
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError

        if not isinstance(error, (BotoCoreError, ClientError)):
            raise
        sys.stderr.write(f"error: not all rows are written: {error}\n")
        return 1
    sys.stdout.write(f"{sentence}\n")
    return 0
