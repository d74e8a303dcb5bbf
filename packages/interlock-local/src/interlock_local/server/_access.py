"""Decides which requests the server accepts: those of this host, from no browser, and signed with the stack's key."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from botocore.auth import SIGNED_HEADERS_BLACKLIST, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from msgspec import Struct

from interlock_local.keys import ACCESS_KEY, REGION

_SCHEME = "AWS4-HMAC-SHA256 "
_PAYLOAD = "x-amz-content-sha256"
_SKEW = timedelta(minutes=15)
_NO_KEY = "Run `interlock env` to get the keys of this local stack."


class Rejection(Struct, frozen=True):
    """The reason why a request is rejected: an error code of AWS, and one sentence."""

    code: str
    message: str


class Request(Struct, frozen=True):
    """One HTTP request: the raw path with its query, header names in lower case, and the whole body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Access:
    """The rules for requests to one server on ``port`` with the key ``secret``.

    With ``has_roles`` the server behind knows further keys, those of the roles, and checks each signed request for the
    AWS API itself. It checks neither an unsigned request nor its own addresses, which begin with ``/_``.
    """

    def __init__(self, port: int, secret: str, *, has_roles: bool = False) -> None:
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._secret = secret
        self.has_roles = has_roles

    def rejection_of(self, request: Request, now: datetime) -> Rejection | None:
        """The reason to reject this request at ``now`` (with a zone), or None.

        A web page cannot choose Host, and a browser adds Origin to each request that a page sends to another origin.
        So both checks keep pages out even if the page knows the key.
        """
        host = request.headers.get("host", "")
        if host not in self._hosts:
            return Rejection("AccessDeniedException", f"This server does not answer for the host {host[:80]!r}.")
        if "origin" in request.headers:
            return Rejection("AccessDeniedException", "This server does not answer to web pages.")
        is_signed = request.headers.get("authorization", "").startswith(_SCHEME)
        if self.has_roles and is_signed and not request.path.startswith("/_"):
            return None
        return _signature_fault(request, self._secret, now)


def _signature_fault(request: Request, secret: str, now: datetime) -> Rejection | None:
    header = request.headers.get("authorization", "")
    if not header.startswith(_SCHEME):
        return Rejection("MissingAuthenticationTokenException", f"This server needs signed requests. {_NO_KEY}")
    parts = dict(part.strip().partition("=")[::2] for part in header[len(_SCHEME) :].split(","))
    scope = parts.get("Credential", "").split("/")
    if len(scope) != 5 or scope[0] != ACCESS_KEY:
        return Rejection("UnrecognizedClientException", f"These are not the keys of this local stack. {_NO_KEY}")
    region, service = scope[2], scope[3]
    if region != REGION:
        return Rejection("UnrecognizedClientException", f"This local stack is in {REGION}, not in {region[:40]}.")
    stamp = request.headers.get("x-amz-date", "")
    if not _is_recent(stamp, now):
        return Rejection("RequestExpired", "The request was signed more than 15 minutes ago, or in the future.")
    computed = _signature(request, parts.get("SignedHeaders", "").split(";"), stamp, region, service, secret)
    if not hmac.compare_digest(computed.encode(), parts.get("Signature", "").encode()):
        return Rejection("InvalidSignatureException", f"These are not the keys of this local stack. {_NO_KEY}")
    return None


def _is_recent(stamp: str, now: datetime) -> bool:
    signed = _moment(stamp)
    return signed is not None and abs(now - signed) <= _SKEW


@lru_cache(maxsize=256)
def _moment(stamp: str) -> datetime | None:
    """The time of a signature. The requests of one second share it."""
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _signature(request: Request, names: list[str], stamp: str, region: str, service: str, secret: str) -> str:
    """The signature that the owner of the secret gives to this request (AWS Signature Version 4)."""
    if request.path == "/" and not request.query and service != "s3" and _PAYLOAD not in names:
        return _plain_signature(request, names, stamp, region, service, secret)
    return _general_signature(request, names, stamp, region, service, secret)


def _plain_signature(request: Request, names: list[str], stamp: str, region: str, service: str, secret: str) -> str:
    """The signature of a request without path and query, which is the form of the JSON services.

    It is that of `_general_signature` at a tenth of the time. Almost all requests have this form.
    """
    kept = sorted({"host", *(name for name in names if name not in SIGNED_HEADERS_BLACKLIST)})
    fields = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in kept)
    body = hashlib.sha256(request.body).hexdigest()
    canonical = f"{request.method.upper()}\n/\n\n{fields}\n{';'.join(kept)}\n{body}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"{_SCHEME.strip()}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(_signing_key(secret, stamp[:8], region, service), text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key of a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _general_signature(request: Request, names: list[str], stamp: str, region: str, service: str, secret: str) -> str:
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = kind(Credentials(ACCESS_KEY, secret), service, region)
    query = f"?{request.query}" if request.query else ""
    url = f"http://{request.headers['host']}{request.path}{query}"
    signed = AWSRequest(
        request.method,
        url,
        headers={name: request.headers.get(name, "") for name in names},
        data=request.body,
    )
    signed.context["timestamp"] = stamp
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return str(signer.signature(text, signed))
