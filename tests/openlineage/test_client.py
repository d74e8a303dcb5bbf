"""The events of examples/openlineage against the classes and the transport of the official client of OpenLineage.

The events of Interlock come from the simulation, which runs the decisions of the controller.
"""

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from simulation.truths import Truth
from simulation.world import World

from interlock_config import decode_yaml
from interlock_sla import parse_execution_date

EXAMPLE = Path(__file__).parents[2] / "examples" / "openlineage"
DATE = "2026-03-27"
PIPELINE = """
pipeline: {id: p0, owner: data}
schedule:
  trigger: {key: ready, check: equals, field: ready, value: true}
  evaluation: {window: 1h, interval: 1m}
validation: {rules: [{key: ready, check: gte, field: count, value: 10}, {key: volume, check: exists}]}
job: {type: glue, config: {jobName: j}, maxRetries: 2, jobPollWindowSeconds: 3600}
"""

pytest.importorskip("openlineage.client", reason="`nox -s openlineage` installs the official client")


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


lineage, consumer = _load("lineage"), _load("consumer")


def entries_of(count: int, *, failing: float = 0.0, seed: int = 1) -> list[dict[str, Any]]:
    """The entries of the bus of one date whose first sensor has this count. `failing`: the share of failing jobs."""
    world = World(seed)
    world.jobs.outlasting = 0.0
    if failing:
        world.jobs.failing = failing
    world.push(decode_yaml(PIPELINE, "p0.yaml"))
    for key, fields in (("ready", {"ready": True, "count": count}), ("volume", {"count": 1})):
        world.sense("p0", f"{key}#{DATE}", Truth(parse_execution_date(DATE)), date=DATE, **fields)
    world.run_until(world.now + timedelta(hours=3))
    return [
        {"source": "interlock", "detail-type": kind, "detail": json.loads(json.dumps(dict(detail), default=str))}
        for kind, detail in world.bus.delivered
    ]


def converted(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = (lineage.openlineage_of(one, lineage.Settings("prod")) for one in entries)
    return [one for one in found if one is not None]


def typed(event: dict[str, Any]) -> Any:
    """The event as objects of the client, whose constructors check each field."""
    from openlineage.client import event_v2, facet_v2, set_producer

    facets = {
        "parent": lambda run, job: facet_v2.parent_run.ParentRunFacet(
            run=facet_v2.parent_run.Run(**run), job=facet_v2.parent_run.Job(**job)
        ),
        "externalQuery": facet_v2.external_query_run.ExternalQueryRunFacet,
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
        "ownership": lambda owners: facet_v2.ownership_job.OwnershipJobFacet(
            owners=[facet_v2.ownership_job.Owner(**one) for one in owners]
        ),
        "dataQualityAssertions": lambda assertions: (
            facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                assertions=[facet_v2.data_quality_assertions_dataset.Assertion(**one) for one in assertions]
            )
        ),
    }

    def made(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {
            name: facets[name](**{key: value for key, value in facet.items() if not key.startswith("_")})
            for name, facet in found.items()
        }

    set_producer(event["producer"])
    run, job = event["run"], event["job"]
    return event_v2.RunEvent(
        eventType=event_v2.RunState[event["eventType"]],
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=event_v2.Run(run["runId"], made(run["facets"])),
        job=event_v2.Job(job["namespace"], job["name"], made(job["facets"])),
        inputs=[
            event_v2.InputDataset(one["namespace"], one["name"], inputFacets=made(one["inputFacets"]))
            for one in event["inputs"]
        ],
        outputs=[],
    )


def pruned(value: Any) -> Any:
    """The value without the empty mappings and lists that the client adds for absent facets."""
    if isinstance(value, dict):
        return {name: kept for name, one in value.items() if (kept := pruned(one)) not in ({}, [])}
    return [pruned(one) for one in value] if isinstance(value, list) else value


STORIES = {
    "success": (entries_of(10), ["OTHER", "START", "COMPLETE"]),
    "window without data": (entries_of(9), ["FAIL"]),
}


@pytest.mark.parametrize("story", STORIES)
def test_real_events_are_those_of_the_client(story: str) -> None:
    from openlineage.client.serde import Serde

    entries, kinds = STORIES[story]
    events = converted(entries)
    assert [one["eventType"] for one in events] == kinds
    assert len({one["run"]["runId"] for one in events}) == 1
    for event in events:
        assert pruned(Serde.to_dict(typed(event))) == pruned(event)


def test_real_assertions_name_the_rules() -> None:
    (event,) = converted(STORIES["window without data"][0])
    (sensor,) = event["inputs"]
    (assertion,) = sensor["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (sensor["name"], assertion["assertion"], assertion["column"]) == ("p0.ready", "gte", "count")
    assert assertion["success"] is False
    assert assertion["actual"]


def test_each_attempt_of_a_failing_job_is_a_run_of_its_own() -> None:
    from openlineage.client.serde import Serde

    for seed in range(1, 40):
        events = converted(entries_of(10, failing=1.0, seed=seed))
        failed = [one for one in events if one["eventType"] == "FAIL"]
        if len(failed) > 1:
            break
    else:
        raise AssertionError("no story has two failed attempts")
    ids = [one["run"]["runId"] for one in failed]
    assert len(set(ids)) == len(ids)
    started = {one["run"]["runId"] for one in events if one["eventType"] == "START"}
    assert set(ids) <= started
    assert len({one["run"]["facets"]["parent"]["run"]["runId"] for one in events}) == 1
    for event in events:
        assert pruned(Serde.to_dict(typed(event))) == pruned(event)


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """The address of a server, and the path and the body of each post to it."""
    found: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test reads `found`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield f"http://127.0.0.1:{server.server_port}", found
        server.shutdown()
        thread.join()


def test_the_lambda_posts_as_the_client_does(
    posts: tuple[str, list[tuple[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    url, found = posts
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "prod")
    entries = STORIES["success"][0]
    for entry in entries:
        consumer.handler(entry, None)
    ours = list(found)
    found.clear()
    client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=url)))
    for event in converted(entries):
        client.emit(typed(event))
    assert [path for path, _ in ours] == [path for path, _ in found] == ["/api/v1/lineage"] * 3
    for (_, mine), (_, theirs) in zip(ours, found, strict=True):
        # The client adds facets of its own environment to the run and to the job.
        for part in ("run", "job"):
            names = set(mine[part]["facets"])
            theirs[part]["facets"] = {key: one for key, one in theirs[part]["facets"].items() if key in names}
        assert pruned(theirs) == pruned(mine)
