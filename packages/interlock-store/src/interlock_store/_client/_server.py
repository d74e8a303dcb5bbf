"""Finds the server of the tables, its region and the credentials as botocore finds them.

Only the plain cases of a Lambda are decided here: a region in a variable, no config file, and credentials in variables
or, with SnapStart, at an address. Each other case is a question to botocore, because the import of botocore and of
DynamoDB's model takes most of a cold start.
"""

import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from interlock_store._client._signing import SERVICE, Keys

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session

_COMMERCIAL = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-(?!gov-|iso|isob-)[a-z]+-\d+")
"""The regions of the partition `aws` with one endpoint form. botocore knows the others."""

_ASK_BOTOCORE = (
    "AWS_ACCOUNT_ID",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DATA_PATH",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULTS_MODE",
    "AWS_ENDPOINT_DISCOVERY_ENABLED",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
"""Variables that change the endpoint or the credentials in ways that only botocore knows."""

_BEFORE_THE_ADDRESS = ("AWS_CREDENTIAL_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "BOTO_CONFIG")
"""Variables of other credentials, which botocore prefers to those at an address."""

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


class Server(Struct, frozen=True):
    """The server of the tables: its URL without a path, its region, and its certificates (None: the machine's).

    `keys` returns the credentials of the next request. Temporary credentials are refreshed by it.
    """

    url: str
    region: str
    keys: Callable[[], Keys]
    ca_file: str | None = None

    @property
    def host(self) -> str:
        """The value of the header Host."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return host if parts.port in (None, 443 if parts.scheme == "https" else 80) else f"{host}:{parts.port}"


def find_server(variables: Mapping[str, str]) -> Server | None:
    """The server of the environment. None if only boto3 can reach it: through a proxy, or at a URL with a path.

    botocore reads the process's environment, so `variables` must be equal to it in the names that begin with `AWS_`.
    Raises botocore's errors for an environment without a region or credentials.
    """
    plain = _plain_server(variables)
    server = plain or _ask_botocore(variables)
    if server is None or _has_proxy(server.url, variables):
        return None
    return server


def _plain_server(variables: Mapping[str, str]) -> Server | None:
    """The server, if no config file and no rare variable can change it. None: ask botocore."""
    region = variables.get("AWS_DEFAULT_REGION", "")
    if not region or any(variables.get(name) for name in _ASK_BOTOCORE) or _has_config_file(variables):
        return None
    url = variables.get("AWS_ENDPOINT_URL_DYNAMODB") or variables.get("AWS_ENDPOINT_URL")
    if not url and _COMMERCIAL.fullmatch(region):
        url = f"https://{SERVICE}.{region}.amazonaws.com"
    if not url or not _is_bare(url):
        return None
    keys = _plain_keys(variables)
    if keys is None:
        return None
    return Server(url.rstrip("/"), region, keys, _certificates(url, variables.get("AWS_CA_BUNDLE"), variables))


def _plain_keys(variables: Mapping[str, str]) -> Callable[[], Keys] | None:
    """The credentials in variables, or those of a function with SnapStart. None: ask botocore."""
    access_key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    token = variables.get("AWS_SECURITY_TOKEN") or variables.get("AWS_SESSION_TOKEN") or None
    if access_key and secret:
        keys = Keys(access_key, secret, token)
        return lambda: keys
    is_restored = variables.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
    others = any(variables.get(name) for name in ("AWS_ACCESS_KEY_ID", *_BEFORE_THE_ADDRESS))
    if is_restored and not others and variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return _keys_at_address()
    return None


def _keys_at_address() -> Callable[[], Keys] | None:
    """The credentials at the address in AWS_CONTAINER_CREDENTIALS_FULL_URI. botocore fetches them again in time."""
    from botocore.credentials import ContainerProvider

    found = ContainerProvider().load()
    return None if found is None else _refreshed(found)


def _refreshed(credentials: "Credentials") -> Callable[[], Keys]:
    """The credentials of each next request, which botocore refreshes."""

    def keys() -> Keys:
        frozen = credentials.get_frozen_credentials()
        return Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return keys


def _has_config_file(variables: Mapping[str, str]) -> bool:
    files = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
    return any(os.path.exists(os.path.expanduser(variables.get(name) or path)) for name, path in files.items())


def _is_bare(url: str) -> bool:
    """Whether a URL names only a scheme, a host and a port."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and named and bare


def _certificates(url: str, bundle: str | None, variables: Mapping[str, str]) -> str | None:
    """The file of certificates that botocore uses: a configured bundle, certifi's, or botocore's own."""
    if not url.startswith("https"):
        return None
    configured = bundle or variables.get("REQUESTS_CA_BUNDLE")
    if configured:
        return configured
    for package in ("certifi", "botocore"):
        found = importlib.util.find_spec(package)
        if found is not None and found.origin is not None:
            return str(Path(found.origin).with_name("cacert.pem"))
    return None


def _has_proxy(url: str, variables: Mapping[str, str]) -> bool:
    """Whether botocore would send a request for the URL to a proxy."""
    if not any(variables.get(name) for name in _PROXIES):
        return False
    from botocore.utils import get_environ_proxies

    return urlsplit(url).scheme in get_environ_proxies(url)


def _ask_botocore(variables: Mapping[str, str]) -> Server | None:
    """The server to which botocore itself would send a request. None if it is at a URL with a path.

    Raises NoRegionError and NoCredentialsError.
    """
    from botocore.session import Session

    session = Session()
    url, region = _sample_request(session)
    credentials = session.get_credentials()
    if not _is_bare(url) or credentials is None:
        return None

    bundle = session.get_config_variable("ca_bundle")
    return Server(url.rstrip("/"), region, _refreshed(credentials), _certificates(url, bundle, variables))


def _sample_request(session: "Session") -> tuple[str, str]:
    """The URL of a request that botocore prepares and does not send, and the region in its signature."""
    from botocore.awsrequest import AWSResponse

    prepared: list[Any] = []
    empty: Any = {}

    def keep(request: Any, **_: Any) -> Any:
        prepared.append(request)
        return AWSResponse(request.url, 200, empty, _NoBody())

    client: Any = session.create_client(SERVICE)
    client.meta.events.register(f"before-send.{SERVICE}.GetItem", keep)
    client.get_item(TableName="interlock", Key={"PK": {"S": "INTERLOCK"}, "SK": {"S": "PING"}})
    (request,) = prepared
    authorization = request.headers["Authorization"]
    text = authorization.decode() if isinstance(authorization, bytes) else authorization
    return request.url, text.split("Credential=", 1)[1].split("/")[2]


class _NoBody:
    """The body of the answer to a request that was not sent."""

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        """No content."""
        return [b"{}"]
