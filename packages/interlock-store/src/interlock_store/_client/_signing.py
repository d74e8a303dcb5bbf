"""Signs requests with AWS Signature Version 4. The tests compare it with botocore's signer, whose import is slow."""

import hashlib
import hmac
from datetime import datetime

from msgspec import Struct

SERVICE = "dynamodb"
CONTENT_TYPE = "application/x-amz-json-1.0"
_ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(Struct, frozen=True):
    """The credentials of one request. `token` belongs to temporary credentials."""

    access_key: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        """The access key without its secrets."""
        return f"<Keys {self.access_key}>"


class Signer:
    """Signs POST requests to the path `/` of one host in one region."""

    def __init__(self, host: str, region: str) -> None:
        self._host = host
        self._region = region
        self._kept = ("", "", b"")

    def headers(self, keys: Keys, target: str, body: bytes, now: datetime) -> dict[str, str]:
        """The headers of a request that begins at `now` (UTC), with its signature."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {"content-type": CONTENT_TYPE, "host": self._host, "x-amz-date": stamp}
        if keys.token:
            signed["x-amz-security-token"] = keys.token
        signed["x-amz-target"] = target
        names = ";".join(signed)
        lines = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in signed.items()])
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(keys.secret, stamp[:8]), text.encode(), "sha256").hex()
        credential = f"Credential={keys.access_key}/{scope}"
        signed["authorization"] = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return signed

    def _signing_key(self, secret: str, day: str) -> bytes:
        """The key of a day, computed once. Two threads may both compute it, and the last one is kept."""
        kept_day, kept_secret, kept_key = self._kept
        if kept_day == day and kept_secret == secret:
            return kept_key
        key = f"AWS4{secret}".encode()
        for part in (day, self._region, SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._kept = (day, secret, key)
        return key
