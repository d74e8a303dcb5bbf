"""Events of Interlock become run events, whose ids are stable, and each is posted or raises."""

import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from interlock_lifecycle.events import EventType

EVENT = {
    "id": "01JNDK0000000000000000DKP3",
    "pipelineId": "bronze-orders",
    "scheduleId": "stream",
    "date": "2026-03-03",
    "attempt": 1,
    "timestamp": "2026-03-04T05:00:00Z",
    "message": "attempt 1 succeeded",
}
RULES = [
    {"key": "landing", "check": "gte", "field": "count", "needed": "gte 1000", "observed": "400", "heldSince": "…"},
    {"key": "landing", "check": "exists", "needed": "exists", "observed": "absent"},
    {"key": "volume", "check": "equals", "field": "done", "needed": "true", "observed": "false"},
]


def entry(kind: str, detail: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An entry of the bus, as EventBridge passes it to a function."""
    event = {**EVENT, "detail": detail or {}, **changes}
    return {"source": "interlock", "detail-type": kind, "detail": {k: v for k, v in event.items() if v is not None}}


def converted(lineage: ModuleType, *arguments: Any, **changes: Any) -> dict[str, Any]:
    found = lineage.openlineage_of(entry(*arguments, **changes), lineage.Settings("prod"))
    assert found is not None
    return dict(found)


def test_the_types_are_event_types_of_interlock(lineage: ModuleType) -> None:
    assert set(lineage.TYPES) <= {str(kind) for kind in EventType}


def test_a_run_starts_completes_and_fails(lineage: ModuleType) -> None:
    start = converted(lineage, "JOB_TRIGGERED", {"jobType": "glue", "runId": "jr_81", "owner": "data"})
    assert (start["eventType"], start["eventTime"]) == ("START", "2026-03-04T05:00:00Z")
    assert start["job"]["name"] == "bronze-orders.job"
    assert start["job"]["facets"]["ownership"]["owners"] == [{"name": "data"}]
    assert start["run"]["facets"]["externalQuery"]["externalQueryId"] == "jr_81"
    complete, failed = converted(lineage, "JOB_COMPLETED"), converted(lineage, "JOB_FAILED", {"error": "no memory"})
    assert (complete["eventType"], failed["eventType"]) == ("COMPLETE", "FAIL")
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no memory"
    assert {one["run"]["runId"] for one in (start, complete, failed)} == {start["run"]["runId"]}


def test_the_id_names_the_attempt_and_the_parent_the_date(lineage: ModuleType) -> None:
    one = converted(lineage, "JOB_COMPLETED")
    assert one["run"]["runId"] == "dd9c4c7e-4270-5915-ad47-688c6f57108c"
    parent = one["run"]["facets"]["parent"]
    assert parent["job"] == {"namespace": "prod", "name": "bronze-orders"}
    assert uuid.UUID(parent["run"]["runId"]).version == 5
    others = [
        converted(lineage, "JOB_COMPLETED", **changes)
        for changes in ({"attempt": 2}, {"date": "2026-03-04"}, {"scheduleId": "cron"}, {"pipelineId": "x"})
    ]
    assert len({other["run"]["runId"] for other in [one, *others]}) == 5
    assert others[0]["run"]["facets"]["parent"] == parent


def test_no_two_lists_of_parts_have_one_id(lineage: ModuleType) -> None:
    assert lineage.run_id("a/b", "c", "s", "d", 1) != lineage.run_id("a", "b/c", "s", "d", 1)
    assert lineage.run_id("a", "b", "s", "d", None) != lineage.run_id("a", "b", "s", "d", 0)


def test_rules_that_do_not_hold_are_failed_assertions(lineage: ModuleType) -> None:
    found = converted(lineage, "VALIDATION_EXHAUSTED", {"rules": RULES})
    assert found["eventType"] == "FAIL"
    assert [one["name"] for one in found["inputs"]] == ["bronze-orders.landing", "bronze-orders.volume"]
    assert found["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"] == [
        {
            "assertion": "gte",
            "success": False,
            "severity": "error",
            "column": "count",
            "name": "landing count gte",
            "expected": "gte 1000",
            "actual": "400",
        },
        {
            "assertion": "exists",
            "success": False,
            "severity": "error",
            "name": "landing exists",
            "expected": "exists",
            "actual": "absent",
        },
    ]


def test_rules_that_hold_are_one_assertion_per_sensor(lineage: ModuleType) -> None:
    rows = [
        {"key": "landing", "row": "landing#2026-03-03", "data": {"count": 5}},
        {"key": "landing"},
        {"key": "volume"},
    ]
    found = converted(lineage, "VALIDATION_PASSED", {"rows": rows})
    assert found["eventType"] == "OTHER"
    assert [one["name"] for one in found["inputs"]] == ["bronze-orders.landing", "bronze-orders.volume"]
    (assertion,) = found["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert assertion["success"] is True
    assert "count" not in str(found["inputs"])


@pytest.mark.parametrize(("kind", "detail"), [("SLA_MET", {}), ("JOB_TRIGGERED", {"reason": "x"}), ("NEW_TYPE", {})])
def test_an_event_without_a_counterpart_is_left_out(lineage: ModuleType, kind: str, detail: dict[str, Any]) -> None:
    assert lineage.openlineage_of(entry(kind, detail), lineage.Settings()) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pipelineId": None}, "pipelineId is None"),
        ({"date": 20260303}, "date is 20260303"),
        ({"attempt": None}, "attempt is None"),
        ({"attempt": True}, "attempt is True"),
        ({"attempt": -1}, "attempt is -1"),
    ],
)
def test_an_unreadable_event_is_never_guessed(lineage: ModuleType, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(lineage.Unreadable, match=said):
        lineage.openlineage_of(entry("JOB_COMPLETED", **changes), lineage.Settings())


def test_an_event_of_another_source_is_rejected(lineage: ModuleType) -> None:
    with pytest.raises(lineage.Unreadable, match="must be 'interlock'"):
        lineage.openlineage_of({**entry("JOB_COMPLETED"), "source": "interlock.canary"}, lineage.Settings())


def test_an_event_is_posted(consumer: ModuleType, server: Any) -> None:
    done = consumer.handler(entry("JOB_COMPLETED"), None)
    ((path, key, body),) = server.posts
    assert (path, key) == ("/api/v1/lineage", None)
    assert done == {"posted": True, "runId": body["run"]["runId"], "eventType": "COMPLETE"}
    assert consumer.handler(entry("SLA_MET"), None) == {"posted": False}
    assert len(server.posts) == 1


@pytest.mark.parametrize("statuses", [[503], [500, 502], [429], [0, 408]])
def test_a_failure_that_may_pass_is_tried_again(consumer: ModuleType, server: Any, statuses: list[int]) -> None:
    server.statuses, waited = list(statuses), []
    consumer.post({"a": 1}, server.url, "key-4711", waited.append)
    assert len(server.posts) == len(statuses) + 1
    assert {key for _, key, _ in server.posts} == {"Bearer key-4711"}
    assert waited == [1.0, 2.0][: len(statuses)]


@pytest.mark.parametrize(("statuses", "tries"), [([503] * 9, 3), ([400], 1), ([401], 1), ([302], 1)])
def test_an_event_that_is_not_accepted_raises(
    consumer: ModuleType, server: Any, statuses: list[int], tries: int
) -> None:
    server.statuses = list(statuses)
    with pytest.raises(consumer.PostError) as raised:
        consumer.post({"a": 1}, server.url, "key-4711", lambda _: None)
    assert len(server.posts) == tries
    assert "4711" not in str(raised.value)


@pytest.mark.parametrize("url", ["", "lineage.example.com", "ftp://a", "https://user:4711@a"])
def test_a_wrong_address_posts_nothing(consumer: ModuleType, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    with pytest.raises(ValueError, match="OPENLINEAGE_URL must be an address") as raised:
        consumer.handler(entry("JOB_COMPLETED"), None)
    assert "4711" not in str(raised.value)


def test_the_rule_of_terraform_passes_on_these_types(lineage: ModuleType) -> None:
    root = Path(__file__).parents[3] / "infra" / "examples" / "openlineage" / "main.tf"
    assert all(f'"{kind}"' in root.read_text() for kind in lineage.TYPES)
