"""Misspelt names: the error names the near ones, and no far-fetched one."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._near import near_names
from interlock_config import decode_yaml
from interlock_store import MemoryTables, Store, TableNames

PIPELINE = """
pipeline: {id: %s}
schedule: {trigger: {key: ready, check: exists}}
validation: {rules: [{key: ready, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
COMMANDS = ("status", "push", "try", "rerun", "deploy", "cron", "migrate", "pause", "logs")


def store_of(tables: MemoryTables, *ids: str) -> Store:
    store = Store(tables, TableNames.of_environment("test"))
    for one in ids:
        store.put_config(decode_yaml(PIPELINE % one))
    return store


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("statu", ["status"]),
        ("stauts", ["status"]),
        ("Status", ["status"]),
        ("puhs", ["push"]),
        ("tyr", ["try"]),
        ("log", ["logs"]),
        ("restart", []),
        ("replay", []),
        ("config", []),
        ("create", []),
        ("retry", []),
        ("", []),
        ("status" * 100_000, []),
    ],
)
def test_only_near_names_are_near(typed: str, near: list[str]) -> None:
    assert near_names(typed, COMMANDS) == near


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("gold-order", "there is no pipeline 'gold-order' in 'test'; did you mean gold-orders?"),
        ("GOLD_ORDERS", "there is no pipeline 'GOLD_ORDERS' in 'test'; did you mean gold-orders?"),
        ("orders", "there is no pipeline 'orders' in 'test'; did you mean bronze-orders or gold-orders?"),
        ("xq", "there is no pipeline 'xq' in 'test'; known: bronze-orders, gold-orders, rates"),
        ("", "there is no pipeline '' in 'test'; known: bronze-orders, gold-orders, rates"),
    ],
)
def test_unknown_pipeline_names_the_near_ids(typed: str, said: str, tables: MemoryTables) -> None:
    error = unknown_pipeline(store_of(tables, "gold-orders", "rates", "bronze-orders"), typed, "test")
    assert (error.message, error.exit_code) == (said, 2)


def test_unknown_pipeline_lists_ten_ids_at_most(tables: MemoryTables) -> None:
    assert unknown_pipeline(store_of(tables), "x", "test").message.endswith("in 'test', which has no pipelines")
    many = store_of(tables, *(f"p{number:02}" for number in range(13)))
    assert unknown_pipeline(many, "x", "test").message.endswith(
        "; known: p00, p01, p02, p03, p04, p05, p06, p07, p08, p09 and 3 more"
    )


def test_unknown_pipeline_is_the_error_also_without_a_list(
    tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "Query")

    store = store_of(tables, "gold-orders")
    monkeypatch.setattr(store, "pipelines", deny)
    said = "there is no pipeline 'x' in 'test'; its pipelines cannot be listed: AccessDeniedException"
    assert unknown_pipeline(store, "x", "test").message == said


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "gold-order"),
        ("resume", "gold-order"),
        ("rerun", "gold-order", "2026-03-03"),
        ("rerun", "gold-order", "2026-03-03", "--wait"),
        ("rerun", "gold-order", "2026-03-03..2026-03-04"),
        ("sensor", "put", "gold-order", "ready", "n=1"),
        ("sensor", "list", "gold-order"),
        ("sensor", "get", "gold-order", "ready"),
        ("logs", "gold-order", "2026-03-03"),
        ("history", "gold-order"),
        ("events", "gold-order"),
        ("onboard", "gold-order"),
        ("silence", "add", "gold-order", "--until", "2h", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_each_command_names_the_near_ids(words: tuple[str, ...], tables: MemoryTables) -> None:
    store_of(tables, "gold-orders")
    done = CliRunner().invoke(main, words)
    said = "error: there is no pipeline 'gold-order' in 'test'; did you mean gold-orders?\n"
    assert (done.exit_code, done.stderr) == (2, said)
