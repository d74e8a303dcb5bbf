"""A Lambda that writes a sensor row for each object that arrives in a bucket of S3.

It reads the events of EventBridge, and the notifications that S3 sends itself. README.md explains the variables.
"""

import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from interlock_sensors import Sensors


class KeyWithoutDate(ValueError):
    """The pattern does not match the key of an object, so that its date is unknown."""


def handle(event: dict[str, Any], context: object, sensors: Sensors | None = None) -> dict[str, int]:
    """Write the rows of an event. A key without a date is an error, after the other rows are written."""
    sensors = sensors or Sensors(os.environ["ENVIRONMENT"])
    pattern, unknown, changed = re.compile(os.environ["KEY_PATTERN"]), [], 0
    for bucket, time, item in _created(event):
        match = pattern.search(item["key"])
        if match is None:
            unknown.append(f"s3://{bucket}/{item['key']}")
        elif not item["key"].endswith("/"):  # the console of S3 makes such an object for a folder
            part = match.groupdict()
            date = part.get("date") or "-".join(part[name] for name in ("year", "month", "day"))
            key = os.environ["SENSOR_KEY"].format(**part)
            fields = {"complete": True, "bucket": bucket, "createdAt": time, **item}
            changed += sensors.put(os.environ["PIPELINE"], key, date=date, hour=part.get("hour"), **fields)
    if unknown:
        raise KeyWithoutDate(f"{pattern.pattern} does not match {', '.join(unknown)}")
    return {"changed": changed}


def _created(event: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The bucket, the time and the object of each creation. Only notifications encode the key as in a URL."""
    if event.get("detail-type") == "Object Created":
        yield event["detail"]["bucket"]["name"], event["time"], _item(event["detail"]["object"], "etag", "version-id")
    elif event.get("Event") != "s3:TestEvent":  # S3 sends a test event when a notification is set up
        for record in event["Records"]:
            item = _item(record["s3"]["object"], "eTag", "versionId")
            if record["eventName"].startswith("ObjectCreated:"):
                yield record["s3"]["bucket"]["name"], record["eventTime"], {**item, "key": unquote_plus(item["key"])}


def _item(found: dict[str, Any], etag: str, version: str) -> dict[str, Any]:
    return {"key": found["key"], "size": found["size"], "etag": found.get(etag), "version": found.get(version)}
