"""A real Airflow 3 through the package's public functions: the start, the number of starts, and the end of runs."""

import base64
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from airflow_site import DAG_ID, Site
from losing_proxy import Fate, LosingProxy, Passage

from interlock_triggers import (
    Attempt,
    Category,
    CheckFailed,
    Clients,
    Started,
    StartRejected,
    StartUnconfirmed,
    State,
    Status,
    Timing,
    check,
    find,
    start,
)

PATIENCE_SECONDS = 180.0
Decide = Callable[[Passage, list[Passage]], Fate]


class Job:
    """One attempt's DAG run, started and followed as a pipeline's job is."""

    def __init__(self, site: Site, url: str, **more: Any) -> None:
        self.key = more.pop("key", f"key-{uuid.uuid4().hex}")
        self.clients = Clients(allowed_hosts="127.0.0.1", environment={})
        user = more.pop("user", "interlock")
        password = more.pop("password", site.users[user])
        self.config: dict[str, Any] = {
            "url": url,
            "dagID": DAG_ID,
            "headers": {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"},
        } | more

    def start(self, *, resumed: bool = False) -> Started:
        attempt = Attempt("bronze", "stream", "2026-03-03T07", 0, self.key, resumed)
        return start("airflow", self.config, attempt, until=time.time() + 60, clients=self.clients)

    def check(self, started: Started | str) -> Status:
        return check("airflow", self.config, started, until=time.time() + 60, clients=self.clients)

    def find(self) -> Started | None:
        attempt = Attempt("bronze", "stream", "2026-03-03T07", 0, self.key)
        return find("airflow", self.config, attempt, until=time.time() + 60, clients=self.clients)

    def followed(self, started: Started | str) -> Status:
        """The status at the end."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            status = self.check(started)
            if status.state is not State.RUNNING:
                return status
            time.sleep(0.5)
        raise AssertionError("the DAG run did not end")


@pytest.fixture
def through(site: Site) -> Iterator[Callable[[Decide], LosingProxy]]:
    """A proxy in front of Airflow."""
    with ExitStack() as proxies:
        yield lambda decide: proxies.enter_context(LosingProxy(site.port, decide))


def lose_first_answer(passage: Passage, before: list[Passage]) -> Fate:
    first = passage.is_start and not any(each.is_start for each in before)
    return Fate.ANSWER_LOST if first else Fate.PASSED_ON


def lose_first_request(passage: Passage, before: list[Passage]) -> Fate:
    fate = lose_first_answer(passage, before)
    return Fate.REQUEST_LOST if fate is Fate.ANSWER_LOST else fate


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("decide", [lose_first_answer, lose_first_request])
def test_run_starts_once_and_is_followed_after_failed_try(
    site: Site, through: Callable[[Decide], LosingProxy], decide: Decide, fails: bool
) -> None:
    proxy = through(decide)
    # A held run cannot end before the first check, also if its start is slow.
    job = Job(site, proxy.url, body={"conf": {"fail": fails, "held": True}})
    before = site.dag_run_ids()
    assert job.find() is None
    started = job.start()
    assert started.run_id == job.key
    assert [passage.fate for passage in proxy.passages if passage.is_start] == [decide(_A_START, []), Fate.PASSED_ON]
    assert proxy.accepted == 1
    assert site.dag_run_ids().count(job.key) == 1
    assert job.check(started).state is State.RUNNING
    site.release(job.key)
    status = job.followed(started)
    assert status.state is (State.FAILED if fails else State.SUCCEEDED)
    assert status.category is (Category.TRANSIENT if fails else None)
    assert status.duration is not None
    assert len(site.dag_run_ids()) == len(before) + 1
    assert site.ran().count(job.key) == 1
    run = site.ask(f"/dags/{DAG_ID}/dagRuns/{job.key}")
    assert run["logical_date"] is None
    given = {"fail": fails, "held": True}
    assert run["conf"] == {"date": "2026-03-03T07", "par_day": "20260303", "par_hour": "07", **given}


_A_START = Passage("POST /api/v2/dags/x/dagRuns HTTP/1.1", Fate.PASSED_ON, "")


def test_next_invocation_adopts_interrupted_attempt(site: Site, through: Callable[[Decide], LosingProxy]) -> None:
    """From the start request on, no answer arrives, as if the caller's network or process is gone."""
    cut_off = [True]

    def decide(passage: Passage, before: list[Passage]) -> Fate:
        gone = cut_off[0] and (passage.is_start or any(each.is_start for each in before))
        return Fate.ANSWER_LOST if gone else Fate.PASSED_ON

    proxy = through(decide)
    job = Job(site, proxy.url, body={"conf": {"fail": False}})
    with pytest.raises(StartUnconfirmed):
        job.start()
    assert proxy.accepted == 1
    cut_off[0] = False
    heir = Job(site, proxy.url, body={"conf": {"fail": False}}, key=job.key)
    found = heir.find()
    assert found is not None
    assert found.run_id == job.key
    started = heir.start(resumed=True)
    assert started.run_id == job.key
    assert heir.followed(started).state is State.SUCCEEDED
    assert heir.start(resumed=True) == started
    assert heir.check(job.key).state is State.SUCCEEDED
    assert proxy.accepted == 1
    assert site.dag_run_ids().count(job.key) == 1
    assert site.ran().count(job.key) == 1


def test_simultaneous_starts_of_one_attempt_are_one_run(site: Site) -> None:
    job = Job(site, site.url)
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: job.start(), range(4)))
    assert {each.run_id for each in started} == {job.key}
    assert site.dag_run_ids().count(job.key) == 1
    assert job.followed(job.key).state is State.SUCCEEDED
    assert site.ran().count(job.key) == 1


@pytest.mark.parametrize("path", ["", "/", "/api/v2", "/api/v2/"])
def test_url_with_or_without_api_path(site: Site, path: str) -> None:
    job = Job(site, site.url + path)
    started = job.start()
    assert started.details == {"api": "v2"}
    assert job.check(started).state in (State.RUNNING, State.SUCCEEDED)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"password": "wrong-password-4711"}, 401),
        ({"headers": {"Authorization": "Bearer no.such.token-4711"}}, 403),
        ({"headers": {}}, 401),
        ({"user": "reader"}, 403),
        ({"dagID": "no_such_dag"}, 404),
        ({"body": {"conf": {}, "data_interval_start": "soon"}}, 422),
    ],
)
def test_rejection_by_airflow_is_permanent_rejection(site: Site, change: dict[str, Any], status: int) -> None:
    before = site.dag_run_ids()
    job = Job(site, site.url, **change)
    with pytest.raises(StartRejected) as rejected:
        job.start()
    assert rejected.value.category is Category.PERMANENT
    assert f"answered {status}" in str(rejected.value)
    assert "4711" not in f"{rejected.value!r} {rejected.value}"
    assert site.dag_run_ids() == before


@pytest.mark.parametrize(
    ("change", "status"), [({"password": "wrong-password-4711"}, 401), ({"dagID": "no_such_dag"}, 404), ({}, 404)]
)
def test_unavailable_status_is_check_failure(site: Site, change: dict[str, Any], status: int) -> None:
    job = Job(site, site.url, **change)
    with pytest.raises(CheckFailed) as failed:
        job.check("no-such-run")
    assert failed.value.category is Category.PERMANENT
    assert f"answered {status}" in str(failed.value)
    assert "4711" not in str(failed.value)


def test_user_with_read_access_can_follow_run(site: Site) -> None:
    job = Job(site, site.url)
    started = job.start()
    reader = Job(site, site.url, user="reader")
    assert reader.followed(started).state is State.SUCCEEDED


def test_configured_token_is_used_unchanged(site: Site) -> None:
    job = Job(site, site.url, headers={"authorization": f"Bearer {site.token('interlock')}"})
    assert job.check(job.start()).state in (State.RUNNING, State.SUCCEEDED)


def test_rejected_token_is_renewed(site: Site) -> None:
    job = Job(site, site.url)
    header = job.config["headers"]["Authorization"]
    job.clients.tokens.put(site.url, header, "a.stale.token")
    started = job.start()
    assert job.clients.tokens.get(site.url, header) not in (None, "a.stale.token")
    job.clients.tokens.put(site.url, header, "a.stale.token")
    assert job.check(started).state in (State.RUNNING, State.SUCCEEDED)


def test_unavailable_airflow_is_transient_rejection(site: Site, through: Callable[[Decide], LosingProxy]) -> None:
    proxy = through(lambda passage, before: Fate.REQUEST_LOST)
    job = Job(site, proxy.url)
    job.clients = Clients(allowed_hosts="127.0.0.1", environment={}, timing=Timing(sleep=lambda seconds: None))
    with pytest.raises(StartRejected) as rejected:
        job.start()
    assert rejected.value.category is Category.TRANSIENT
    assert not any(passage.is_start for passage in proxy.passages)
