"""References to secrets in configs: read when needed, kept for a limited time, and never shown."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from interlock_triggers import (
    Attempt,
    Category,
    CheckFailed,
    Clients,
    SecretStore,
    SecretUnreadable,
    StartRejected,
    StartUnconfirmed,
    check,
    start,
)

TOKEN = "s3cr3t-v4lue"
SECRETS = {"plain": f" {TOKEN}\n", "prod/airflow": json.dumps({"user": "etl", "token": TOKEN, "port": 5}), "empty": " "}


class Denied(Exception):
    """An error of AWS, with a text that must not be shown."""

    response: ClassVar = {"Error": {"Code": "AccessDeniedException", "Message": TOKEN}}


class Reader:
    """Reads secrets, and keeps the names that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.secrets: dict[str, str] = dict(SECRETS)

    def __call__(self, name: str) -> str:
        self.asked.append(name)
        if name not in self.secrets:
            raise Denied
        return self.secrets[name]


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(reader: Reader, clock: Clock) -> SecretStore:
    return SecretStore(reader, now=clock)


def test_references_are_replaced_at_any_depth(store: SecretStore, reader: Reader) -> None:
    config = {
        "headers": {"Authorization": "Bearer ${secret:prod/airflow#token}", "${secret:plain}": "kept"},
        "list": [["${secret:plain}"], 7, None, "${INTERLOCK_DATE}"],
    }
    filled, values = store.filled(config)
    assert filled == {
        "headers": {"Authorization": f"Bearer {TOKEN}", "${secret:plain}": "kept"},
        "list": [[TOKEN], 7, None, "${INTERLOCK_DATE}"],
    }
    assert set(values) == {TOKEN}
    assert sorted(reader.asked) == ["plain", "prod/airflow"]


def test_a_value_is_not_expanded_again(store: SecretStore, reader: Reader) -> None:
    reader.secrets["outer"] = "${secret:plain}"
    assert store.filled("${secret:outer}")[0] == "${secret:plain}"


def test_text_is_kept_for_five_minutes_and_no_longer(store: SecretStore, reader: Reader, clock: Clock) -> None:
    for passed, reads in ((0, 1), (299, 1), (1, 2), (-600, 3)):
        clock.now += passed
        assert store.value("plain") == TOKEN
        assert len(reader.asked) == reads


def test_failure_is_not_kept_and_no_old_value_is_used(store: SecretStore, reader: Reader, clock: Clock) -> None:
    store.value("plain")
    text = reader.secrets.pop("plain")
    clock.now += 301
    for _ in range(2):
        with pytest.raises(SecretUnreadable):
            store.value("plain")
    reader.secrets["plain"] = text
    assert store.value("plain") == TOKEN


def test_number_of_kept_texts_is_bounded(store: SecretStore, reader: Reader) -> None:
    for number in range(200):
        reader.secrets[f"s{number}"] = "long enough"
        store.value(f"s{number}")
    assert len(store._kept) <= 64


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("absent", "${secret:absent} cannot be read: AccessDeniedException"),
        ("absent#token", "${secret:absent#token} cannot be read: AccessDeniedException"),
        ("empty", "${secret:empty} is empty, or not a text"),
        ("prod/airflow#nope", "${secret:prod/airflow#nope} is not a text of the secret"),
        ("prod/airflow#port", "${secret:prod/airflow#port} is not a text of the secret"),
        ("prod/airflow#user", "${secret:prod/airflow#user} has fewer than 4 characters"),
        ("plain#token", "${secret:plain#token} needs a secret that is a JSON object"),
        ("", "a reference must be ${secret:NAME} or ${secret:NAME#FIELD}"),
        ("a b", "a reference must be ${secret:NAME} or ${secret:NAME#FIELD}"),
        ("a#b#c", "a reference must be ${secret:NAME} or ${secret:NAME#FIELD}"),
    ],
)
def test_unreadable_secret_is_named_without_a_value(place: str, message: str, store: SecretStore) -> None:
    with pytest.raises(SecretUnreadable) as raised:
        store.value(place)
    assert str(raised.value) == message
    assert raised.value.__cause__ is None
    assert store.unreadable({"a": ["${secret:" + place + "}"] * 2, "b": "${secret:plain}"}) == (message,)


def test_without_a_reader_no_secret_is_read() -> None:
    with pytest.raises(SecretUnreadable, match="no reader of secrets is configured"):
        SecretStore().value("plain")


def attempt(*, resumed: bool = False) -> Attempt:
    return Attempt("p", "s", "2026-03-03", 0, "k", resumed)


def until() -> float:
    return time.time() + 30


def test_job_gets_the_value_and_shows_it_nowhere(
    store: SecretStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clients = Clients(secrets=store, environment={"PATH": "/usr/bin:/bin"}, working_directory=str(tmp_path))
    command = 'sh -c \'printf %s "$1" > out; echo "$1"; echo "$1" >&2; exit 3\' sh ${secret:prod/airflow#token}'
    started = start("command", {"command": command}, attempt(), until=until(), clients=clients)
    assert (tmp_path / "out").read_text() == TOKEN
    assert TOKEN not in repr(started) + repr(clients) + caplog.text
    assert started.status is not None
    assert "***" in started.status.reason


@pytest.mark.parametrize(("resumed", "error"), [(False, StartRejected), (True, StartUnconfirmed)])
def test_unreadable_secret_rejects_the_start_for_now(
    resumed: bool, error: type[Exception], store: SecretStore, forbid_connects: Callable[[], list[str]]
) -> None:
    config = {"url": "http://127.0.0.1:1/", "headers": {"Authorization": "Bearer ${secret:absent}"}}
    with pytest.raises(error, match="AccessDeniedException") as raised:
        start("http", config, attempt(resumed=resumed), until=until(), clients=Clients(secrets=store))
    assert raised.value.category is Category.TRANSIENT  # type: ignore[attr-defined]
    assert forbid_connects() == []


def test_unreadable_secret_leaves_a_status_unknown(store: SecretStore) -> None:
    config: dict[str, Any] = {"workspaceUrl": "http://127.0.0.1:1", "jobId": 1, "headers": {"X": "${secret:absent}"}}
    with pytest.raises(CheckFailed, match="AccessDeniedException") as raised:
        check("databricks", config, "1", until=until(), clients=Clients(secrets=store))
    assert raised.value.category is Category.TRANSIENT
