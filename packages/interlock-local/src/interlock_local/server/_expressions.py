"""Lets the server read the text of an expression once, and not for each item to which a query applies it."""

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from interlock_local.server._behind import check_functions

_EXPECTED = {"_tokenize": ("expr",), "_condition_syntax_error": ("expr", "slot")}
"""The functions of the server behind that are replaced, with their parameters. Their answers depend on nothing else."""

_MOST = 1024


def install_expression_cache() -> None:
    """Replace the functions of the server in this process. Call it once.

    Raises LocalStackError if they are not those of the pinned version.
    """
    check_functions(dynamodb, _EXPECTED)
    dynamodb._tokenize = _once(dynamodb._tokenize, copies=True)
    dynamodb._condition_syntax_error = _once(dynamodb._condition_syntax_error)


def _once(function: Any, *, copies: bool = False) -> Any:
    """The function with a memory of its last answers. An error is never remembered. `copies`: each answer is a copy."""
    known = lru_cache(maxsize=_MOST)(function)

    def answer(*texts: Any) -> Any:
        if not all(isinstance(text, str) for text in texts):
            return function(*texts)
        found = known(*texts)
        return list(found) if copies else found

    return answer
