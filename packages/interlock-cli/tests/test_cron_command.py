"""`interlock cron`: its words, fires and clock changes, and the comparison with the real croniter."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_cli._pipelines._cron_compare import YEAR, Comparison, compare
from interlock_sla import parse_cron, zone

BERLIN = "Europe/Berlin"
SINCE = datetime(2026, 12, 1, tzinfo=UTC)


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["cron", *words], env={"NO_COLOR": "1", "COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done


def document(*words: str) -> dict[str, Any]:
    found = json.loads(invoke(*words, "-o", "json").stdout)
    assert isinstance(found, dict)
    return found


def test_text_has_words_fires_and_clock_changes() -> None:
    said = invoke("30 2 * * *", "--zone", BERLIN, "--from", "2027-03-27", "--count", "2").stdout
    assert said == (
        "at 02:30 every day, Europe/Berlin\n"
        "\n"
        "next fires:\n"
        "  Sat 2027-03-27 02:30 CET  2027-03-27 01:30Z\n"
        "  Sun 2027-03-28 03:30 CEST  2027-03-28 01:30Z\n"
        "\n"
        "clocks go forward on Sun 2027-03-28, to 03:00 CEST:\n"
        "  they skip 02:30, which fires at 03:30 CEST, 2027-03-28 01:30Z\n"
        "clocks go back on Sun 2027-10-31, to 02:00 CET:\n"
        "  they show twice 02:30, which fires at 02:30 CEST, 2027-10-31 00:30Z\n"
        "clocks go forward on Sun 2028-03-26, to 03:00 CEST:\n"
        "  they skip 02:30, which fires at 03:30 CEST, 2028-03-26 01:30Z\n"
    )


def test_begin_itself_is_a_fire() -> None:
    found = document("0 8 * * *", "--from", "2026-12-01T08:00Z", "--count", "2")
    assert [fire["at"] for fire in found["fires"]] == ["2026-12-01T08:00:00+00:00", "2026-12-02T08:00:00+00:00"]


def test_date_of_begin_is_in_the_zone() -> None:
    (fire,) = document("0 0 * * *", "--zone", BERLIN, "--from", "2026-12-01", "--count", "1")["fires"]
    assert fire["at"] == "2026-11-30T23:00:00+00:00"


def test_default_begin_is_now() -> None:
    before = datetime.now(UTC)
    (fire,) = document("* * * * *", "--count", "1")["fires"]
    assert 0 <= (datetime.fromisoformat(fire["at"]) - before).total_seconds() <= 61


def test_document_has_both_zones_and_the_changes() -> None:
    found = document("0 3 * * *", "--zone", BERLIN, "--from", "2027-03-20", "--count", "1")
    assert found["words"] == "at 03:00 every day"
    assert found["fires"] == [{"at": "2027-03-20T02:00:00+00:00", "local": "2027-03-20T03:00:00+01:00"}]
    forward, back = found["clock_changes"]
    assert (forward["at"], forward["offset_before"], forward["offset_after"], forward["fires"]) == (
        "2027-03-28T01:00:00+00:00",
        3600.0,
        7200.0,
        [],
    )
    assert back["local"] == "2027-10-31T02:00:00+01:00"
    assert found["compared"] is None


def test_zone_without_changes_says_so() -> None:
    assert "no clock change of UTC in 366 days\n" in invoke("0 8 * * *").stdout


def test_notes_name_other_readings_and_a_rejected_schedule() -> None:
    said = invoke("*/30 * * * 5L").stdout
    assert "note: schedule.cron fires at most once an hour" in said
    assert "note: 5L is the last Friday of the month here" in said


def test_all_wrong_values_are_reported_at_once() -> None:
    said = invoke("0 25 * * *", "--zone", "Berlin", "--from", "x", code=2).stderr
    assert [line.partition(": ")[2].partition(" ")[0] for line in said.splitlines()] == ["EXPR:", "--zone:", "--from"]
    assert "did you mean Europe/Berlin?" in said


@pytest.mark.parametrize("since", ["9999-12-31", "9999-01-01", "0001-01-01T00:00+10:00"])
def test_a_begin_without_next_fires_is_one_error(since: str) -> None:
    said = invoke("0 0 29 2 *", "--zone", BERLIN, "--from", since, code=2).stderr
    assert said.startswith(f"error: --from is '{since}', must be ")
    assert said.count("\n") == 1


def test_comparison_without_croniter_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "croniter", None)
    said = invoke("0 8 * * *", "--compare", code=2).stderr
    assert said == 'error: --compare needs croniter: pip install "interlock-cli[croniter]"\n'


def test_comparison_lists_each_difference_with_its_reason() -> None:
    found = document("30 2 * * *", "--zone", BERLIN, "--from", "2026-12-01", "--compare")["compared"]
    assert (found["here"], found["there"], found["rejected"]) == (366, 367, None)
    assert [fire["local"] for fire in found["only_here"]] == ["2027-03-28T03:30:00+02:00"]
    assert [fire["local"] for fire in found["only_there"]] == ["2027-03-28T03:00:00+02:00", "2027-10-31T02:30:00+01:00"]
    assert [(one["fires"], one["reason"].partition(":")[0]) for one in found["reasons"]] == [
        (2, "clocks go forward on 2027-03-28"),
        (1, "clocks go back on 2027-10-31"),
    ]


def test_text_shows_few_of_many_differences() -> None:
    said = invoke("0 0 31W * *", "--compare", "--from", "2026-12-01").stdout
    assert "differs, 2026-12-01 to 2027-12-02: 7 fires here, 12 there\n" in said
    assert said.count("  only there  ") == 4
    assert "  only there  and 2 more\n" in said


def test_expression_that_croniter_rejects_has_its_error() -> None:
    said = invoke("0 0 LW * *", "--compare").stdout
    assert "does not read this expression: [0 0 lw * *] is not acceptable" in said


def of(text: str, name: str = "UTC") -> Comparison:
    return compare(parse_cron(text), zone(name), SINCE)


def days_of(text: str) -> set[datetime]:
    return set(parse_cron(text).fires_between(SINCE, SINCE + YEAR, zone("UTC")))


def there(text: str) -> set[datetime]:
    """The fires of croniter."""
    found = of(text)
    return (days_of(text) | set(found.only_there)) - set(found.only_here)


@pytest.mark.parametrize("name", ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("text", ["0 12 * * mon-fri", "5 4 1,15 * *", "0 6 L * *", "0 9 * 3-5 mon#1", "0 0 1-7 * 1"])
def test_usual_expressions_are_the_same(text: str, name: str) -> None:
    found = of(text, name)
    assert (found.only_here, found.only_there, found.reasons) == ([], [], [])
    assert found.here == found.there > 0


READINGS = {
    "0 12 3 * mon#1": ("does not take either of the day fields", None),
    "0 12 15W * mon": ("ignores the day of week next to W", "0 12 15W * *"),
    "0 12 31W * *": ("31W does not fire in a month of fewer than 31 days", "0 12 LW * *"),
    "0 12 * 12-4/2 *": ("steps over the end of 12-4/2 in another way", "0 12 * 3,12 *"),
    "0 12 25-3/3 * *": ("steps over the end of 25-3/3 in another way", None),
    "0 12 * * 1-1": ("reads 1-1 as *", "0 12 * * *"),
    "0 12 * * 7-0": ("reads 7-0 as *", "0 12 * * *"),
    "0 12 * 7-7 *": ("reads 7-7 as *", "0 12 * * *"),
    "0 12 * 5-5/2 *": ("reads 5-5/2 as */2", "0 12 * */2 *"),
}
"""Expressions with the reason of their difference, and the same fires as this package writes them."""


@pytest.mark.parametrize("text", READINGS)
def test_each_known_reading_is_the_one_of_croniter(text: str) -> None:
    reason, same = READINGS[text]
    found = of(text)
    assert found.only_here or found.only_there
    assert [reason in one.text for one in found.reasons] == [True]
    assert found.reasons[0].fires == len(found.only_here) + len(found.only_there)
    if same is not None:
        assert there(text) == days_of(same)


def test_difference_without_a_known_reason_says_so() -> None:
    (reason,) = of("0 12 1 * 5,*/1").reasons
    assert reason.text == "no known reason"


def test_range_past_the_end_without_a_step_is_no_reason() -> None:
    (reason,) = of("0 12 * 11-2 1-1").reasons
    assert reason.text == "croniter reads 1-1 as *"


def test_only_fires_of_a_changed_hour_are_blamed_on_clocks() -> None:
    found = of("0 2,12 * 1-12 0-0", BERLIN)
    texts = {reason.text.partition(":")[0]: reason.fires for reason in found.reasons}
    assert texts["clocks go back on 2027-10-31"] == 1
    assert sum(texts.values()) == len(found.only_here) + len(found.only_there)
    assert any("reads 0-0" in text for text in texts)
