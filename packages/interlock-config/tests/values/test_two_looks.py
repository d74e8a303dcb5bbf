"""Decoding and the walk that names wrong places: a value that only one of them rejects is rejected."""

from typing import Annotated

from msgspec import Meta, Struct

from interlock_config._problems._problems import Findings
from interlock_config._values._build import shaped


class Narrow(Struct, frozen=True):
    """A type with a bound that the walk does not know."""

    name: Annotated[str, Meta(max_length=3, examples=["abc"])]


def test_a_fitting_value_is_decoded() -> None:
    findings = Findings("")
    assert shaped(Narrow, {"name": "abc"}, findings) == Narrow("abc")
    assert not findings.failed


def test_a_value_that_only_decoding_rejects_is_an_error() -> None:
    findings = Findings("file")
    assert shaped(Narrow, {"name": "abcd"}, findings) is None
    assert [str(problem) for problem in findings.problems] == ["file: does not have the expected structure"]


def test_an_odd_value_is_walked_even_if_it_decodes() -> None:
    findings = Findings("")
    assert shaped(Narrow, {"name": "abc", "nam": 1}, findings, plain=False) == Narrow("abc")
    assert [problem.path for problem in findings.problems] == ["nam"]
