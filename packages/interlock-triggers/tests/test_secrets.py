"""No secret is in the statuses, errors, logs and reprs of a trigger."""

import base64
import io
import json
import logging
import time
import traceback
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from trigger_peers.aws import MACHINE, ROLE, Aws, Rejected
from trigger_peers.contract import KINDS, REMOTE, clients_for, server_for
from trigger_peers.server import Answer, Request
from trigger_peers.web import Airflow

from interlock_triggers import Attempt, Breakers, Clients, TriggerError, check, find, start
from interlock_triggers._call import Call
from interlock_triggers._deadline import Deadline, Timing
from interlock_triggers._http import Reply
from interlock_triggers._jobs import KINDS as ALL_KINDS
from interlock_triggers._jobs._forms import read_form
from interlock_triggers._jobs._http import answered
from interlock_triggers._redactor import Redactor
from interlock_triggers._secrets import names_a_secret

SECRETS = {
    "header": "hdr-7f3a9c-secret",
    "cookie": "ck-55e1-secret",
    "query": "qry-9921-secret",
    "field": "fld-3c3c-secret",
    "nested": "nst-aa10-secret",
    "option": "opt-b0b0-secret",
    "assigned": "asg-c0de-secret",
    "environment": "env-d00d-secret",
    "quoted": 'q"uo\\te-é-secret',
    "scheme": "gnk-1e1e-secret",
    "bearer": "brr-2f2f-secret",
    "word": "wrd-6b6b-secret",
    "login": "lgn-3d3d-secret",
    "user info": "usr-4a4a-secret",
    "key": "key-5b5b-secret",
    "pass": "pss-6c6c-secret",
    "passcode": "psc-7d7d-secret",
    "beside": "bsd-8e8e-secret",
}
PLAIN = {
    "custom": "cst-1a2b c3/d4&e5<f6>",
    "listed": "lst-9d8c-plain",
    "taken": "tkn-7e6f plain/?&",
}
"""Values without the name of a secret: of headers, and from variables of the environment."""

LOGIN_TOKEN = "tok-f00d-secret"
BASIC_PASSWORD = "basic-e1e1-secret"
BASIC = "Basic " + base64.b64encode(f"user:{BASIC_PASSWORD}".encode()).decode()
HEADERS = {
    "Authorization": f"Bearer {SECRETS['header']}",
    "Cookie": SECRETS["cookie"],
    "X-Api-Key": SECRETS["quoted"],
    "X-Authorization": f"GenieKey {SECRETS['scheme']}",
    "X-Custom": PLAIN["custom"],
}
STRUCTURE = {
    "password": SECRETS["field"],
    "list": [{"db_token": SECRETS["nested"]}],
    "table": "orders",
    "pass": SECRETS["pass"],
    "passcode": SECRETS["passcode"],
    "environment": [{"name": "DB_PASSWORD", "value": SECRETS["beside"]}],
    "dataset": PLAIN["taken"],
    "headers": [{"name": "X-Listed", "value": PLAIN["listed"]}],
}
WORDS = (
    f"--password {SECRETS['option']} --api-key={SECRETS['assigned']} "
    f'-H "Authorization: Bearer {SECRETS["bearer"]}" -u etl:{SECRETS["login"]} '
    f"postgres://etl:{SECRETS['user info']}@db/x https://h/y?key={SECRETS['key']} -H 'X-Custom: {PLAIN['listed']}' "
    f"'{PLAIN['taken']}'"
)


def _config(name: str, url: str) -> dict[str, Any]:
    return {
        "http": {
            "url": f"{url}/run?token={SECRETS['query']}&key={SECRETS['key']}&a=1",
            "headers": HEADERS,
            "body": STRUCTURE,
        },
        "airflow-v2": {"url": url, "dagID": "load", "headers": HEADERS | {"Authorization": BASIC}, "body": STRUCTURE},
        "airflow-v1": {"url": url, "dagID": "load", "headers": HEADERS, "body": json.dumps({"conf": STRUCTURE})},
        "databricks": {"workspaceUrl": url, "jobId": 620, "headers": HEADERS, "arguments": STRUCTURE},
        "command": {
            "command": f"sh -c 'echo $INTERLOCK_JOB_KEY >> {url}; echo \"$@\"; exit 3' sh {WORDS} {SECRETS['word']}"
            f" --token '{SECRETS['word']}'"
        },
        "glue": {"jobName": "load", "arguments": {"--password": SECRETS["option"], "--extra": WORDS}},
        "emr": {
            "clusterId": "j-1",
            "stepName": "load",
            "command": f"run {WORDS}",
            "arguments": ["--token", SECRETS["field"], "--header", f"Authorization: Bearer {SECRETS['word']}"],
        },
        "emr-serverless": {
            "applicationId": "app1",
            "executionRoleArn": ROLE,
            "jobDriver": {
                "sparkSubmit": {"entryPoint": "s3://c/l.py", "entryPointArguments": ["--token", SECRETS["option"]]}
            },
        },
        "step-function": {"stateMachineArn": MACHINE, "arguments": STRUCTURE},
        "lambda": {"functionName": "load", "payload": STRUCTURE | {"key": "k-1"}},
    }[name]


def _echo(target: Any) -> None:
    """Make the target repeat its whole request in every answer."""

    def everything(request: Request) -> str:
        return f"{dict(request.headers)} {request.path} {dict(request.query)} {request.body.decode()}"

    original = target.handle

    def handle(request: Request) -> Answer:
        if not target.is_start(request):
            return original(request)
        if isinstance(target, Aws):
            return Rejected("InvalidInputException", everything(request)).answer
        return Answer(400, everything(request).encode())

    target.handle = handle  # type: ignore[method-assign]
    if isinstance(target, Airflow):
        token = Answer(201, json.dumps({"access_token": LOGIN_TOKEN}).encode())
        target._login = lambda document: token  # type: ignore[method-assign]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """The whole log with the fields of each record, without boto3's debug records."""
    text = io.StringIO()

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text.write(f"{record.getMessage()} {record.__dict__}\n")

    handler = Everything()
    root = logging.getLogger()
    root.addHandler(handler)
    levels = {
        name: logging.getLogger(name).level for name in ("", "interlock_triggers", "urllib3", "botocore", "boto3")
    }
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("interlock_triggers", "urllib3"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in ("botocore", "boto3"):
        logging.getLogger(name).setLevel(logging.INFO)
    yield text
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _produced(action: Any) -> str:
    """The result or the error of an action, in every form."""
    try:
        result = action()
        return f"{result!r} {result}"
    except TriggerError as error:
        trace = "".join(traceback.format_exception(error))
        return f"{error!r} {error} {error.args} {vars(error)} {trace}"


def _leaks(text: str) -> list[str]:
    values = [*SECRETS.values(), *PLAIN.values(), BASIC_PASSWORD, BASIC.partition(" ")[2], LOGIN_TOKEN]
    forms = [form for value in values for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1])]
    return [form for form in forms if form in text]


FAULTS = (None, "echo", "500", "throttle", "cut-before", "cut-after", "half", "garbage", "502-after")


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name in KINDS for fault in (FAULTS if name in REMOTE else (None,))]
)
def test_no_result_error_or_log_holds_a_secret(name: str, fault: str | None, logged: io.StringIO) -> None:
    kind = KINDS[name]
    target: Any = kind.target()
    attempt = Attempt("p", "s", "2026-03-03", 0, "k-1")
    resumed = Attempt("p", "s", "2026-03-03", 0, "k-1", resumed=True)
    with server_for(kind, target) as server:
        clients = clients_for(kind, target, server.url, breakers=Breakers(2))
        config = _config(name, server.url)
        if fault == "echo":
            _echo(target)
        else:
            target.fault_starts = target.fault_others = fault
        until = time.time() + 60
        produced = [
            _produced(lambda: start(kind.type, config, attempt, until=until, clients=clients, taken=[PLAIN["taken"]])),
            _produced(lambda: start(kind.type, config, resumed, until=until, clients=clients, taken=[PLAIN["taken"]])),
            _produced(lambda: check(kind.type, config, "77", until=until, clients=clients, taken=[PLAIN["taken"]])),
            _produced(lambda: find(kind.type, config, attempt, until=until, clients=clients, taken=[PLAIN["taken"]])),
            repr(clients),
            repr(vars(clients)),
        ]
        assert target.requests or target.jobs
    assert _leaks(" ".join(produced)) == []
    assert _leaks(logged.getvalue()) == []


def test_the_check_above_would_see_a_leak() -> None:
    assert _leaks(f"Authorization: {HEADERS['Authorization']}") == [SECRETS["header"]] * 3


def test_a_config_that_does_not_fit_shows_no_values() -> None:
    config = {"url": 5, "headers": HEADERS, "body": STRUCTURE}
    text = _produced(lambda: start("http", config, Attempt("p", "s", "2026-03-03", 0, "k"), until=time.time() + 60))
    assert "`$.url`" in text
    assert _leaks(text) == []


@pytest.mark.parametrize("name", KINDS)
def test_the_repr_of_a_config_shows_no_values(name: str) -> None:
    kind = KINDS[name]
    assert _leaks(repr(read_form(ALL_KINDS[kind.type].form, _config(name, "http://x")))) == []


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Authorization", True),
        ("X-Auth-Key", True),
        ("x-api-key", True),
        ("apiKey", True),
        ("API_KEY", True),
        ("password", True),
        ("db_passwd", True),
        ("clientSecret", True),
        ("token", True),
        ("accessToken", True),
        ("Set-Cookie", True),
        ("sig", True),
        ("X-Amz-Signature", True),
        ("aws_secret_access_key", True),
        ("author", False),
        ("Idempotency-Key", False),
        ("idempotency_token", False),
        ("NextToken", False),
        ("table", False),
        ("key", False),
        ("pass", True),
        ("dbPass", True),
        ("db_pass", True),
        ("passcode", True),
        ("compass", False),
        ("bypass", False),
        ("pass_rate", False),
        ("design", False),
        ("Content-Type", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert names_a_secret(name) is secret


@pytest.mark.parametrize(
    ("config", "text", "shown"),
    [
        ({"password": "hunter22"}, "login hunter22 failed", "login *** failed"),
        ({"password": "a b+c/d"}, "q=a%20b%2Bc%2Fd q=a+b%2Bc%2Fd", "q=*** q=***"),
        ({"password": 'x"y\\z'}, '{"p": "x\\"y\\\\z"}', '{"p": "***"}'),
        ({"pin_token": 123456}, "pin 123456", "pin ***"),
        ({"Authorization": "Bearer abc.def"}, "got abc.def", "got ***"),
        ({"Authorization": BASIC}, f"user {BASIC_PASSWORD}", "user ***"),
        ({"command": "run --token 'a b c d'"}, "a b c d", "***"),
        ({"command": "run -password=hunter22 x"}, "hunter22 x", "*** x"),
        ({"command": "run DB_PASSWORD=hunter22 x"}, "hunter22 x", "*** x"),
        ({"body": "user=u&password=hunter%2022"}, "hunter 22", "***"),
        ({"body": '{"a": {"token": "hunter22"}}'}, "hunter22", "***"),
        ({"url": "https://u:hunter22@h/"}, "hunter22", "***"),
        ({"arguments": ["--secret", "hunter22", "orders"]}, "hunter22 orders", "*** orders"),
        ({"secrets": {"a": ["hunter22"], "b": {"c": "hunter33"}}}, "hunter22 hunter33", "*** ***"),
        ({"body": "[" * 5000}, "hunter22", "hunter22"),
        ({"command": 'curl -H "Authorization: Bearer hunter22" x'}, "got hunter22 x", "got *** x"),
        ({"command": "curl -H 'authorization:Splunk hunter22' x"}, "hunter22 x", "*** x"),
        ({"command": "curl --proxy-header X-Auth:abcdefgh x"}, "got abcdefgh", "got ***"),
        ({"command": "psql postgres://etl:hunter22@db/x"}, "hunter22 of etl at db", "*** of etl at db"),
        ({"command": "psql postgres://etl:hunter%2F22@db/x"}, "hunter/22 hunter%2F22", "*** ***"),
        ({"command": "psql postgres://etl:hunter@22@db/x"}, "hunter@22 of etl", "*** of etl"),
        ({"command": "psql postgres://etl:hunter/22@db/x"}, "hunter/22 of etl", "*** of etl"),
        ({"command": "curl https://h/y/z?mail=reader@example.com"}, "h/y/z?mail=reader", "h/y/z?mail=reader"),
        ({"command": "git clone https://ghp_0123456789abcdefgh@h/r"}, "ghp_0123456789abcdefgh", "***"),
        ({"command": "curl -u etl:hunter22 x"}, "hunter22 of etl", "*** of etl"),
        ({"command": "curl --user=etl:hunter22 x"}, "hunter22", "***"),
        ({"command": "curl --user 'etl:hunter 22' x"}, "hunter 22", "***"),
        ({"command": "sort -u file"}, "file", "file"),
        ({"command": "load --password=correct\\ horse x"}, "correct horse", "***"),
        ({"command": "load 'DB_PASSWORD=correct horse'"}, "correct horse", "***"),
        ({"command": "curl https://h/y?key=hunter22&n=1"}, "hunter22", "***"),
        ({"url": "https://h/y?key=hunter22"}, "hunter22", "***"),
        ({"arguments": ["-u", "etl:hunter22"]}, "hunter22", "***"),
        ({"arguments": {"--user": "etl:hunter22"}}, "hunter22", "***"),
        ({"arguments": ["--header", "Authorization: Bearer hunter22"]}, "hunter22", "***"),
        ({"body": [{"name": "DB_PASSWORD", "value": "hunter22"}]}, "hunter22", "***"),
        ({"body": [{"Key": "token", "Value": "hunter22"}]}, "hunter22", "***"),
        ({"body": [{"name": "table", "value": "orders"}]}, "orders", "orders"),
        ({"body": {"pass": "hunter22", "passcode": "hunter33"}}, "hunter22 hunter33", "*** ***"),
        ({"headers": {"Authorization": "GenieKey hunter22"}}, "key hunter22", "key ***"),
        ({"headers": {"Authorization": "Splunk hunter22"}}, "hunter22", "***"),
        ({"password": "abc"}, "abc abcd", "*** abcd"),
        ({"password": "ab"}, "ab", "ab"),
        ({"password": True, "token": None}, "True None", "True None"),
        ({"table": "orders"}, "orders", "orders"),
        ({"password": "longer-one", "token": "longer"}, "longer-one longer", "*** ***"),
    ],
)
def test_masked_texts(config: dict[str, Any], text: str, shown: str) -> None:
    assert Redactor.of(config).scrub(text) == shown


HEADER = {"headers": {"X-Custom": "abc/def?ghi+jkl"}}


@pytest.mark.parametrize(
    ("config", "taken", "text", "shown"),
    [
        (HEADER, [], "X-Custom: abc/def?ghi+jkl", "X-Custom: ***"),
        (HEADER, [], "abc%2Fdef%3Fghi%2Bjkl abc%2fdef%3fghi%2bjkl", "*** ***"),
        (HEADER, [], r'{"x": "abc\/def?ghi+jkl"}', '{"x": "***"}'),
        (HEADER, [], base64.b64encode(b"abc/def?ghi+jkl").decode(), "***"),
        ({"headers": {"X-A": ["one-long-value", "two-long-value"]}}, [], "one-long-value two-long-value", "*** ***"),
        ({"payload": {"httpHeaders": {"X-A": "one-long-value"}}}, [], "one-long-value", "***"),
        ({"headers": ["X-A: one-long-value"]}, [], "one-long-value", "***"),
        ({"command": "curl -H 'X-A: one-long-value' x"}, [], "got one-long-value x", "got *** x"),
        ({"arguments": ["--header", "X-A: one-long-value"]}, [], "one-long-value", "***"),
        ({"headers": {"X-Env": "prod"}}, [], "the product prod is in prod.", "the product *** is in ***."),
        (
            {"headers": {"Content-Type": "application/xml", "Accept": "text/x-own-type"}},
            [],
            "text/x-own-type",
            "text/x-own-type",
        ),
        (
            {"headers": {"X-A": "POST", "X-B": True, "X-C": 30, "X-D": "abc"}},
            [],
            "POST True 30 abc",
            "POST True 30 ***",
        ),
        (
            {"headers": {"X-A": "application/json; charset=utf-8"}},
            [],
            "application/json; charset=utf-8",
            "application/json; charset=utf-8",
        ),
        (
            {"headers": {"X-Date": "2026-03-03T07", "X-Day": "20260303"}},
            [],
            "2026-03-03T07 20260303",
            "*** ***",
        ),
        ({"headers": {"X-Number": 123456}}, [], "123456", "***"),
        ({}, ["plain-value"], "a plain-value b", "a *** b"),
        ({}, ["x"], "x marks it", "x marks it"),
        ({}, ["true", "12345"], "true 12345 123456", "true *** 123456"),
        ({}, ["81726"], "pin 81726", "pin ***"),
        ({"headers": {"X-Pin": "48213", "X-Custom": 20481234}}, [], "48213 20481234", "*** ***"),
        ({"headers": {"X-Short": "a7!"}}, [], '{"x": "a7!"} a7%21 ba7!', '{"x": "***"} *** ba7!'),
        ({"headers": {"X-Api-Key": "k9z"}}, [], "k9z k9zz", "*** k9zz"),
        ({"headers": {"X-A": "42"}}, ["b7"], "42 b7", "42 b7"),
        ({}, ["https://h/services/T0/B0/xyz"], "no /services/T0/B0/xyz at h", "no *** at h"),
        (
            {"url": "https://files.example/x"},
            ["files.example"],
            "files.example:443 answered 500",
            "files.example:443 answered 500",
        ),
        ({}, ['{"region": "eu-central-9"}'], "not in eu-central-9", "not in ***"),
        ({}, ["-----BEGIN KEY-----\nabcdefghijkl\n"], "line abcdefghijkl", "line ***"),
        ({}, ["lower  case\nvalue"], "got lower case value", "got ***"),
    ],
)
def test_masked_headers_and_taken_values(config: dict[str, Any], taken: list[str], text: str, shown: str) -> None:
    assert Redactor.of(config, taken).scrub(text) == shown


def test_a_status_stays_readable_before_a_masked_body() -> None:
    config = {"headers": {"X-Pin": "503", "X-Port": "8443", "X-Word": "job"}}
    call: Call[Any] = Call("http", None, Deadline(0, Timing()), Clients(), Redactor.of(config))
    body = b"pin 503, port 8443, word job"
    message = answered(call, "h:8443", cast("Reply", SimpleNamespace(status=503, answer=SimpleNamespace(body=body))))
    error = call.unconfirmed(message)
    assert error.message.startswith("h:8443 answered 503: pin ***, port ***, word ***; the job may have been started")


def test_values_of_the_run_stay_visible() -> None:
    config = {"headers": {"X-Pipeline": "bronze-orders", "X-Custom": "other-value"}}
    redactor = Redactor.of(config, (), ["bronze-orders"])
    assert redactor.scrub("bronze-orders other-value") == "bronze-orders ***"


@pytest.mark.parametrize(
    "piece",
    [
        *("y", "password=", '"', "-", "--a ", "a=", "{", "token:", "://", "://a:", "a: b ", "@", "://@", "://a@"),
        *("-u ", "?key=", "&code=a", "Authorization: a ", "-H a:"),
    ],
)
def test_long_texts_are_searched_in_one_pass(piece: str) -> None:
    """Eight times the text costs about eight times the CPU time. A search that starts again costs 64 times as much."""

    def cost(length: int, rounds: int) -> float:
        text = piece * (length // len(piece))
        costs = []
        for _ in range(rounds):
            begun = time.thread_time()
            Redactor.of({"payload": text})
            costs.append(time.thread_time() - begun)
        return min(costs)

    assert cost(64_000, 2) < 24 * cost(8_000, 5)


def test_clients_do_not_show_their_settings() -> None:
    clients = Clients(environment={"INTERLOCK_TOKEN": SECRETS["environment"]})
    clients.tokens.put("http://x", BASIC, SECRETS["header"])
    assert _leaks(f"{clients!r} {clients.tokens!r} {clients.caller!r} {clients.aws!r}") == []
