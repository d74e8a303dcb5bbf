"""The commands of `interlock` that read tables, over tables in memory."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from fuzz.seeds import PIPELINES
from hostile import raw_signs

from interlock_cli import main
from interlock_store import MemoryScan, Tables

_RUNNER = CliRunner()
_WHY = (
    ("--json",),
    ("--at", "2026-03-03T12:00Z", "--sensor", 'ready={"date": "2026-03-03", "count": 12, "ok": true}'),
)


class _NoQueues:
    def get_queue_url(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl")


def read_with_every_command(tables: Tables, monkeypatch: pytest.MonkeyPatch, folder: str) -> int:
    """Run each command that reads, for people and for programs. Returns the number of commands.

    No command ends with a traceback or writes a character that a terminal obeys. Each that shows rows succeeds.
    """
    monkeypatch.setattr("interlock_cli._deployment._aws.boto3", SimpleNamespace(client=lambda *_, **__: _NoQueues()))
    monkeypatch.setattr("interlock_cli._deployment._aws.DynamoTables", lambda _: tables)
    monkeypatch.setattr("interlock_cli._rows._migrate.DynamoScan", lambda _: MemoryScan(tables))
    shown = [
        ("status",),
        ("status", "p", "--last", "50"),
        ("events", "--last", "100"),
        ("events", "INFRASTRUCTURE"),
        ("events", "--since", "2000-01-01"),
        ("sensor", "list", "p", "--all"),
    ]
    for command in shown:
        _check(command, _run(*command), {0})
        _check(command, as_json := _run(*command, "--json"), {0})
        for document in as_json.stdout.splitlines() if command[0] == "events" else [as_json.stdout]:
            json.loads(document, parse_constant=_reject)
    others = [
        ("migrate",),
        ("migrate", "--json"),
        ("validate", folder, "--environment", "sla"),
        ("status", "\x1b[2J"),
        ("status", "--fail-on", "held,failed,breached,unreadable"),
        ("push", folder, "--dry-run"),
        ("rerun", "p", "2026-03-01..2026-03-04", "--dry-run"),
        ("rerun", "timed", "2026-03-02..2026-03-04", "--dry-run"),
        *(
            ("why", name, date, *more)
            for name in ("p", "timed")
            for date in ("2026-03-03", "2026-03-03T07")
            for more in _WHY
        ),
    ]
    for command in others:
        _check(command, _run(*command), {0, 1, 2})
    return 2 * len(shown) + len(others)


def _run(*command: str) -> Result:
    return _RUNNER.invoke(main, [*command], env={"NO_COLOR": "1", "INTERLOCK_ENVIRONMENT": "sla"})


def _check(command: tuple[str, ...], done: Result, codes: set[int]) -> None:
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise AssertionError(f"interlock {' '.join(command)} broke off") from done.exception
    assert done.exit_code in codes, f"interlock {command}: {done.output}"
    assert raw_signs(done.output) == [], f"interlock {command}: {done.output!r}"


def _reject(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def write_pipelines(folder: Any) -> None:
    """The pipeline files, for `interlock validate`."""
    for name, text in PIPELINES.items():
        if name != "timed":
            (folder / f"{name}.yaml").write_text(text)
