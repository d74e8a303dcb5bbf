"""The public surface: the exports of the package, and the behaviour of its errors and problems."""

import copy
import pickle

import msgspec
import pytest

import interlock_config
from interlock_config import ConfigError, Problem, decode_yaml


def test_exports_are_sorted_present_and_documented() -> None:
    names = interlock_config.__all__
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(interlock_config, name) is not None


def test_an_error_carries_its_problems_and_prints_one_a_line() -> None:
    with pytest.raises(ConfigError) as caught:
        decode_yaml("pipeline: {id: '?'}\nschedule: {}", "a.yaml")
    assert [problem.path for problem in caught.value.problems] == ["pipeline.id", "validation", "job"]
    assert str(caught.value).count("\n") == 2
    assert isinstance(caught.value, ValueError)


def test_errors_survive_copying_and_pickling() -> None:
    error = ConfigError([Problem("a.yaml", "pipeline.id", 3, "must be text")])
    for copied in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert copied.problems == error.problems
        assert str(copied) == str(error)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", "pipeline.id", "x y", "is bad", line=3), 'a.yaml:3: pipeline.id = "x y": is bad'),
        (Problem("a.yaml", "pipeline.id", msgspec.UNSET, "is missing"), "a.yaml: pipeline.id: is missing"),
        (Problem("", "", msgspec.UNSET, "is empty"), "is empty"),
        (Problem("", "a", None, "has no value"), "a: has no value"),
        (Problem("", "a", ["x" * 100], "is long"), 'a = ["' + "x" * 57 + "…: is long"),
        (Problem("", "a", float("inf"), "is endless"), "a = inf: is endless"),
        (Problem("", "a", "x\x1b[31m\n\u202e\x85", "is odd"), 'a = "x\\u001b[31m\\n\\u202e\\u0085": is odd'),
        (Problem("", "a", 10**30, "is large"), f"a = {10**30}: is large"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_problems_become_json_without_what_is_not_there() -> None:
    problem = Problem("a.yaml", "sla", msgspec.UNSET, "is empty")
    assert msgspec.json.encode(problem) == b'{"source":"a.yaml","path":"sla","message":"is empty"}'


REST = "pipeline: {id: a}\nschedule: {}\nvalidation: {rules: [{key: a, check: exists}]}\n"


def test_secrets_in_headers_are_not_shown() -> None:
    job = "{type: http, config: {url: 'https://a.example.com', headers: {Authorization: [s3cr3t]}}}"
    for wrong in (job, job.replace("{Authorization: [s3cr3t]}", "s3cr3t")):
        with pytest.raises(ConfigError) as caught:
            decode_yaml(f"{REST}job: {wrong}")
        assert "s3cr3t" not in str(caught.value)
        assert "s3cr3t" not in repr(caught.value.problems)


@pytest.mark.parametrize(
    ("key", "path"),
    [("a.b", 'job.config.headers["a.b"]'), ("", 'job.config.headers[""]'), ("x-y", "job.config.headers.x-y")],
)
def test_odd_keys_are_quoted_in_paths(key: str, path: str) -> None:
    job = f"{{type: http, config: {{url: 'https://a.example.com', headers: {{\"{key}\": [1]}}}}}}"
    text = f"{REST}job: {job}"
    with pytest.raises(ConfigError) as caught:
        decode_yaml(text)
    assert {problem.path for problem in caught.value.problems} == {path}
