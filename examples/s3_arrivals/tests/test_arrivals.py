"""The Lambda of arrivals writes the rows of real event shapes, and keeps keys without a date visible."""

import copy
import importlib.util
import re
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import interlock_sensors
from interlock_sensors import InvalidRow, RecordedSensors

HOME = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("s3_arrivals_handler", HOME / "handler.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_HANDLER = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_HANDLER)
handle, KeyWithoutDate = _HANDLER.handle, _HANDLER.KeyWithoutDate
KEY = "orders/2026-03-03/part 1+ä.csv"
# EventBridge has the key itself.
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "111122223333",
    "time": "2026-03-03T22:40:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:s3:::incoming-files"],
    "detail": {
        "version": "0",
        "bucket": {"name": "incoming-files"},
        "object": {
            "key": KEY,
            "size": 5,
            "etag": "b1946ac92492d2347c6235b4d2611184",
            "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "sequencer": "617f08299329d189",
        },
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "192.0.2.4",
        "reason": "PutObject",
    },
}
# A notification of S3 itself has the key as a URL has it.
NOTIFICATION: dict[str, Any] = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-west-1",
            "eventTime": "2026-03-03T22:40:00.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
            "requestParameters": {"sourceIPAddress": "192.0.2.4"},
            "responseElements": {
                "x-amz-request-id": "D82B88E5F771F645",
                "x-amz-id-2": "vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQ",
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "828aa6fc-f7b5-4305-8584-487c791949c1",
                "bucket": {
                    "name": "incoming-files",
                    "ownerIdentity": {"principalId": "A3I5XTEXAMAI3E"},
                    "arn": "arn:aws:s3:::incoming-files",
                },
                "object": {
                    "key": "orders/2026-03-03/part+1%2B%C3%A4.csv",
                    "size": 5,
                    "eTag": "b1946ac92492d2347c6235b4d2611184",
                    "versionId": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                    "sequencer": "617f08299329d189",
                },
            },
        }
    ]
}
TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2026-03-03T22:40:00Z",
    "Bucket": "incoming-files",
}
DAY = r"^orders/(?P<date>\d{4}-\d{2}-\d{2})/"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"ENVIRONMENT": "prod", "PIPELINE": "bronze-orders", "SENSOR_KEY": "landing", "KEY_PATTERN": DAY}
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def created(key: str, **more: Any) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    event["detail"]["object"].update(key=key, **more)
    return event


def rows(*events: dict[str, Any]) -> dict[str, dict[str, Any]]:
    sensors = RecordedSensors()
    for event in events:
        handle(event, None, sensors)
    return {row["SK"]: row["data"] for row in sensors.writes}


@pytest.mark.parametrize(
    ("event", "time"), [(EVENT, "2026-03-03T22:40:00Z"), (NOTIFICATION, "2026-03-03T22:40:00.000Z")], ids=["bus", "s3"]
)
def test_both_forms_of_an_event_are_one_row(event: dict[str, Any], time: str) -> None:
    [(key, data)] = rows(event).items()
    assert key == "SENSOR#landing#2026-03-03"
    del data["updatedAt"]
    assert data == {
        "date": "2026-03-03",
        "complete": True,
        "bucket": "incoming-files",
        "key": KEY,
        "size": Decimal(5),
        "etag": "b1946ac92492d2347c6235b4d2611184",
        "version": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        "createdAt": time,
    }


def test_a_plus_in_a_key_of_the_bus_is_no_blank() -> None:
    [data] = rows(created("orders/2026-03-03/a+b%20c.csv")).values()
    assert data["key"] == "orders/2026-03-03/a+b%20c.csv"


def test_an_object_without_a_version_has_none() -> None:
    event = created(KEY)
    del event["detail"]["object"]["version-id"]
    [data] = rows(event).values()
    assert data["version"] is None


def test_a_repeated_event_writes_once_and_a_new_version_again() -> None:
    sensors = RecordedSensors()
    changed = [handle(event, None, sensors) for event in (EVENT, EVENT, created(KEY, **{"version-id": "2"}))]
    assert changed == [{"changed": 1}, {"changed": 0}, {"changed": 1}]
    assert [row["data"]["version"] for row in sensors.writes] == ["IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "2"]


@pytest.mark.parametrize(
    ("pattern", "key", "row"),
    [
        (r"(?P<date>\d{4}-\d{2}-\d{2}T\d{2})", "orders/2026-03-03T07/a.csv", "landing#2026-03-03T07"),
        (
            r"year=(?P<year>\d{4})/month=(?P<month>\d\d)/day=(?P<day>\d\d)/hour=(?P<hour>\d\d)/",
            "orders/year=2026/month=03/day=03/hour=07/a.parquet",
            "landing#2026-03-03T07",
        ),
        (r"_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)\.csv$", "orders/x_20260303.csv", "landing#2026-03-03"),
    ],
)
def test_a_pattern_finds_the_date(monkeypatch: pytest.MonkeyPatch, pattern: str, key: str, row: str) -> None:
    monkeypatch.setenv("KEY_PATTERN", pattern)
    assert list(rows(created(key))) == [f"SENSOR#{row}"]


def test_a_group_of_the_pattern_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSOR_KEY", "file.{table}")
    monkeypatch.setenv("KEY_PATTERN", r"^(?P<table>\w+)/(?P<date>\d{4}-\d{2}-\d{2})/")
    assert list(rows(created("orders/2026-03-03/a.csv"))) == ["SENSOR#file.orders#2026-03-03"]


def test_a_key_without_a_date_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyWithoutDate, match=re.escape("s3://incoming-files/orders/manifest (copy).json")):
        rows(created("orders/manifest (copy).json"))


def test_a_folder_of_the_console_is_no_arrival() -> None:
    assert rows(created("orders/2026-03-03/", size=0)) == {}


def test_other_objects_of_an_event_are_written_first() -> None:
    event = copy.deepcopy(NOTIFICATION)
    event["Records"].insert(0, copy.deepcopy(event["Records"][0]))
    event["Records"][0]["s3"]["object"]["key"] = "orders/manifest.json"
    sensors = RecordedSensors()
    with pytest.raises(KeyWithoutDate, match="manifest"):
        handle(event, None, sensors)
    assert [row["SK"] for row in sensors.writes] == ["SENSOR#landing#2026-03-03"]


def test_a_date_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(InvalidRow, match="2026-02-30"):
        rows(created("orders/2026-02-30/a.csv"))


def test_an_event_of_another_kind_is_an_error() -> None:
    with pytest.raises(KeyError, match="Records"):
        rows({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}})


def test_a_test_event_and_a_removal_write_nothing() -> None:
    removed = copy.deepcopy(NOTIFICATION)
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    assert rows(TEST_EVENT, removed) == {}


def test_the_zip_needs_only_its_two_parts(tmp_path: Path) -> None:
    """Lambda imports the handler from a zip with botocore from its runtime."""
    package = Path(interlock_sensors.__file__).parent
    with zipfile.ZipFile(tmp_path / "s3-arrivals.zip", "w") as archive:
        archive.write(HOME / "handler.py", "handler.py")
        for path in package.glob("*.py"):
            archive.write(path, f"interlock_sensors/{path.name}")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 's3-arrivals.zip')!r}); import handler, interlock_sensors; "
        "print(interlock_sensors.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "s3-arrivals.zip" in done.stdout
