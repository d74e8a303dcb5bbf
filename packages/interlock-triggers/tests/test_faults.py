"""Random faults around every call: no attempt ever starts two jobs, and no accepted job is lost.

The driver keeps the rules for callers of `start`: it records its intent first, drops it after a rejection, and
otherwise calls again with `resumed=True`. `--starts 1000` runs the full number, `--seed` replays a run.
"""

import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from trigger_peers.aws import Aws, in_process
from trigger_peers.contract import KINDS, ONCE_ONLY, PATIENT, REMOTE
from trigger_peers.server import FAULTS_AFTER, FAULTS_BEFORE, REJECTIONS, Request, Server, Target

from interlock_triggers import (
    Attempt,
    Breakers,
    Category,
    Clients,
    OutcomeUnknown,
    Started,
    StartRejected,
    StartUnconfirmed,
    start,
)

FAULT_RATE = 0.35
CRASH_RATE = 0.08
PERMANENT_RATE = 0.03
TURNS = 8


class Crash(BaseException):
    """The process of the caller ends here."""


class Settled(NamedTuple):
    key: str
    started: Started | None
    unknown: bool = False
    rejected: bool = False
    open: bool = False


class Faults:
    """Chooses the faults, and no faults after the storm."""

    def __init__(self, dice: random.Random, kinds: tuple[str, ...]) -> None:
        self.dice = dice
        self.kinds = kinds
        self.on = True

    def choose(self, request: Request, is_start: bool) -> str | None:
        return self.dice.choice(self.kinds) if self.on and self.dice.random() < FAULT_RATE else None

    def crash(self) -> None:
        if self.on and self.dice.random() < CRASH_RATE:
            raise Crash

    def dial(self, address: tuple[Any, ...], seconds: float) -> socket.socket:
        self.crash()
        if self.on and self.dice.random() < 0.05:
            raise ConnectionRefusedError(111, "Connection refused")
        connected = socket.create_connection(address[:2], seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected


Start = Callable[[Attempt], Started]


def _settle(key: str, start_once: Start, faults: Faults) -> Settled:
    """Drive one attempt as the orchestrator would, through crashes, until it is settled."""
    intended = False
    for turn in range(TURNS + 1):
        faults.on = turn < TURNS
        attempt = Attempt("p", "stream", "2026-03-03T07", 0, key, resumed=intended)
        intended = True
        try:
            faults.crash()
            started = start_once(attempt)
            faults.crash()
        except (Crash, StartUnconfirmed):
            continue
        except OutcomeUnknown:
            return Settled(key, None, unknown=True)
        except StartRejected as rejected:
            if rejected.category is Category.PERMANENT:
                return Settled(key, None, rejected=True)
            intended = False
            continue
        return Settled(key, started)
    return Settled(key, None, open=True)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    seed = request.config.getoption("--seed")
    seed = random.randrange(1 << 30) if seed is None else seed
    print(f"--seed {seed}")
    return random.Random(seed)


def _judge(settled: list[Settled], jobs: list[str], once_only: bool) -> Counter[str]:
    """Asserts the laws, and counts the outcomes."""
    counts = Counter(jobs)
    assert max(counts.values(), default=0) <= 1, f"started twice: {[k for k, n in counts.items() if n > 1]}"
    for each in settled:
        if each.started is not None:
            assert counts[each.key] == 1, f"{each.key} is said to be started, and is not there"
        if each.rejected:
            assert counts[each.key] == 0, f"{each.key} is said to be rejected, and is there"
        assert not each.unknown or once_only, f"{each.key} is unknown, although its target can be asked"
    return Counter(
        "unknown" if each.unknown else "rejected" if each.rejected else "open" if each.open else "started"
        for each in settled
    )


@pytest.mark.parametrize("name", REMOTE)
def test_no_attempt_starts_two_jobs_and_no_job_is_lost(
    name: str, dice: random.Random, request: pytest.FixtureRequest
) -> None:
    kind = KINDS[name]
    target: Target = kind.target()
    # A user's own endpoint may reject permanently at any time, even a request that it accepted before.
    more = {"http": REJECTIONS, "databricks": (), "airflow": ()}.get(kind.type, ("hang-before", "hang-after"))
    kinds = (*FAULTS_BEFORE, *FAULTS_AFTER, *more)
    faults = Faults(dice, kinds)
    target.choose = faults.choose
    number = request.config.getoption("--starts")
    settled: list[Settled] = []
    wrong_ones: set[str] = set()
    with Server(target) as server:
        clients = Clients(
            allowed_hosts="127.0.0.1",
            aws=_crashing(in_process(target), faults) if isinstance(target, Aws) else None,
            dialer=faults.dial,
            breakers=Breakers(10**9),
            timing=PATIENT,
            environment={},
        )
        for index in range(number):
            key = f"key-{index}"
            wrong = dice.random() < PERMANENT_RATE and name != "http"
            config = (kind.wrong if wrong else kind.config)(server.url)
            wrong_ones |= {key} if wrong else set()
            if kind.type == "lambda" and not wrong:
                config["payload"] = {"key": key}

            def start_once(attempt: Attempt, config: dict[str, Any] = config) -> Started:
                return start(kind.type, config, attempt, until=time.time() + 60, clients=clients)

            settled.append(_settle(key, start_once, faults))
    outcomes = _judge(settled, target.jobs, name in ONCE_ONLY)
    print(name, dict(outcomes), f"{len(target.requests)} requests")
    rejected = {each.key for each in settled if each.rejected}
    left_open = {each.key for each in settled if each.open}
    if name == "http":
        assert not left_open
        assert outcomes["rejected"] > 0
        assert outcomes["started"] > number * 0.2
    elif name in ONCE_ONLY:
        assert rejected <= wrong_ones
        assert not left_open
        assert outcomes["started"] > number * 0.2
    else:
        # After a doubt, no rejection is final: such a start stays unconfirmed.
        assert rejected | left_open == wrong_ones
        assert not left_open or name == "databricks"


def _crashing(make: Callable[..., Any], faults: Faults) -> Callable[..., Any]:
    """AWS clients before whose calls the caller may crash."""

    class Crashing:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, operation: str) -> Any:
            faults.crash()
            return getattr(self._client, operation)

    return lambda *words, **more: Crashing(make(*words, **more))


def test_no_command_is_run_twice(dice: random.Random, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    file = tmp_path / "ran"
    file.touch()
    faults = Faults(dice, ())
    clients = Clients(environment={"PATH": os.environ["PATH"]}, timing=PATIENT)
    number = request.config.getoption("--starts")

    def start_once(attempt: Attempt) -> Started:
        if faults.on and dice.random() < 0.1:
            command, seconds = "true", -1.0
        else:
            command, seconds = f"sh -c 'echo $INTERLOCK_JOB_KEY >> {file}; exit {dice.randrange(3)}'", 30.0
        return start("command", {"command": command}, attempt, until=time.time() + seconds, clients=clients)

    settled = [_settle(f"key-{index}", start_once, faults) for index in range(number)]
    outcomes = _judge(settled, file.read_text().split(), once_only=True)
    print("command", dict(outcomes))
    assert outcomes["open"] == 0
    assert outcomes["started"] > number * 0.5
    assert outcomes["unknown"] > 0
