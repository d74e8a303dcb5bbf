"""The state of a thread: each row of the table is a thread's events in order, and the head that they make."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_alert_dispatcher.hints import Severity, advice_for
from interlock_alert_dispatcher.state import (
    MOST_REPEATS,
    RUN,
    Fact,
    RunState,
    advance,
    note_reply,
    read_state,
    standing,
    suppress,
    write_state,
)

TEN = datetime(2026, 3, 3, 10, tzinfo=UTC)


def fact(event_type: str, minute: int, *, place: int = 0, about: str = "") -> Fact:
    """An event at a minute after ten. `place` is its place among the events of one decision."""
    advice = advice_for(event_type)
    subject = advice.subject or f"{event_type}{about}"
    at = TEN + timedelta(minutes=minute)
    return Fact(at=at, id=f"{minute:03}{place}{event_type}", type=event_type, severity=advice.severity, subject=subject)


def play(facts: list[Fact]) -> tuple[RunState, list[bool]]:
    state, worse = RunState(), []
    for one in facts:
        step = advance(state, one)
        state = step.state
        worse.append(step.is_worse)
    return state, worse


FAILED, EXHAUSTED, DONE = "JOB_FAILED", "RETRY_EXHAUSTED", "JOB_COMPLETED"
TABLE = {
    "one failure": ([FAILED], [True], "warning", [FAILED], []),
    "a second attempt fails": ([FAILED, FAILED], [True, False], "warning", [FAILED], []),
    "the last attempt fails": ([FAILED, EXHAUSTED], [True, True], "critical", [EXHAUSTED], []),
    "a retry succeeds": ([FAILED, DONE], [True, False], "good", [], [FAILED]),
    "a success alone": ([DONE], [False], "good", [], []),
    "a success in time": ([DONE, "SLA_MET"], [False, False], "good", [], []),
    "a rerun begins": ([EXHAUSTED, "RERUN_ACCEPTED"], [True, False], "notice", ["RERUN_ACCEPTED"], []),
    "the rerun fails": ([EXHAUSTED, "RERUN_ACCEPTED", FAILED], [True, False, True], "warning", [FAILED], []),
    "the rerun succeeds": ([EXHAUSTED, "RERUN_ACCEPTED", DONE], [True, False, False], "good", [], ["RERUN_ACCEPTED"]),
    "a warning, then a breach": (["SLA_WARNING", "SLA_BREACH"], [True, True], "critical", ["SLA_BREACH"], []),
    "a breach of a failed run": ([EXHAUSTED, "SLA_BREACH"], [True, True], "critical", [EXHAUSTED, "SLA_BREACH"], []),
    "a breached run fails": (["SLA_BREACH", EXHAUSTED], [True, True], "critical", [EXHAUSTED, "SLA_BREACH"], []),
    "two clocks": (
        ["RELATIVE_SLA_WARNING", "SLA_BREACH"],
        [True, True],
        "critical",
        ["SLA_BREACH", "RELATIVE_SLA_WARNING"],
        [],
    ),
    "a late success": (["SLA_BREACH", DONE], [True, False], "good", [], ["SLA_BREACH"]),
    "a verdict after a late success": ([DONE, "SLA_BREACH"], [False, True], "good", [], ["SLA_BREACH"]),
    "a result fails after the run": ([DONE, "POST_RUN_FAILED"], [False, True], "warning", ["POST_RUN_FAILED"], []),
    "its rerun succeeds": ([DONE, "POST_RUN_FAILED", DONE], [False, True, False], "good", [], ["POST_RUN_FAILED"]),
    "late data and drift": (["LATE_DATA_ARRIVAL", "POST_RUN_DRIFT"], [True, False], "warning", ["POST_RUN_DRIFT"], []),
    "a missed date": (["SCHEDULE_MISSED"], [True], "critical", ["SCHEDULE_MISSED"], []),
    "a missed date that runs": (["SCHEDULE_MISSED", DONE], [True, False], "good", [], ["SCHEDULE_MISSED"]),
    "an excluded failure": ([FAILED, "PIPELINE_EXCLUDED"], [True, False], "warning", [FAILED], []),
    "notices": (["DRY_RUN_WOULD_TRIGGER", "DRY_RUN_COMPLETED"], [False, False], "notice", [], []),
    "an unknown type": (["NEVER_HEARD_OF"], [True], "warning", ["NEVER_HEARD_OF"], []),
    "a rejected rerun": ([EXHAUSTED, "RERUN_REJECTED"], [True, True], "critical", [EXHAUSTED, "RERUN_REJECTED"], []),
}


@pytest.mark.parametrize(("types", "worse", "severity", "open_types", "past"), TABLE.values(), ids=TABLE)
def test_events_in_order_make_a_state(
    types: list[str], worse: list[bool], severity: str, open_types: list[str], past: list[str]
) -> None:
    state, found = play([fact(one, minute) for minute, one in enumerate(types)])
    stands = standing(state)
    assert found == worse
    assert stands.severity == severity
    assert [one.type for one in stands.open] == open_types
    assert [one.type for one in stands.past] == past


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if len(row[0]) > 1])
def test_every_order_of_the_events_makes_one_head(name: str) -> None:
    facts = [fact(one, minute) for minute, one in enumerate(TABLE[name][0])]
    stands = {standing(play(list(order))[0]) for order in permutations(facts)}
    assert len(stands) == 1


QUICK = settings(max_examples=50, deadline=None)
KINDS = st.sampled_from([FAILED, EXHAUSTED, DONE, "SLA_BREACH", "SLA_MET", "RERUN_ACCEPTED", "POST_RUN_DRIFT", "X"])
FACTS = st.lists(st.builds(fact, KINDS, st.integers(0, 5), place=st.integers(0, 2)), min_size=1, max_size=8)


@QUICK
@given(FACTS, st.randoms())
def test_order_and_repeats_never_change_the_head(facts: list[Fact], chance: object) -> None:
    shuffled = facts * 2
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert standing(play(shuffled)[0]) == standing(play(sorted(facts, key=lambda one: one.order))[0])


@QUICK
@given(FACTS)
def test_a_repeated_event_has_the_same_answer(facts: list[Fact]) -> None:
    state, worse = play(facts)
    again = advance(state, facts[-1])
    assert again.state == state
    assert again.is_worse == worse[-1]


@QUICK
@given(FACTS)
def test_a_level_is_reported_again_only_after_a_milder_event(facts: list[Fact]) -> None:
    """Until a success or an accepted rerun."""
    state, reported = RunState(), set[tuple[str, Severity]]()
    for one in {one.id: one for one in facts}.values():
        before = state.problems.get(one.subject)
        step = advance(state, one)
        state = step.state
        if step.is_worse and (one.subject, one.severity) in reported:
            assert before is not None
            assert before.fact.severity.rank > one.severity.rank
        reported |= {(one.subject, one.severity)} if step.is_worse else set()
        if state.success == one or one.type == "RERUN_ACCEPTED":
            reported.clear()


def test_a_success_and_a_breach_of_one_decision_are_over() -> None:
    state, worse = play([fact(DONE, 0), fact("SLA_BREACH", 0, place=1)])
    assert worse == [False, True]
    assert standing(state).severity is Severity.GOOD


def test_a_repeat_after_its_silence_is_the_change() -> None:
    one, two = fact(FAILED, 1), fact(FAILED, 2)
    silenced = advance(RunState(), one, silenced=True)
    assert not silenced.is_worse
    assert advance(silenced.state, one, silenced=True) == silenced
    again = advance(silenced.state, one)
    assert again.is_worse
    assert advance(again.state, one) == again
    # Another event about the subject is the change already.
    assert not advance(advance(silenced.state, two).state, one).is_worse


def test_an_old_failure_after_the_success_is_no_change() -> None:
    state, worse = play([fact(DONE, 5), fact(EXHAUSTED, 4)])
    assert worse == [False, False]
    assert standing(state).open == ()


def test_a_failure_before_the_accepted_rerun_is_no_change() -> None:
    state, worse = play([fact("RERUN_ACCEPTED", 5), fact(EXHAUSTED, 4)])
    assert worse == [False, False]
    assert standing(state).severity is Severity.NOTICE


def test_two_incidents_of_one_type_are_two_problems() -> None:
    _, worse = play([fact("INFRA_ALARM", 0, about=" a"), fact("INFRA_ALARM", 1, about=" b")])
    assert worse == [True, True]


def test_a_state_has_at_most_forty_problems() -> None:
    state, _ = play([fact("ROW_CORRUPTED", minute, about=f" {minute}") for minute in range(60)])
    assert len(state.problems) == 40
    assert min(one.fact.at for one in state.problems.values()) == TEN + timedelta(minutes=20)


@QUICK
@given(FACTS)
def test_a_state_survives_its_text(facts: list[Fact]) -> None:
    state, _ = play(facts)
    assert read_state(write_state(state)) == state


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"last": 7}', '{"problems": {"run": {}}}', "\ud800"])
def test_an_unreadable_state_has_no_event(text: str | None) -> None:
    assert read_state(text) == RunState()


# --- suppression -------------------------------------------------------------------------------------------------

HALF_HOUR = timedelta(minutes=30)


def repeated(
    minute: int, name: str = "", kind: str = "JOB_FAILED", severity: Severity = Severity.WARNING, subject: str = RUN
) -> Fact:
    at = datetime(2026, 3, 3, 8, tzinfo=UTC) + timedelta(minutes=minute)
    return Fact(at=at, id=name or f"{kind}{minute:03}", type=kind, severity=severity, subject=subject)


def walked(facts: list[Fact], window: timedelta = HALF_HOUR) -> tuple[RunState, list[bool]]:
    state, repeats = RunState(), []
    for one in facts:
        step = suppress(advance(state, one), one, window)
        state = step.state if step.is_repeat else note_reply(step.state, one)
        repeats.append(step.is_repeat)
    return state, repeats


@pytest.mark.parametrize(
    ("facts", "repeats"),
    [
        ([repeated(0), repeated(10), repeated(29)], [False, True, True]),
        ([repeated(0), repeated(30), repeated(59), repeated(60)], [False, False, True, False]),
        ([repeated(0), repeated(5, severity=Severity.CRITICAL)], [False, False]),
        ([repeated(0), repeated(5, kind="SFN_TIMEOUT"), repeated(6)], [False, False, True]),
        ([repeated(0, subject="a"), repeated(5, subject="b")], [False, False]),
        ([repeated(0), repeated(5, kind="JOB_COMPLETED", severity=Severity.GOOD), repeated(6)], [False, False, False]),
        ([repeated(0), repeated(5, kind="RERUN_ACCEPTED", severity=Severity.NOTICE), repeated(6)], [False] * 3),
        ([repeated(10), repeated(0), repeated(20)], [False, False, True]),
        ([repeated(0), repeated(0)], [False, False]),
        ([repeated(0), repeated(10), repeated(10)], [False, True, True]),
    ],
)
def test_a_repeat_within_the_window_gets_no_reply(facts: list[Fact], repeats: list[bool]) -> None:
    assert walked(facts)[1] == repeats


def test_an_event_without_a_posted_reply_has_no_repeats() -> None:
    first = suppress(advance(RunState(), repeated(0)), repeated(0), HALF_HOUR)
    second = suppress(advance(first.state, repeated(1)), repeated(1), HALF_HOUR)
    assert (second.is_repeat, second.state.replies) == (False, {})
    # The attempt of a later reply ends the count of the earlier one, whether it succeeds or not.
    counted, _ = walked([repeated(0), repeated(10)])
    later = suppress(advance(counted, repeated(31)), repeated(31), HALF_HOUR)
    assert (later.is_repeat, later.state.repeats_of(repeated(31))) == (False, 0)


def test_only_the_latest_reply_is_noted() -> None:
    state = note_reply(note_reply(RunState(), repeated(10)), repeated(0))
    assert [reply.id for reply in state.replies.values()] == [repeated(10).id]
    assert note_reply(state, repeated(20, kind="JOB_COMPLETED", severity=Severity.GOOD)) == state


def test_repeats_are_counted_once_and_up_to_a_limit() -> None:
    state, _ = walked([repeated(0), repeated(1), repeated(2), repeated(1)])
    assert state.repeats_of(repeated(2)) == 2
    many = [repeated(0, f"x{number:03}") for number in range(MOST_REPEATS + 10)]
    state, repeats = walked(many)
    assert state.repeats_of(many[0]) == MOST_REPEATS
    assert repeats == [False, *[True] * (len(many) - 1)]
    state, _ = walked([repeated(0), repeated(1), repeated(40)])
    assert state.repeats_of(repeated(40)) == 0


def test_a_state_with_replies_is_read_back_and_stays_short() -> None:
    state, _ = walked([repeated(number, subject=f"s{number}") for number in range(100)])
    assert read_state(write_state(state)) == state
    assert len(state.replies) == len(state.problems) == 40
    assert "replies" not in write_state(advance(RunState(), repeated(0)).state)
