"""The target of each job type receives the run's date: real requests to its peer, from the run's row to the wire."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from run_bench import NOW, Bench
from trigger_peers.contract import KINDS, clients_for, server_for

from interlock_controller.runs import SubmissionFailed
from interlock_lifecycle import RunKey
from interlock_sla import parse_execution_date
from interlock_triggers import Triggers


class Dated(NamedTuple):
    """An execution date in Europe/Berlin, and the expected values of a job's variables."""

    date: str
    variables: dict[str, str]

    @property
    def partition(self) -> dict[str, str]:
        """The date as sent by job types whose config has no input of its own."""
        day, hour = self.variables["PAR_DAY"], self.variables["PAR_HOUR"]
        return {"par_day": day} | ({"par_hour": hour} if hour else {})


def _dated(date: str, par_day: str, par_hour: str, start: str, end: str) -> Dated:
    names = {"DATE": date, "DAY": date[:10], "PAR_DAY": par_day, "PAR_HOUR": par_hour}
    return Dated(date, names | {"PERIOD_START": start, "PERIOD_END": end})


DATES = [
    _dated("2026-03-03", "20260303", "", "2026-03-02T23:00:00Z", "2026-03-03T23:00:00Z"),
    _dated("2026-03-03T07", "20260303", "07", "2026-03-03T06:00:00Z", "2026-03-03T07:00:00Z"),
    _dated("2026-10-25", "20261025", "", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    _dated("2026-10-25T02", "20261025", "02", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
]
NAMES = [*DATES[0].variables, "PIPELINE_ID", "SCHEDULE_ID", "ATTEMPT", "JOB_KEY"]
WRITTEN = {name.lower(): f"${{INTERLOCK_{name}}}" for name in NAMES}
"""Every variable of a run, by its name in a config."""


class TypedRun(NamedTuple):
    """A run whose job is of one type, and the target of that type."""

    bench: Bench
    target: Any
    url: str

    @property
    def key(self) -> str:
        """The job's key."""
        intent = self.bench.run.job_intent
        assert intent is not None
        return intent.key

    def expected(self, dated: Dated) -> dict[str, str]:
        """WRITTEN with the values of the run."""
        own = {"PIPELINE_ID": "bronze", "SCHEDULE_ID": "stream", "ATTEMPT": "0", "JOB_KEY": self.key}
        return {name.lower(): value for name, value in (dated.variables | own).items()}


class Case(NamedTuple):
    """One type: its config with an input of its own (of WRITTEN) and without, and the input that its target received.

    `given` is the expected input without an input of its own, or None if the type's config must have one.
    """

    kind: str
    own: Callable[[dict[str, Any]], dict[str, Any]]
    bare: Callable[[dict[str, Any]], dict[str, Any]]
    received: Callable[[TypedRun], Any]
    wrapped: Callable[[TypedRun, Dated, dict[str, str]], Any]
    given: Callable[[TypedRun, Dated], Any]


def _without(config: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in names}


def _body(typed: TypedRun) -> Any:
    return json.loads(typed.target.starts[-1].body)


def _output(typed: TypedRun) -> Any:
    """The output of a command: a line of its arguments, a line of its environment."""
    intent = typed.bench.run.job_intent
    assert intent is not None
    assert intent.outcome is not None
    with open(typed.url) as file:
        return file.read().splitlines()


def _words(values: dict[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def _spark(script: str, values: dict[str, str]) -> dict[str, Any]:
    return {"sparkSubmit": {"entryPoint": script, "entryPointArguments": _words(values)}}


def _airflow_received(typed: TypedRun) -> Any:
    return typed.target.runs[typed.key]["conf"]


def _command(config: dict[str, Any], words: str) -> dict[str, Any]:
    file = config["command"].rpartition(" ")[2].strip("'")
    script = f'(echo "$@"; env | grep ^INTERLOCK_ | grep -v ^INTERLOCK_COMMAND_ID= | sort) > {file}'
    return {"command": f"sh -c {script!r} sh {words}".rstrip()}


def _environment(typed: TypedRun, dated: Dated) -> list[str]:
    own = {f"INTERLOCK_{name.upper()}={value}" for name, value in typed.expected(dated).items() if value}
    return sorted(own)


CASES = [
    Case(
        "http",
        lambda config: config | {"body": WRITTEN},
        lambda config: config,
        _body,
        lambda typed, dated, values: values,
        lambda typed, dated: dated.partition,
    ),
    Case(
        "command",
        lambda config: _command(config, " ".join(f'{name}="{text}"' for name, text in WRITTEN.items())),
        lambda config: _command(config, ""),
        _output,
        lambda typed, dated, values: [
            " ".join(f"{name}={value}" for name, value in values.items()),
            *_environment(typed, dated),
        ],
        lambda typed, dated: ["", *_environment(typed, dated)],
    ),
    *(
        Case(
            version,
            lambda config: config | {"body": {"conf": {"own": WRITTEN}}},
            lambda config: _without(config, "body"),
            _airflow_received,
            lambda typed, dated, values: {"date": dated.date, **dated.partition, "own": values},
            lambda typed, dated: {"date": dated.date, **dated.partition},
        )
        for version in ("airflow-v2", "airflow-v1")
    ),
    Case(
        "glue",
        lambda config: config | {"arguments": {f"--own_{name}": text for name, text in WRITTEN.items()}},
        lambda config: _without(config, "arguments"),
        lambda typed: typed.target.runs["jr_0"]["Arguments"],
        lambda typed, dated, values: (
            {f"--own_{name}": value for name, value in values.items()}
            | {f"--{name}": value for name, value in dated.partition.items()}
            | {"--interlock_key": typed.key}
        ),
        lambda typed, dated: (
            {f"--{name}": value for name, value in dated.partition.items()} | {"--interlock_key": typed.key}
        ),
    ),
    Case(
        "emr",
        lambda config: config | {"command": f"{config['command']} ${{INTERLOCK_DAY}}", "arguments": _words(WRITTEN)},
        lambda config: config,
        lambda typed: typed.target.steps["s-0"]["Config"]["Args"],
        lambda typed, dated, values: [
            "spark-submit",
            "s3://code/load.py",
            dated.variables["DAY"],
            *_words(values),
        ],
        lambda typed, dated: ["spark-submit", "s3://code/load.py"],
    ),
    Case(
        "emr-serverless",
        lambda config: config | {"jobDriver": _spark("${INTERLOCK_DAY}.py", WRITTEN)},
        lambda config: _without(config, "jobName") | {"jobDriver": _spark("load.py", {})},
        lambda typed: {name: typed.target.job_runs["00run0"][name] for name in ("name", "jobDriver")},
        lambda typed, dated, values: {
            "name": "load",
            "jobDriver": _spark(f"{dated.variables['DAY']}.py", values),
        },
        lambda typed, dated: {
            "name": f"bronze {dated.date}",
            "jobDriver": _spark("load.py", {}),
        },
    ),
    Case(
        "step-function",
        lambda config: config | {"arguments": {"deep": [WRITTEN]}},
        lambda config: _without(config, "arguments"),
        lambda typed: json.loads(typed.target.executions[typed.key]["input"]),
        lambda typed, dated, values: {"deep": [values]},
        lambda typed, dated: dated.partition,
    ),
    Case(
        "databricks",
        lambda config: config | {"arguments": {"notebook_params": WRITTEN}},
        lambda config: _without(config, "arguments"),
        _body,
        lambda typed, dated, values: {
            "job_id": 620,
            "idempotency_token": typed.key,
            "notebook_params": values,
        },
        lambda typed, dated: {"job_id": 620, "idempotency_token": typed.key},
    ),
    Case(
        "lambda",
        lambda config: config | {"payload": json.dumps(WRITTEN)},
        lambda config: _without(config, "payload"),
        lambda typed: json.loads(typed.target.invocations[0]),
        lambda typed, dated, values: values,
        lambda typed, dated: dated.partition,
    ),
]


@contextmanager
def typed_run(
    name: str, configure: Callable[[dict[str, Any]], dict[str, Any]], dated: Dated, opened_at: datetime = NOW
) -> Iterator[TypedRun]:
    """A run of this date, whose job is of this type and config, before its start."""
    kind = KINDS[name]
    target = kind.target()
    with server_for(kind, target) as server:
        job = json.dumps({"type": kind.type, "config": configure(kind.config(server.url))})
        key = RunKey("bronze", "stream", parse_execution_date(dated.date))
        jobs = Triggers(clients_for(kind, target, server.url))
        yield TypedRun(Bench(job, jobs, key=key, zone="Europe/Berlin", opened_at=opened_at), target, server.url)


@pytest.mark.parametrize("dated", DATES, ids=lambda dated: dated.date)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_an_input_of_its_own_reaches_the_job_with_its_date(case: Case, dated: Dated) -> None:
    with typed_run(case.kind, case.own, dated) as typed:
        # The run's own values take precedence.
        typed.bench.environment |= {"INTERLOCK_DATE": "1999-12-31", "INTERLOCK_PERIOD_START": "never"}
        typed.bench.ask("trigger")
        assert case.received(typed) == case.wrapped(typed, dated, typed.expected(dated))


@pytest.mark.parametrize("dated", DATES, ids=lambda dated: dated.date)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_without_input_of_its_own_a_job_gets_what_its_type_sends(case: Case, dated: Dated) -> None:
    # Another moment is another job key: when a command ends, all processes with its key end on this machine.
    with typed_run(case.kind, case.bare, dated, NOW + timedelta(seconds=1)) as typed:
        typed.bench.ask("trigger")
        assert case.received(typed) == case.given(typed, dated)


@pytest.mark.parametrize("dated", DATES[:2], ids=lambda dated: dated.date)
def test_no_argument_of_glue_replaces_the_date_of_the_run(dated: Dated) -> None:
    arguments = {"arguments": {"--par_day": "20200101", "--par_hour": "23"}}
    with typed_run("glue", lambda config: config | arguments, dated) as typed:
        typed.bench.ask("trigger")
        dates = {f"--{name}": value for name, value in dated.partition.items()}
        assert typed.target.runs["jr_0"]["Arguments"] == dates | {"--interlock_key": typed.key}


def test_every_type_is_among_the_cases() -> None:
    assert {case.kind for case in CASES} == set(KINDS)
    assert len({KINDS[case.kind].type for case in CASES}) == 9


DATED_HEADERS = {
    "Authorization": KINDS["databricks"].config("")["headers"]["Authorization"],
    "X-Period": "${INTERLOCK_PERIOD_START} ${INTERLOCK_ATTEMPT} ${INTERLOCK_JOB_KEY}",
}


def test_a_start_sent_again_after_an_edited_zone_is_the_same() -> None:
    arguments = {"arguments": WRITTEN, "headers": DATED_HEADERS}
    with typed_run("databricks", lambda config: config | arguments, DATES[1]) as typed:
        typed.target.fault_starts = "cut-after"
        with pytest.raises(SubmissionFailed):
            typed.bench.ask("trigger")
        typed.target.fault_starts = None
        job = json.dumps({"type": "databricks", "config": {"workspaceUrl": typed.url, "jobId": 1}})
        typed.bench.configure(job, "Asia/Kolkata")
        typed.bench.wait()
        assert typed.bench.ask("trigger").status == "running"
        first, *others = [(request.header("X-Period"), request.body) for request in typed.target.starts]
        assert others
        assert all(other == first for other in others)
        assert len(typed.target.jobs) == 1


def test_a_job_is_followed_with_the_values_of_its_start() -> None:
    with typed_run("databricks", lambda config: config | {"headers": DATED_HEADERS}, DATES[1]) as typed:
        typed.bench.ask("trigger")
        job = json.dumps({"type": "databricks", "config": {"workspaceUrl": typed.url, "jobId": 1}})
        typed.bench.configure(job, "Asia/Kolkata")
        typed.target.put_state("TERMINATED", "SUCCESS")
        assert typed.bench.ask("check-job").event == "success"
        assert {request.header("X-Period") for request in typed.target.requests} == {
            f"2026-03-03T06:00:00Z 0 {typed.key}"
        }
