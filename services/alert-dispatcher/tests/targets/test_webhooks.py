"""The signature, the key and the secret of a webhook."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from target_parts import KEY, Context, Hook, deliver, message, use, webhook

from interlock_alert_dispatcher import handler
from interlock_alert_dispatcher.deployment import Deployment
from interlock_alert_dispatcher.errors import SettingsFault
from interlock_alert_dispatcher.fanout import Announcement
from interlock_alert_dispatcher.makers import SigningKey
from interlock_alert_dispatcher.webhooks import Webhook
from interlock_telemetry import environment
from interlock_triggers import Poster

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_a_webhook_can_check_the_signature_and_find_repeats(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    deliver(message("a", "SLA_BREACH", owner="data"))
    ((headers, body),) = hook.requests
    at, _, digest = headers["x-interlock-signature"].removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(KEY.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(int(at) - datetime.now(UTC).timestamp()) < 60
    assert (headers["idempotency-key"], headers["content-type"]) == ("a", "application/json")
    content = json.loads(body)
    assert content["detail-type"] == "SLA_BREACH"
    assert (content["severity"], content["late"], content["detail"]["owner"]) == ("critical", False, "data")
    assert content["text"].splitlines()[0] == "CRITICAL · SLA_BREACH · bronze · 2026-03-03"


@pytest.mark.parametrize("late", [True, False])
def test_a_digest_has_the_fields_of_an_alert(hook: Hook, clock: Any, late: bool) -> None:
    target = Webhook(lambda: hook.url, KEY.encode, lambda: Poster("127.0.0.1"), Deployment(), now=clock.now)
    target.announce(Announcement("digest-1", "two runs", late=late), clock.deadline())
    ((headers, body),) = hook.requests
    assert headers["idempotency-key"] == "digest-1"
    assert json.loads(body) == {
        "detail-type": "DIGEST",
        "source": "interlock",
        "detail": {"id": "digest-1"},
        "severity": "notice",
        "text": "two runs",
        "late": late,
    }


def test_an_id_that_no_header_carries_becomes_a_digest(table: "DynamoDBClient", hook: Hook) -> None:
    use(table, webhook(hook.url))
    deliver(message("a\nb"), message("ä"))
    assert [len(headers["idempotency-key"]) for headers, _ in hook.requests] == [64, 64]


def test_the_key_comes_from_secrets_manager_and_is_read_again(
    table: "DynamoDBClient", hook: Hook, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="hook", SecretString="first\n")["ARN"]
    key = SigningKey(arn, environment(source={}), now=clock.now)
    assert key.read() == b"first"
    secrets.put_secret_value(SecretId=arn, SecretString="second")
    assert key.read() == b"first"
    clock.sleep(timedelta(minutes=5))
    assert key.read() == b"second"
    with pytest.raises(SettingsFault, match="cannot be read"):
        SigningKey(arn + "x", environment(source={}), now=clock.now).read()
    secrets.put_secret_value(SecretId=arn, SecretString=" ")
    with pytest.raises(SettingsFault, match="is empty"):
        SigningKey(arn, environment(source={}), now=clock.now).read()


def test_a_webhook_takes_its_address_and_key_from_a_secret(table: "DynamoDBClient", hook: Hook) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="hooks/team", SecretString=json.dumps({"path": "a-secret-path", "key": KEY}))
    target = f"{{webhook: '{hook.url}&code=${{secret:hooks/team#path}}', secret: '${{secret:hooks/team#key}}'}}"
    use(table, f"version: 1\ntargets: {{hook: {target}}}\ndefault: [hook]")
    deliver(message("a", "SLA_BREACH"))
    ((headers, body),) = hook.requests
    at, _, digest = headers["x-interlock-signature"].removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(KEY.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert hook.paths == ["/interlock?team=data&code=a-secret-path"]


@pytest.mark.parametrize("place", ["hooks/team#path", "absent"])
def test_an_alert_waits_for_an_unreadable_secret(
    place: str, table: "DynamoDBClient", hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("secretsmanager").create_secret(Name="hooks/team", SecretString=KEY)
    target = f"{{webhook: '{hook.url}&code=${{secret:{place}}}', secret: '${{INTERLOCK_WEBHOOK_KEY}}'}}"
    use(table, f"version: 1\ntargets: {{hook: {target}}}\ndefault: [hook]")
    assert deliver(message("a", "SLA_BREACH")) == []
    assert hook.requests == []
    assert handler.handle({"__ping__": True}, Context())["checks"]["pending"] == "ok: 1 wait"
    out = capsys.readouterr().err
    assert f"${{secret:{place}}}" in out
    assert KEY not in out
