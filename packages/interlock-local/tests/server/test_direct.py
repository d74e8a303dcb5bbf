"""A request to the tables has the same answer with and without the routing of the server behind."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.app import app
from ministack.core import responses
from ministack.services import dynamodb

from interlock_local.server import _app
from interlock_local.server._access import Access, Request
from interlock_local.server._app import LocalServer
from interlock_local.server._direct import answer_directly, is_direct
from interlock_local.server._durable import Answer

TABLE = {
    "TableName": "direct",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}
KEY = {"TableName": "direct", "Key": {"PK": {"S": "a"}}}
QUERY = {
    "TableName": "direct",
    "KeyConditionExpression": "PK = :a",
    "ExpressionAttributeValues": {":a": {"S": "a"}},
}
OF_A_REQUEST = {b"x-amzn-requestid", b"x-amz-request-id", b"x-amz-id-2", b"date"}


def request(operation: str, body: Any, target: str = "DynamoDB_20120810") -> Request:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "host": "127.0.0.1:1",
        "authorization": "AWS4-HMAC-SHA256 Credential=000000000000/20260303/us-east-1/dynamodb/aws4_request",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"{target}.{operation}",
    }
    return Request("POST", "/", "", headers, text)


def routed(asked: Request) -> Answer:
    """The answer through the routing, as a server with roles takes it."""
    server = LocalServer(app, Access(1, "secret", has_roles=True), None)
    return asyncio.run(server._serve(asked))


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    asyncio.run(answer_directly(request("CreateTable", TABLE)))
    asyncio.run(answer_directly(request("PutItem", {"TableName": "direct", "Item": {"PK": {"S": "a"}}})))
    yield
    asyncio.run(answer_directly(request("DeleteTable", {"TableName": "direct"})))


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("GetItem", KEY),
        ("GetItem", {"TableName": "absent", "Key": {"PK": {"S": "a"}}}),
        ("GetItem", b"{"),
        ("PutItem", {"TableName": "direct", "Item": {"PK": {"S": "a"}}, "ConditionExpression": "PK = PK AND"}),
        ("DeleteItem", {**KEY, "ConditionExpression": "attribute_not_exists(PK)"}),
        (
            "Query",
            {
                "TableName": "direct",
                "KeyConditionExpression": "PK = :a",
                "ExpressionAttributeValues": {":a": {"S": "a"}},
            },
        ),
        ("BatchGetItem", {"RequestItems": {"direct": {"Keys": [{"PK": {"S": "a"}}]}}}),
        ("NoOperation", {}),
    ],
)
def test_the_answer_is_that_of_the_routing(operation: str, body: Any) -> None:
    asked = request(operation, body)
    assert is_direct(asked)
    direct, other = asyncio.run(answer_directly(asked)), routed(asked)
    assert (direct.status, direct.body) == (other.status, other.body)
    assert headers_of(direct) == headers_of(other)


def test_the_answer_of_a_stream_is_that_of_the_routing() -> None:
    asked = request("ListStreams", {"TableName": "direct"}, "DynamoDBStreams_20120810")
    direct, other = asyncio.run(answer_directly(asked)), routed(asked)
    assert (direct.status, direct.body, headers_of(direct)) == (other.status, other.body, headers_of(other))


def test_only_the_routing_checks_the_permissions_of_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_: Request) -> Answer:
        raise AssertionError("the request did not go through the routing")

    monkeypatch.setattr(_app, "answer_directly", refused)
    assert routed(request("GetItem", KEY)).status == 200
    without_roles = LocalServer(app, Access(1, "secret"), None)
    with pytest.raises(AssertionError, match="did not go through the routing"):
        asyncio.run(without_roles._serve(request("GetItem", KEY)))


@pytest.mark.parametrize(
    ("change", "value"),
    [(responses.set_request_region, "eu-west-3"), (responses.set_request_account_id, "111122223333")],
)
def test_a_request_is_of_the_stack_whatever_the_one_before_was(change: Any, value: str) -> None:
    async def asked() -> Answer:
        change(value)
        return await answer_directly(request("GetItem", KEY))

    assert b'"a"' in asyncio.run(asked()).body


def test_an_error_of_the_service_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> Any:
        raise KeyError("x")

    monkeypatch.setattr(dynamodb, "handle_request", broken)
    answer = asyncio.run(answer_directly(request("GetItem", KEY)))
    assert (answer.status, json.loads(answer.body)["__type"]) == (500, "InternalError")


@pytest.mark.parametrize(
    "other",
    [
        Request("GET", "/", "", {"x-amz-target": "DynamoDB_20120810.GetItem"}, b""),
        Request("POST", "/x", "", {"x-amz-target": "DynamoDB_20120810.GetItem"}, b""),
        Request("POST", "/", "a=b", {"x-amz-target": "DynamoDB_20120810.GetItem"}, b""),
        Request("POST", "/", "", {"x-amz-target": "DynamoDB_20120810.GetItem", "content-encoding": "gzip"}, b""),
        Request("POST", "/", "", {"x-amz-target": "AWSEvents.PutEvents"}, b""),
        Request("POST", "/", "", {}, b""),
    ],
)
def test_other_requests_go_through_the_routing(other: Request) -> None:
    assert not is_direct(other)


def headers_of(answer: Answer) -> dict[bytes, bytes]:
    named = {name.lower(): value for name, value in answer.headers}
    kept = OF_A_REQUEST | {b"content-length"}
    return {name: value for name, value in named.items() if name not in kept and not name.startswith(b"access-control")}
