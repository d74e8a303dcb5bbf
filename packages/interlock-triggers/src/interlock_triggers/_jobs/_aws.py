"""The meaning of AWS errors: whether the request may have been accepted, and whether it may be sent again."""

from collections.abc import Callable, Mapping
from typing import Any

from interlock_triggers._aws_clients import Boto3Missing, NoTime
from interlock_triggers._call import Call
from interlock_triggers._errors import MissingExtra, TriggerError
from interlock_triggers._types import Attempt, Category

_BUSY = frozenset(
    (
        "ConcurrentRunsExceededException",
        "EC2ThrottledException",
        "ExecutionLimitExceeded",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "InternalServiceException",
        "LimitExceededException",
        "OperationTimeoutException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceNumberLimitExceededException",
        "ServiceQuotaExceededException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    )
)
"""Temporary rejections."""
_CREDENTIALS = frozenset(
    (
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )
)
"""Rejections of the caller, not of the request. The request may have been accepted earlier."""
_GONE = frozenset(("EntityNotFoundException", "ExecutionDoesNotExist", "ResourceNotFoundException"))
"""Answers to a question about a job that the service does not know, or no longer knows."""
_EXPIRED = frozenset(("ExpiredToken", "ExpiredTokenException", "RequestExpired"))
_GATEWAY_LOST_IT = (502, 504)


class AwsTrouble(Exception):
    """A call failed. `maybe`: the call may have been accepted. `code` is AWS's error code, empty without an answer."""

    def __init__(self, reason: str, category: Category, *, maybe: bool, code: str = "", status: int = 0) -> None:
        super().__init__(reason)
        self.category = category
        self.maybe = maybe
        self.code = code
        self.status = status

    @property
    def about_the_caller(self) -> bool:
        """Whether the caller was rejected, not the request."""
        return self.code in _CREDENTIALS

    @property
    def about_a_job_that_is_gone(self) -> bool:
        """Whether the job does not exist. EMR has no error code for this case."""
        return self.code in _GONE or (self.code == "InvalidRequestException" and "is not valid" in str(self))


def ask(
    call: Call[Any],
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    *,
    region: str | None = None,
    retries: bool = False,
    longest: int = 20,
    read: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> Mapping[str, Any]:
    """Make one AWS call. Raises AwsTrouble, or MissingExtra without boto3.

    `retries` is for calls that only read. `read` reads the rest of a streamed answer here, so that a connection that
    breaks meanwhile counts as a lost answer.
    """
    client = _client(call, service, region=region, retries=retries, longest=longest)
    try:
        return read(getattr(client, operation)(**parameters))
    except Exception as error:  # noqa: BLE001 (boto3's errors have no common base, and its import is optional)
        raise _translated(error) from None


def _client(call: Call[Any], service: str, **wishes: Any) -> Any:
    try:
        return call.clients.aws.get(service, call.deadline, **wishes)
    except Boto3Missing:
        sentence = 'needs boto3; install it with: pip install "interlock-triggers[aws]"'
        raise MissingExtra(Category.PERMANENT, sentence, call.type) from None
    except NoTime:
        raise AwsTrouble("no time left", Category.TRANSIENT, maybe=False) from None
    except Exception as error:  # noqa: BLE001 (as above: no region, an unknown profile, an invalid endpoint)
        reason = f"the client cannot be made ({type(error).__name__}: {error})"
        raise AwsTrouble(reason, Category.PERMANENT, maybe=False) from None


def _translated(error: Exception) -> AwsTrouble:
    """The meaning of an error of a call. An error outside of boto3 comes from a malformed answer."""
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("botocore")}
    if "ClientError" in kinds:
        return _answered(getattr(error, "response", {}))
    name = type(error).__name__
    if kinds & {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}:
        return AwsTrouble(f"cannot connect ({name})", Category.TRANSIENT, maybe=False)
    if kinds & {"ReadTimeoutError", "HTTPClientError", "ConnectionError", "ResponseParserError", "SSLError"}:
        late = "ReadTimeoutError" in kinds
        return AwsTrouble(
            "no answer in time" if late else f"the answer was lost ({name})",
            Category.TIMEOUT if late else Category.TRANSIENT,
            maybe=True,
        )
    if kinds & {"CredentialRetrievalError", "MetadataRetrievalError", "TokenRetrievalError"}:
        return AwsTrouble(f"credentials cannot be read ({name})", Category.TRANSIENT, maybe=False)
    if "ParamValidationError" in kinds:
        # The error's text repeats the values.
        return AwsTrouble("a parameter is missing or of the wrong type", Category.PERMANENT, maybe=False)
    if "BotoCoreError" in kinds:
        return AwsTrouble(f"{name}: {error}", Category.PERMANENT, maybe=False)
    return AwsTrouble(f"the answer cannot be read ({name})", Category.TRANSIENT, maybe=True)


def _answered(response: Mapping[str, Any]) -> AwsTrouble:
    error = response.get("Error", {})
    code = str(error.get("Code", "")).rpartition("#")[2]
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    reason = f"{code or status}: {error.get('Message', '')}"
    busy = code in _BUSY or code in _EXPIRED or status >= 500 or status == 429
    category = Category.TRANSIENT if busy else Category.PERMANENT
    return AwsTrouble(reason, category, maybe=status in _GATEWAY_LOST_IT, code=code, status=status)


def start_error(call: Call[Any], attempt: Attempt, trouble: AwsTrouble) -> TriggerError:
    """The error for a start at a target that deduplicates by the attempt's key."""
    if trouble.maybe:
        return call.unconfirmed(call.clean(str(trouble)), trouble.category)
    open_before = trouble.category is not Category.PERMANENT or trouble.about_the_caller
    if attempt.resumed and open_before:
        return call.unconfirmed(call.clean(str(trouble)), trouble.category)
    return call.rejected(trouble.category, call.clean(str(trouble)))


def check_error(call: Call[Any], trouble: AwsTrouble) -> TriggerError:
    """The error for a status that could not be read."""
    if trouble.about_a_job_that_is_gone:
        return call.gone(call.clean(str(trouble)))
    return call.unreadable(call.clean(str(trouble)), trouble.category)


def text_of(response: Mapping[str, Any], *path: str) -> str:
    """A text at a path of an answer. Raises AwsTrouble without a text there."""
    value: Any = response
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value:
        raise AwsTrouble(f"the answer lacks {'.'.join(path)}", Category.TRANSIENT, maybe=True)
    return value


def seconds_between(begin: Any, end: Any) -> float | None:
    """The seconds between two datetimes of an answer, if it has both."""
    try:
        return float((end - begin).total_seconds())
    except (AttributeError, TypeError):
        return None
