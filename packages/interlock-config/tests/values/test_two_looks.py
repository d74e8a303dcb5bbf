"""The quick look decodes, the thorough look names what is wrong: what only one of them refuses is refused."""

from typing import Annotated

from msgspec import Meta, Struct

from interlock_config._problems._problems import Findings
from interlock_config._values._build import shaped


class Narrow(Struct, frozen=True):
    """A type with a bound that the thorough look does not know."""

    name: Annotated[str, Meta(max_length=3, examples=["abc"])]


def test_what_fits_is_decoded() -> None:
    findings = Findings("")
    assert shaped(Narrow, {"name": "abc"}, findings) == Narrow("abc")
    assert not findings.failed


def test_what_only_decoding_refuses_is_refused() -> None:
    findings = Findings("file")
    assert shaped(Narrow, {"name": "abcd"}, findings) is None
    assert [str(problem) for problem in findings.problems] == ["file: does not fit"]


def test_what_looks_odd_gets_the_thorough_look_even_if_it_decodes() -> None:
    findings = Findings("")
    assert shaped(Narrow, {"name": "abc", "nam": 1}, findings, plain=False) == Narrow("abc")
    assert [problem.path for problem in findings.problems] == ["nam"]
