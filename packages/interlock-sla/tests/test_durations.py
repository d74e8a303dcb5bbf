"""Writing and reading of durations."""

import copy
import pickle
from datetime import timedelta

import pytest

from interlock_sla import Duration, DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        (".5h", timedelta(minutes=30)),
        ("300ms", timedelta(milliseconds=300)),
        ("7us", timedelta(microseconds=7)),
        ("7µs", timedelta(microseconds=7)),
        ("1500ns", timedelta(microseconds=2)),
        ("500ns", timedelta(0)),
        ("-1h", timedelta(hours=-1)),
        ("+1h", timedelta(hours=1)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
        ("30m1h", timedelta(minutes=90)),
        ("48h", timedelta(days=2)),
    ],
)
def test_a_duration_is_read_and_keeps_its_spelling(text: str, expected: timedelta) -> None:
    found = parse_duration(text)
    assert found == expected
    assert found.text == str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "5",
        "1d",
        "1 h",
        "1h 30m",
        "h1",
        "1.2.3h",
        ".h",
        "--1h",
        "1h-30m",
        "1H",
        "１h",
        "1e3s",
        "infs",
        "1h\n",
        "9" * 65 + "s",
        "99999999999999999999h",
        "-",
    ],
)
def test_other_texts_are_not_durations(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=2), "48h"),
        (timedelta(hours=1, seconds=1), "1h1s"),
        (timedelta(milliseconds=300), "300ms"),
        (timedelta(milliseconds=1500), "1.5s"),
        (timedelta(microseconds=7), "7us"),
        (timedelta(microseconds=999), "999us"),
        (timedelta(microseconds=1000), "1ms"),
        (timedelta(microseconds=1001), "1.001ms"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(microseconds=999_999), "999.999ms"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=100), "1m40s"),
        (timedelta(seconds=10.1), "10.1s"),
        (timedelta(minutes=2, microseconds=1), "2m1us"),
        (timedelta(seconds=2, microseconds=1), "2.000001s"),
        (timedelta(hours=-1, minutes=-30), "-1h30m"),
    ],
)
def test_a_duration_is_written_in_its_shortest_form(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
    assert parse_duration(text) == duration


def test_a_duration_made_from_numbers_gets_a_spelling() -> None:
    assert Duration(minutes=90).text == "1h30m"
    assert repr(Duration(minutes=90)) == "Duration('1h30m')"


def test_copies_keep_the_spelling() -> None:
    written = parse_duration("-90000m0.5s")
    for copied in (copy.copy(written), copy.deepcopy(written), pickle.loads(pickle.dumps(written))):
        assert (copied, copied.text) == (written, "-90000m0.5s")
