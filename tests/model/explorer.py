"""Explores all reachable states breadth-first, and checks the properties of waiting on each quiet state."""

from array import array
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from model.canonical import canonical
from model.protocol import Bounds, Protocol, State, Violation


class Found(NamedTuple):
    """A broken property: its name with the reason, and the shortest way to it."""

    name: str
    trace: tuple[str, ...]


class Result(NamedTuple):
    """The sums of an exploration. quiet: the states in which no fair step is left."""

    states: int
    transitions: int
    quiet: int
    found: Found | None


class Explorer:
    """One exploration of a protocol."""

    def __init__(self, bounds: Bounds, mutants: Iterable[str] = ()) -> None:
        self._protocol = Protocol(bounds, frozenset(mutants))
        self._budget = bounds.budget
        self._ids: dict[State, int] = {}
        self._from = array("i")
        self._by: list[str] = []
        # The fair steps: those of state n lead to _fair_to[_fair_at[n] : _fair_at[n + 1]].
        self._fair_to = array("i")
        self._fair_at = array("i", [0])
        self._settled: dict[State, frozenset[State]] = {}

    def explore(self) -> Result:
        """Visit each reachable state once. The result has the first broken property, and the shortest trace to it."""
        states = deque([self._note(canonical(self._protocol.start()), -1, "start")])
        transitions = quiet = 0
        while states:
            state = states.popleft()
            at = self._ids[state]
            is_quiet = True
            try:
                for name, is_fair, after in self._protocol.steps(state):
                    transitions += 1
                    is_quiet = is_quiet and not is_fair
                    form = canonical(after)
                    if form not in self._ids:
                        states.append(self._note(form, at, name))
                    if is_fair:
                        self._fair_to.append(self._ids[form])
            except Violation as broken:
                return Result(len(self._ids), transitions, quiet, Found(str(broken), self._trace(at)))
            self._fair_at.append(len(self._fair_to))
            if is_quiet:
                quiet += 1
                found = self._check(state, at)
                if found is not None:
                    return Result(len(self._ids), transitions, quiet, found)
        return Result(len(self._ids), transitions, quiet, self._find_loop())

    def _note(self, state: State, parent: int, by: str) -> State:
        self._ids[state] = len(self._ids)
        self._from.append(parent)
        self._by.append(by)
        return state

    def _trace(self, at: int) -> tuple[str, ...]:
        names = []
        while at >= 0:
            names.append(self._by[at])
            at = self._from[at]
        return tuple(reversed(names))

    def _check(self, state: State, at: int) -> Found | None:
        """The properties of waiting, in a state that changes only by a fault, a write, a timeout or a tick."""
        for date in range(len(state.dates)):
            name = self._problem(state, date)
            if name is not None:
                return Found(name, (*self._trace(at), f"then nothing looks at date {date}: {state}"))
        return None

    def _problem(self, state: State, at: int) -> str | None:
        """The property that a quiet state breaks for one date."""
        protocol, date = self._protocol, state.dates[at]
        if date.passed or not protocol.holds(state, at):
            return None
        if date.at not in ("await", "dead"):
            return "LOOP: the run neither waits nor ends"
        if date.at == "await" and any(
            not after.dates[at].passed for after in self._settle(protocol.time_out(state, at))
        ):
            return "TIME: the run is not looked at although the time of its look has come"
        if protocol.turned_by_time(state, at):
            return None
        if state.budget.faults == self._budget.faults:
            return "WAKE: the run waits although its rules hold, and no fault has happened"
        if any(not after.dates[at].passed for after in self._settle(protocol.tick(state))):
            return "NET: the run waits although its rules hold, also after a tick of the watchdog"
        return None

    def _settle(self, state: State) -> frozenset[State]:
        """The quiet states to which the fair steps lead from a state."""
        form = canonical(state)
        known = self._settled.get(form)
        if known is None:
            seen, left, ends = {form}, [form], set()
            while left:
                one = left.pop()
                afters = [canonical(after) for _, _, after in self._protocol.fair_steps(one)]
                if not afters:
                    ends.add(one)
                fresh = set(afters) - seen
                seen |= fresh
                left.extend(fresh)
            known = self._settled[form] = frozenset(ends)
        return known

    def _find_loop(self) -> Found | None:
        """A circle of fair steps, in which a run could be looked at for ever. Kahn's order finds each."""
        degrees = array("i", bytes(4 * len(self._ids)))
        for target in self._fair_to:
            degrees[target] += 1
        ready = [at for at, degree in enumerate(degrees) if not degree]
        count = 0
        while ready:
            at = ready.pop()
            count += 1
            for target in self._fair_to[self._fair_at[at] : self._fair_at[at + 1]]:
                degrees[target] -= 1
                if not degrees[target]:
                    ready.append(target)
        if count == len(degrees):
            return None
        circle = next(at for at, degree in enumerate(degrees) if degree)
        return Found("LOOP: fair steps lead round in a circle", self._trace(circle))
