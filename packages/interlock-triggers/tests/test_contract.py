"""One suite for the job types that have a peer: start once, follow to the end, report certain and uncertain results."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from trigger_peers.aws import Rejected
from trigger_peers.contract import (
    KINDS,
    ONCE_ONLY,
    POLLED,
    REMOTE,
    Kind,
    clients_for,
    clients_in_process,
    server_for,
)
from trigger_peers.server import Answer

from interlock_triggers import (
    Attempt,
    Category,
    CheckFailed,
    Clients,
    JobGone,
    OutcomeUnknown,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    TriggerError,
    capability,
    check,
    find,
    start,
)

ATTEMPT = Attempt("bronze-orders", "stream", "2026-03-03T07", 0, "k-1")
RESUMED = Attempt("bronze-orders", "stream", "2026-03-03T07", 0, "k-1", resumed=True)


class Setting(NamedTuple):
    kind: Kind
    target: Any
    config: dict[str, Any]
    wrong: dict[str, Any]
    clients: Clients

    def start(self, attempt: Attempt = ATTEMPT, seconds: float = 60.0, **more: Any) -> Started:
        config = more.pop("config", self.config)
        return start(self.kind.type, config, attempt, until=time.time() + seconds, clients=self.clients)

    def check(self, started: Started | str, seconds: float = 60.0) -> Any:
        return check(self.kind.type, self.config, started, until=time.time() + seconds, clients=self.clients)


def _setting(name: str) -> Iterator[Setting]:
    kind = KINDS[name]
    target = kind.target()
    with server_for(kind, target) as server:
        clients = clients_for(kind, target, server.url)
        yield Setting(kind, target, kind.config(server.url), kind.wrong(server.url), clients)


def _offline(setting: Setting) -> Setting:
    return setting._replace(clients=clients_in_process(setting.kind, setting.target, ""))


@pytest.fixture(params=KINDS)
def any_type(request: pytest.FixtureRequest) -> Iterator[Setting]:
    yield from _setting(request.param)


@pytest.fixture(params=REMOTE)
def remote(request: pytest.FixtureRequest) -> Iterator[Setting]:
    yield from _setting(request.param)


@pytest.fixture(params=ONCE_ONLY)
def once_only(request: pytest.FixtureRequest) -> Iterator[Setting]:
    yield from _setting(request.param)


@pytest.fixture(params=POLLED)
def polled(request: pytest.FixtureRequest) -> Iterator[Setting]:
    yield from _setting(request.param)


def test_a_start_gives_the_target_one_job_that_carries_the_key(any_type: Setting) -> None:
    started = any_type.start()
    assert any_type.target.jobs == ["k-1"]
    assert started.type == any_type.kind.type
    if capability(any_type.kind.type).synchronous:
        assert started.run_id == "sync"
        assert started.status is not None
        assert started.status.state is State.SUCCEEDED
        assert any_type.check(started) == started.status
    else:
        assert started.status is None
        assert any_type.check(started).state is State.RUNNING
        assert any_type.check(started.run_id) == any_type.check(started)


def test_every_state_of_the_provider_is_understood(polled: Setting) -> None:
    started = polled.start()
    for expected in polled.kind.states:
        expected.put(polled.target)
        status = polled.check(started)
        assert (status.state, status.category) == (expected.state, expected.category)
        if status.state is State.FAILED:
            assert status.reason
        if status.state is not State.RUNNING:
            assert status.duration == 90


def test_an_unknown_state_is_neither_success_nor_failure(polled: Setting) -> None:
    started = polled.start()
    polled.target.put_state("MELTED")
    with pytest.raises(CheckFailed, match=r"reports an unknown state: MELTED$"):
        polled.check(started)


def test_a_permanent_rejection_starts_no_job_and_is_reported(any_type: Setting) -> None:
    if any_type.kind.type == "http":
        assert any_type.kind.reject is not None
        any_type.kind.reject(any_type.target)
    with pytest.raises(StartRejected) as rejected:
        any_type.start(config=any_type.wrong)
    assert rejected.value.category is Category.PERMANENT
    assert rejected.value.job_type == any_type.kind.type
    assert any_type.target.jobs == []


@pytest.mark.parametrize("fault", ["503", "throttle", "throttle-wait"])
def test_a_transient_rejection_may_be_tried_again(remote: Setting, fault: str) -> None:
    remote.target.fault_starts = fault
    with pytest.raises(StartRejected) as rejected:
        remote.start()
    assert rejected.value.category is Category.TRANSIENT
    assert remote.target.jobs == []
    remote.target.fault_starts = None
    remote.start()
    assert remote.target.jobs == ["k-1"]


@pytest.mark.parametrize("fault", ["cut-after", "half", "garbage", "502-after", "504-after"])
def test_after_a_lost_answer_the_next_attempt_finds_the_job(remote: Setting, fault: str) -> None:
    once_only = remote.kind.type in ONCE_ONLY
    remote.target.fault_starts = fault
    seen: TriggerError | None = None
    try:
        remote.start()
    except TriggerError as error:
        seen = error
    remote.target.fault_starts = None
    assert not isinstance(seen, StartRejected)
    if isinstance(seen, StartUnconfirmed):
        assert str(seen).endswith("; the job may have been started: send the same start again to find out")
    # The headers of an invocation carry its result, so that a corrupted body loses nothing.
    assert isinstance(seen, OutcomeUnknown) == (once_only and fault not in ("garbage", "half"))
    if once_only:
        with pytest.raises(OutcomeUnknown):
            remote.start(RESUMED)
    else:
        again = remote.start(RESUMED)
        assert again.type == remote.kind.type
    assert remote.target.jobs == ["k-1"]


def test_a_possible_start_is_not_repeated_without_a_way_to_ask(once_only: Setting) -> None:
    once_only.start()
    with pytest.raises(OutcomeUnknown):
        once_only.start(RESUMED)
    assert once_only.target.jobs == ["k-1"]


def test_a_start_that_never_arrived_is_made_by_the_next_attempt(remote: Setting) -> None:
    remote.target.fault_starts = "cut-before"
    with pytest.raises((StartUnconfirmed, OutcomeUnknown)):
        remote.start()
    remote.target.fault_starts = None
    if remote.kind.type in ONCE_ONLY:
        return
    remote.start(RESUMED)
    assert remote.target.jobs == ["k-1"]


def test_a_resumed_start_rejected_for_now_stays_unconfirmed(remote: Setting) -> None:
    if remote.kind.type in ONCE_ONLY:
        pytest.skip("is never sent again")
    remote.start()
    remote.target.fault_starts = "503"
    try:
        remote.start(RESUMED)
    except TriggerError as error:
        assert isinstance(error, StartUnconfirmed)  # noqa: PT017 (a found start is also right)
    assert remote.target.jobs == ["k-1"]


def test_a_call_without_an_answer_ends_at_the_deadline(remote: Setting) -> None:
    remote.target.fault_starts = remote.target.fault_others = "hang-before"
    # boto3's timeouts are whole seconds, so that one AWS type on the wire is enough.
    setting = remote if remote.kind.type in ("http", "airflow", "databricks", "lambda") else _offline(remote)
    with pytest.raises(TriggerError) as error:
        setting.start(seconds=1.1 if remote.kind.aws else 0.4)
    assert not setting.target.outlasted
    assert not isinstance(error.value, StartRejected) or error.value.category is Category.TRANSIENT


def test_no_time_left_means_that_nothing_is_sent(any_type: Setting) -> None:
    with pytest.raises(StartRejected) as rejected:
        any_type.start(seconds=-1)
    assert rejected.value.category is Category.TRANSIENT
    assert any_type.target.requests == []


@pytest.mark.parametrize("fault", ["503", "throttle", "cut-before", "cut-after", "garbage", "half"])
def test_an_unreadable_status_leaves_the_job_unchanged(polled: Setting, fault: str) -> None:
    started = polled.start()
    polled.target.fault_others = fault
    with pytest.raises(CheckFailed) as failed:
        polled.check(started)
    assert failed.value.category is not Category.PERMANENT
    polled.target.fault_others = None
    assert polled.check(started).state is State.RUNNING


def test_an_unknown_run_is_a_permanent_check_failure(polled: Setting) -> None:
    polled.start()
    unknown = {"databricks": "77"}.get(polled.kind.type, "unknown")
    with pytest.raises(JobGone) as gone:
        polled.check(unknown)
    assert isinstance(gone.value, CheckFailed)
    assert gone.value.category is Category.PERMANENT


def test_a_job_without_permission_to_ask_is_not_gone(polled: Setting) -> None:
    started = polled.start()
    if polled.kind.aws:
        polled.target.handle = lambda request: Rejected("AccessDeniedException", "not authorized", 403).answer
    else:
        polled.target.handle = lambda request: Answer(403, b'{"detail": "Forbidden"}')
    with pytest.raises(CheckFailed) as failed:
        polled.check(started)
    assert not isinstance(failed.value, JobGone)
    assert failed.value.category is Category.PERMANENT


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("name", ["airflow-v2", "airflow-v1", "databricks"])
def test_only_an_answer_of_the_api_makes_a_job_gone(name: str, status: int) -> None:
    """A page of a proxy does not know whether a job exists."""
    for setting in _setting(name):
        started = setting.start()
        setting.target.handle = lambda request: Answer(status, b"<h1>not here</h1>")
        with pytest.raises(CheckFailed) as failed:
            setting.check(started)
        assert not isinstance(failed.value, JobGone)
        setting.target.handle = lambda request: Answer(status, b'{"detail": "no such run"}')
        with pytest.raises(JobGone):
            setting.check(started)


def test_findable_types_find_the_job_by_its_key(polled: Setting) -> None:
    until = time.time() + 60
    if not capability(polled.kind.type).findable:
        with pytest.raises(CheckFailed):
            find(polled.kind.type, polled.config, ATTEMPT, until=until, clients=polled.clients)
        return
    assert find(polled.kind.type, polled.config, ATTEMPT, until=until, clients=polled.clients) is None
    started = polled.start()
    found = find(polled.kind.type, polled.config, ATTEMPT, until=until, clients=polled.clients)
    assert found is not None
    assert found.run_id == started.run_id
    other = Attempt("bronze-orders", "stream", "2026-03-03T07", 1, "k-2")
    assert find(polled.kind.type, polled.config, other, until=until, clients=polled.clients) is None


def test_two_attempts_are_two_jobs(any_type: Setting) -> None:
    if any_type.kind.type == "lambda":
        pytest.skip("the payload carries the key here")
    any_type.start()
    any_type.start(Attempt("bronze-orders", "stream", "2026-03-03T07", 1, "k-2"))
    assert any_type.target.jobs == ["k-1", "k-2"]


def test_a_far_deadline_is_no_trouble(any_type: Setting) -> None:
    any_type.start(seconds=1e12)
    assert any_type.target.jobs == ["k-1"]


@pytest.mark.parametrize("value", [{1, 2}, object(), float("nan"), b"bytes"])
def test_a_value_that_json_cannot_hold_is_rejected(any_type: Setting, value: object) -> None:
    key = {
        "http": "body",
        "airflow": "body",
        "step-function": "arguments",
        "databricks": "arguments",
        "lambda": "payload",
    }.get(any_type.kind.type)
    if key is None:
        pytest.skip("sends no JSON of its own")
    given = {"queue": value} if any_type.kind.type == "databricks" else {"x": value}
    with pytest.raises(StartRejected) as rejected:
        any_type.start(config=any_type.config | {key: given})
    assert rejected.value.category is Category.PERMANENT
    assert any_type.target.starts == []


def test_a_config_that_is_nested_without_end_is_rejected() -> None:
    nested: dict[str, Any] = {}
    for _ in range(5000):
        nested = {"x": nested}
    with pytest.raises(StartRejected) as rejected:
        start("http", {"url": "http://127.0.0.1/", "body": nested}, ATTEMPT, until=time.time() + 60)
    assert rejected.value.category is Category.PERMANENT


@pytest.mark.parametrize("config", [None, [], "url", 5, {1: 2}])
def test_an_invalid_config_is_rejected_in_one_sentence(any_type: Setting, config: Any) -> None:
    until, clients = time.time() + 60, any_type.clients
    with pytest.raises(StartRejected) as rejected:
        start(any_type.kind.type, config, ATTEMPT, until=until, clients=clients)
    assert rejected.value.category is Category.PERMANENT
    with pytest.raises(CheckFailed):
        check(any_type.kind.type, config, "run-1", until=until, clients=clients)


def test_half_a_character_is_rejected_with_its_key(any_type: Setting) -> None:
    """Lone surrogates come from JSON escapes, and no encoding can hold them."""
    name, value = next((key, value) for key, value in any_type.config.items() if isinstance(value, str))
    with pytest.raises(StartRejected) as rejected:
        any_type.start(config=any_type.config | {name: value + "\ud800"})
    assert rejected.value.category is Category.PERMANENT
    assert str(rejected.value).startswith(f"{any_type.kind.type}: {name} holds half a character")
    assert any_type.target.requests == []


@pytest.mark.parametrize(
    ("job_type", "key", "value"),
    [
        ("http", "body", "text \udc00"),
        ("http", "body", {"deep": ["\ud800"]}),
        ("http", "body", {"\ud800": 1}),
        ("lambda", "payload", '"\ud800"'),
    ],
)
def test_half_a_character_in_a_body_does_not_crash(job_type: str, key: str, value: Any) -> None:
    for setting in _setting(job_type):
        with pytest.raises(StartRejected, match=f"{key} holds half a character"):
            setting.start(config=setting.config | {key: value})
        assert setting.target.requests == []


@pytest.mark.parametrize("job_type", ["nope", "", "HTTP", None, [], {}, 5])
def test_an_unknown_type_is_named_with_the_known_types(job_type: Any) -> None:
    until = time.time() + 60
    for error, question in (
        (StartRejected, lambda: start(job_type, {}, ATTEMPT, until=until)),
        (StartRejected, lambda: capability(job_type)),
        (CheckFailed, lambda: check(job_type, {}, "run-1", until=until)),
        (CheckFailed, lambda: find(job_type, {}, ATTEMPT, until=until)),
    ):
        with pytest.raises(error) as raised:
            question()
        assert str(raised.value).startswith(f"unknown job type {job_type!r}; known are http, command, ")


@pytest.mark.parametrize(
    "date", ["", None, 5, "2026-13-45", "2026-02-30", "2026-03-03T24", "2026-03-03T99", "2026-03-03T7", "٢٠٢٦-03-03"]
)
def test_an_attempt_rejects_an_invalid_date(date: Any) -> None:
    with pytest.raises(ValueError, match="date must be a day or an hour"):
        Attempt("p", "s", date, 0, "k")


@pytest.mark.parametrize("key", ["", None, "a b", "k" * 65, "k\n"])
def test_an_attempt_rejects_an_invalid_key(key: Any) -> None:
    with pytest.raises(ValueError, match="key must be 1 to 64"):
        Attempt("p", "s", "2026-03-03", 0, key)


@pytest.mark.parametrize("question", [check, find])
def test_a_check_with_a_wrong_config_is_a_failed_check(question: Any) -> None:
    """StartRejected would report a start, but no start was made."""
    about: Any = "run-1" if question is check else ATTEMPT
    with pytest.raises(CheckFailed) as failed:
        question("step-function", {"stateMachineArn": "no-arn"}, about, until=time.time() + 60)
    assert failed.value.category is Category.PERMANENT


def test_the_error_of_a_config_names_the_key_and_no_value(any_type: Setting) -> None:
    with pytest.raises(StartRejected) as rejected:
        any_type.start(config=any_type.config | {"tabel": "hidden-value"})
    assert rejected.value.category is Category.PERMANENT
    assert "tabel" in str(rejected.value)
    assert "hidden-value" not in str(rejected.value)
    assert any_type.target.requests == []
