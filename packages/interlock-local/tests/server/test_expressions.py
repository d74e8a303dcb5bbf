"""The server reads the text of an expression once. Its answers stay the same."""

from collections.abc import Callable
from typing import Any

import pytest
from ministack.services import dynamodb

from interlock_local import LocalStackError
from interlock_local.server._expressions import install_expression_cache

ITEM = {"PK": {"S": "a"}, "SK": {"S": "b"}}
VALUES = {":pk": {"S": "a"}, ":sk": {"S": "c"}}


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the server has read since the replacement."""
    seen: list[str] = []
    original: Callable[[str], Any] = dynamodb._tokenize

    def tokenize(expr: str) -> Any:
        seen.append(expr)
        return original(expr)

    monkeypatch.setattr(dynamodb, "_tokenize", tokenize)
    # The replacement of this one is undone after the test.
    monkeypatch.setattr(dynamodb, "_condition_syntax_error", dynamodb._condition_syntax_error)
    install_expression_cache()
    return seen


def holds(expression: str) -> bool:
    found: bool = dynamodb._evaluate_condition(expression, ITEM, VALUES, {})
    return found


def test_a_text_is_read_once_for_many_items(texts: list[str]) -> None:
    assert [holds("PK = :pk AND SK < :sk") for _ in range(3)] == [True] * 3
    assert [holds("PK = :sk") for _ in range(3)] == [False] * 3
    assert texts == ["PK = :pk AND SK < :sk", "PK = :sk"]


@pytest.mark.parametrize("expression", ["PK = :pk AND", "PK = = :pk", "(PK = :pk", "((PK = :pk))"])
def test_an_invalid_text_is_rejected_each_time(texts: list[str], expression: str) -> None:
    messages = set()
    for _ in range(3):
        with pytest.raises(ValueError, match="Invalid ConditionExpression") as caught:
            holds(expression)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_a_caller_that_changes_the_tokens_changes_its_own_ones(texts: list[str]) -> None:
    dynamodb._tokenize("PK = :pk").clear()
    assert len(dynamodb._tokenize("PK = :pk")) == 4


def test_another_version_of_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "_tokenize", lambda text, mode: [])
    with pytest.raises(LocalStackError, match="another _tokenize"):
        install_expression_cache()
