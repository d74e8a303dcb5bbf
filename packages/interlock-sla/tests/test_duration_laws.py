"""Laws of durations, over all texts and lengths of time."""

from contextlib import suppress
from datetime import timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from interlock_sla import Duration, DurationError, format_duration, parse_duration

MICROSECONDS = {
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
    "µs": 1,
    "ns": Fraction(1, 1000),
}
numerals = st.from_regex(r"[0-9]{1,6}(\.[0-9]{0,6})?|\.[0-9]{1,6}", fullmatch=True)
parts = st.tuples(numerals, st.sampled_from(sorted(MICROSECONDS)))


@given(st.timedeltas())
def test_written_duration_reads_back_as_equal(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.timedeltas())
def test_the_written_form_is_canonical(duration: timedelta) -> None:
    written = format_duration(duration)
    assert format_duration(parse_duration(written)) == written
    assert Duration(days=duration.days, seconds=duration.seconds, microseconds=duration.microseconds).text == written


@given(st.sampled_from(["", "-", "+"]), st.lists(parts, min_size=1, max_size=4))
def test_the_parts_of_a_duration_add_up(sign: str, written: list[tuple[str, str]]) -> None:
    text = sign + "".join(number + unit for number, unit in written)
    exact = sum(
        (Fraction(number.rstrip(".") if number != "." else "0") * MICROSECONDS[unit] for number, unit in written),
        Fraction(0),
    )
    found = parse_duration(text)
    assert found == timedelta(microseconds=round(-exact if sign == "-" else exact))
    assert found.text == text


@given(st.text(max_size=12) | st.text("0123456789.hmsnuµ+- ", max_size=12))
def test_any_text_is_writable_duration_or_duration_error(text: str) -> None:
    with suppress(DurationError):
        found = parse_duration(text)
        assert parse_duration(format_duration(found)) == found
