"""Decides the state of a thread: the content of its head, and whether an alert is a change for the worse.

The state is the same for every order of the same events: each part of it keeps the latest event by (time, id), and an
event that comes twice changes nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlock_alert_dispatcher.hints import Severity

RUN = "run"
_CLOCKS = frozenset({"deadline", "duration"})
_UNSEEN = "silenced"
"""In place of the event that made a subject bad: the event was silenced, so the channel has not seen it."""

_BAD = frozenset({Severity.CRITICAL, Severity.WARNING})
_MOST_PROBLEMS = 40
"""A thread of a day may collect incidents without an end. The oldest are dropped."""

MOST_REPEATS = 50
"""Further repeats of a reply are not counted."""


class Fact(Struct, frozen=True, omit_defaults=True):
    """The part of an event that the state keeps. `at` is the time of the event (UTC). Texts are not escaped yet.

    `subject` is the part of the run that the event is about. An event about no part is a subject of its own.
    """

    at: datetime
    id: str
    type: str
    severity: Severity
    subject: str
    message: str = ""
    hint: str = ""
    owner: str = ""

    @property
    def order(self) -> tuple[datetime, str]:
        """The place among the events: ids of one instant sort causes before their effects."""
        return self.at, self.id


class Problem(Struct, frozen=True):
    """The latest event about a subject, and the id of the event that made the subject this bad."""

    fact: Fact
    raised_by: str = ""


class Reply(Struct, frozen=True, omit_defaults=True):
    """The latest reply of a kind: the time of its event (UTC), its id, and the ids of the repeats without a reply."""

    at: datetime
    id: str
    repeats: tuple[str, ...] = ()


class RunState(Struct, frozen=True, omit_defaults=True):
    """The state of a thread: its latest event, the latest success of the run, and the problems by their subjects.

    `replies` has the latest posted reply of each kind, if repeats are suppressed.
    """

    last: Fact | None = None
    success: Fact | None = None
    problems: Mapping[str, Problem] = {}
    replies: Mapping[str, Reply] = {}

    def repeats_of(self, fact: Fact) -> int:
        """The number of repeats of the event's kind since its latest reply, at most MOST_REPEATS."""
        reply = self.replies.get(_kind_of(fact))
        return 0 if reply is None else len(reply.repeats)


class Step(Struct, frozen=True):
    """The state after an event, and whether the event is a change for the worse that the channel must see.

    `is_repeat`: the event repeats a reply within the window of suppression, so it gets no reply.
    """

    state: RunState
    is_worse: bool
    is_repeat: bool = False


class Standing(Struct, frozen=True):
    """A state as its head states it: severity, open problems, past ones. The open ones are in the order
    most severe, the run itself, oldest."""

    severity: Severity
    open: tuple[Fact, ...]
    past: tuple[Fact, ...]


def advance(state: RunState, fact: Fact, *, silenced: bool = False) -> Step:
    """The state after the event `fact`.

    The channel does not see a `silenced` event. If it is a change for the worse, the next bad event about its subject
    is that change for the channel, and so is the same event if it is delivered again without a silence.

    An event that is older than the latest event about its subject, or than the latest success, changes nothing for the
    worse. A repeated event has the same answer as before, so that a crash between a commit and a post loses no post.
    """
    state = replace(state, last=_later(state.last, fact))
    if fact.severity is Severity.GOOD:
        is_success = fact.subject == RUN
        return Step(replace(state, success=_later(state.success, fact)) if is_success else state, is_worse=False)
    if fact.severity not in _BAD and fact.subject != RUN:
        return Step(state, is_worse=False)
    known = state.problems.get(fact.subject)
    raised_by = _raised_by(state, known, fact)
    if silenced and raised_by == fact.id:
        raised_by = _UNSEEN
    problem = Problem(_later(known.fact if known else None, fact), raised_by)
    is_worse = raised_by == fact.id and not _is_over(state, fact)
    return Step(replace(state, problems=_most({**state.problems, fact.subject: problem})), is_worse)


def suppress(step: Step, fact: Fact, window: timedelta) -> Step:
    """The step, with the repeats of replies counted.

    A repeat has the type, the severity and the subject of a reply, and its time is within `window` after that of the
    reply. A change for the worse is no repeat, and neither is a success. A repeated event has the same answer. A later
    event that is no repeat ends the count. `note_reply` enters its reply, but only after the post.
    """
    if fact.severity is Severity.GOOD:
        return step
    kind = _kind_of(fact)
    reply = step.state.replies.get(kind)
    if reply is not None and not step.is_worse and reply.id != fact.id and reply.at <= fact.at < reply.at + window:
        is_known = fact.id in reply.repeats or len(reply.repeats) >= MOST_REPEATS
        counted = reply if is_known else replace(reply, repeats=(*reply.repeats, fact.id))
        return Step(_with_reply(step.state, kind, counted), step.is_worse, is_repeat=True)
    if reply is None or (fact.at, fact.id) <= (reply.at, reply.id):
        return step
    others = {name: other for name, other in step.state.replies.items() if name != kind}
    return Step(replace(step.state, replies=others), step.is_worse)


def note_reply(state: RunState, fact: Fact) -> RunState:
    """The state after the post of the event's reply, whose repeats get no reply. A success has no repeats."""
    kind = _kind_of(fact)
    reply = state.replies.get(kind)
    is_latest = reply is None or (fact.at, fact.id) > (reply.at, reply.id)
    if fact.severity is Severity.GOOD or not is_latest:
        return state
    return _with_reply(state, kind, Reply(fact.at, fact.id))


def _with_reply(state: RunState, kind: str, reply: Reply) -> RunState:
    latest = sorted({**state.replies, kind: reply}.items(), key=lambda item: (item[1].at, item[1].id))
    return replace(state, replies=dict(sorted(latest[-_MOST_PROBLEMS:])))


def _kind_of(fact: Fact) -> str:
    return f"{fact.type} {fact.severity} {fact.subject}"


def standing(state: RunState) -> Standing:
    """The content of the head. A success of the run resolves its breaches and all problems up to its instant."""
    open_facts = sorted(_open(state), key=lambda fact: (fact.severity.rank, fact.subject != RUN, fact.order))
    past = (problem.fact for problem in state.problems.values() if problem.fact not in open_facts)
    ended = sorted(past, key=lambda fact: fact.order)
    if open_facts:
        severity = open_facts[0].severity
    else:
        latest = state.success or state.last
        severity = latest.severity if latest else Severity.NOTICE
    return Standing(severity, tuple(open_facts), tuple(ended))


def read_state(text: str | None) -> RunState:
    """The state in the attribute of a row. An absent or unreadable text is the state without an event."""
    try:
        return msgspec.json.decode(text or "{}", type=RunState)
    except (msgspec.DecodeError, UnicodeError):
        return RunState()


def write_state(state: RunState) -> str:
    """The text of a state. Equal states have equal texts."""
    return msgspec.json.encode(state, order="sorted").decode()


def _open(state: RunState) -> Iterator[Fact]:
    for subject, problem in state.problems.items():
        has_ended = state.success is not None and problem.fact.at <= state.success.at
        # The verdict of a run that ended late may come after its success, and nothing could resolve it then.
        is_late_verdict = subject in _CLOCKS and _has_succeeded(state)
        if not has_ended and not is_late_verdict:
            yield problem.fact


def _has_succeeded(state: RunState) -> bool:
    run = state.problems.get(RUN)
    return state.success is not None and (run is None or run.fact.at <= state.success.at)


def _raised_by(state: RunState, known: Problem | None, fact: Fact) -> str:
    """The id of the event that made the subject as bad as it is after `fact`."""
    if known is None or _is_over(state, known.fact):
        return fact.id if fact.severity in _BAD else ""
    if fact.order <= known.fact.order:
        # The delivery of this event failed under a silence that is over now, so the channel sees it after all.
        is_seen_now = known.raised_by == _UNSEEN and known.fact.id == fact.id
        return fact.id if is_seen_now else known.raised_by
    if fact.severity not in _BAD:
        return ""
    if known.raised_by == _UNSEEN:
        return fact.id
    rises = fact.severity.rank < known.fact.severity.rank
    return fact.id if rises else known.raised_by


def _is_over(state: RunState, fact: Fact) -> bool:
    """Whether a success came after the event. At one instant the event is still reported."""
    return state.success is not None and fact.at < state.success.at


def _later(known: Fact | None, fact: Fact) -> Fact:
    return fact if known is None or fact.order > known.order else known


def _most(problems: Mapping[str, Problem]) -> Mapping[str, Problem]:
    latest = sorted(problems.items(), key=lambda item: item[1].fact.order)[-_MOST_PROBLEMS:]
    return dict(sorted(latest))
