"""The sensor inbox on the local stack: a message starts a job, in its order, and an invalid one is kept."""

import json
import uuid
from typing import Any

from integration.conftest import Outside, await_that, pipeline

from interlock_lifecycle import RunStatus

DATE = "2026-03-03"


def send(outside: Outside, name: str, body: Any) -> None:
    outside.stack.client("sqs").send_message(
        QueueUrl=outside.stack.sensor_inbox_url,
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageGroupId=f"{name}#ready",
        MessageDeduplicationId=str(uuid.uuid4()),
    )


def reading(name: str, **data: Any) -> dict[str, Any]:
    return {"pipelineId": name, "key": "ready", "data": {"ready": True, "date": DATE, **data}}


def test_message_starts_the_job_of_its_pipeline(outside: Outside) -> None:
    outside.push("inbox", pipeline(outside.folder, "inbox"))
    send(outside, "inbox", reading("inbox", count=10))
    assert outside.closed("inbox", DATE).status is RunStatus.COMPLETED
    assert outside.starts("inbox") == [f"{DATE} 0"]
    assert outside.store.all_sensors("inbox")["ready"] == {"ready": True, "date": DATE, "count": 10}


def test_messages_of_a_sensor_are_taken_in_their_order(outside: Outside) -> None:
    """Each reading of a sensor replaces the one before, so that the last one stays."""
    outside.push("ordered", pipeline(outside.folder, "ordered"))
    for count in range(30):
        send(outside, "ordered", reading("ordered", count=count % 9, number=count))

    def last() -> bool:
        return outside.store.all_sensors("ordered").get("ready", {}).get("number") == 29

    await_that(last, "the last reading")
    outside.stack.drain()
    assert last()
    assert outside.starts("ordered") == []


def test_invalid_message_becomes_a_dead_letter(outside: Outside) -> None:
    outside.push("confined", pipeline(outside.folder, "confined"))
    config = outside.store.config("confined")
    before = outside.stack.dead_letters()
    send(outside, "confined", {**reading("confined"), "SK": "CONFIG"})
    send(outside, "confined", "no reading")
    send(outside, "confined", reading("confined", count=10))
    assert outside.closed("confined", DATE).status is RunStatus.COMPLETED
    await_that(lambda: outside.stack.dead_letters() - before == 2, "the two dead letters")
    assert outside.store.config("confined").config == config.config
