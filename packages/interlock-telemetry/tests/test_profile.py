"""The answer to a request for a profile."""

import pstats
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from interlock_telemetry import is_profile, profile

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="profiles")
        yield client


def handle(event: dict[str, Any]) -> dict[str, Any]:
    return {"handled": event, "sum": sum(range(1000))}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"__profile__": True}, True),
        ({"__profile__": {"a": 1}}, True),
        ({"__profile__": False}, False),
        ({}, False),
        (None, False),
    ],
)
def test_events_that_request_profile(event: object, expected: bool) -> None:
    assert is_profile(event) is expected


def test_pstats_reads_profile_of_event(s3: Any, tmp_path: Path) -> None:
    answer = profile({"__profile__": {"a": 1}}, handle, service="watchdog", bucket="profiles", now=NOW)
    assert answer is not None
    assert answer["answer"] == handle({"a": 1})
    assert answer["bucket"] == "profiles"
    assert answer["key"].startswith("profiles/watchdog/20260303T080000-")
    found = tmp_path / "handle.prof"
    found.write_bytes(s3.get_object(Bucket="profiles", Key=answer["key"])["Body"].read())
    stats: Any = pstats.Stats(str(found))
    assert "handle" in {name for _, _, name in stats.stats}


def test_true_profiles_a_ping(s3: Any) -> None:
    answer = profile({"__profile__": True}, handle, service="watchdog", bucket="profiles", now=NOW, client=s3)
    assert answer is not None
    assert answer["answer"]["handled"] == {"__ping__": True}


def test_two_profiles_of_one_second_are_both_kept(s3: Any) -> None:
    for _ in range(2):
        profile({"__profile__": True}, handle, service="watchdog", bucket="profiles", now=NOW, client=s3)
    assert s3.list_objects_v2(Bucket="profiles")["KeyCount"] == 2


def test_event_is_not_handled_without_bucket() -> None:
    def never(event: object) -> None:
        raise AssertionError(event)

    answer = profile({"__profile__": True}, never, service="watchdog", bucket=None, now=NOW)
    assert answer == {"key": None, "error": "PROFILE_BUCKET is not set, so the profile cannot be stored"}


def test_other_event_is_not_profiled() -> None:
    assert profile({"Records": []}, handle, service="watchdog", bucket="profiles", now=NOW) is None
