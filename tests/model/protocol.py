"""The waiting protocol as a transition system: executions, router, watchdog, sensor writer, and their faults.

A state is a tuple of tuples. `steps` gives its successors. The comments name the function that a step mirrors.
"""

from collections.abc import Iterator
from typing import NamedTuple

from model.rows import Row, forget_token, open_wait, record_wake, register

MUTANTS = {
    "sensors-before-wakes": "a look reads the sensors before the number of wakes",
    "register-without-wakes": "a wait is registered whatever the number of wakes",
    "register-without-registrations": "a late registration replaces a newer one",
    "open-without-second-look": "the look is not repeated after OpenWait",
    "send-before-record": "a wake sends the success before it is recorded",
    "wake-without-token": "a wake is recorded although the token has changed since it was read",
    "forget-before-send": "a wake forgets the token before it sends the success",
    "recovery-keeps-row": "a recovery keeps the WAIT# row of the old run token",
    "tick-ignores-overdue": "the watchdog ignores overdue waits",
    "retry-catches-timeout": "the retrier States.ALL is before States.Timeout",
    "promise-without-condition": "the intent is committed although there is one",
    "promise-without-fence": "the intent is committed whatever the run token",
    "pass-without-fence": "a pass is committed whatever the run token",
    "pass-without-rules": "a look passes although its rules do not hold",
}


class Violation(Exception):
    """A transition broke a safety property. The text begins with the name of the property."""


class Call(NamedTuple):
    """An invocation of the orchestrator.

    look: the WAIT# row as its look has read it. held: whether the rules held at the reading.
    """

    mode: str
    run: int
    step: str
    look: Row | None = None
    held: bool = False
    token: int = 0


class Date(NamedTuple):
    """One run: its trigger row, its WAIT# row, its execution, and the invocations.

    run: the run token. passed, promised: evaluatedAt and jobIntent of the trigger row. starts: the accepted starts.
    at: the state of the execution. token: the task token at which it waits. answer: the wait row of its last look.
    call: the invocation on whose answer the execution depends. strays: invocations that it no longer knows.
    issued: the highest number of a task token that a part of the state still names.
    """

    run: int = 1
    passed: bool = False
    promised: bool = False
    starts: int = 0
    row: Row | None = None
    at: str = "look"
    token: int = 0
    answer: Row | None = None
    call: Call | None = None
    strays: tuple[Call, ...] = ()
    issued: int = 0


class Sender(NamedTuple):
    """A process that wakes: a router with its record, or a tick. todo: the dates with their rows as read."""

    step: str = "idle"
    todo: tuple[tuple[int, Row], ...] = ()


class Budget(NamedTuple):
    """The faults, timeouts and ticks that may still come."""

    faults: int
    timeouts: int
    ticks: int


class State(NamedTuple):
    """The whole system.

    sensors: the number of writes of each sensor so far. queues: the sensors of unhandled records, of the stream and of
    the queue of events. senders: those of SENDERS.
    """

    dates: tuple[Date, ...]
    sensors: tuple[int, ...]
    queues: tuple[tuple[int, ...], ...]
    senders: tuple[Sender, ...]
    budget: Budget


class Write(NamedTuple):
    """A write of a sensor. by: ROW makes a record in the stream, EVENT in another queue, TIME none."""

    holds: bool
    by: int = 0


ROW, EVENT, TIME = range(3)

SENDERS = ("router", "router of events", "watchdog")
"""Routers of one queue handle its records in order. Those of the two queues and the watchdog run side by side."""

WATCHDOG = 2


class Bounds(NamedTuple):
    """The size of a model. reads: the sensors of each date's rules. writes: the writes of each sensor, in order."""

    reads: tuple[tuple[int, ...], ...]
    writes: tuple[tuple[Write, ...], ...]
    budget: Budget
    faults: frozenset[str] = frozenset(("kill", "retry", "duplicate", "lost", "router", "bury", "abort"))


Successor = tuple[str, bool, State]
"""A step's name, whether it is fair (it happens sooner or later without a fault), and the state after it."""

LOOK = "read-wait"


class Protocol:
    """The transitions of the protocol within bounds. mutants: names of MUTANTS."""

    def __init__(self, bounds: Bounds, mutants: frozenset[str] = frozenset()) -> None:
        self.bounds = bounds
        self.mutants = mutants
        self._first = "read-sensors" if "sensors-before-wakes" in mutants else LOOK
        self._orders = [self._order(who) for who in range(len(SENDERS))]

    def start(self) -> State:
        """All executions look for the first time, and no sensor is written."""
        dates = tuple(self._look(Date()) for _ in self.bounds.reads)
        return State(dates, (0,) * len(self.bounds.writes), ((), ()), (Sender(),) * len(SENDERS), self.bounds.budget)

    def holds(self, state: State, at: int) -> bool:
        """Whether the rules of a date hold now."""
        return all(self._value(state, sensor) for sensor in self.bounds.reads[at])

    def turned_by_time(self, state: State, at: int) -> bool:
        """Whether a rule of a date holds by time alone."""
        writes = self.bounds.writes
        return any(
            state.sensors[sensor] and writes[sensor][state.sensors[sensor] - 1].by == TIME
            for sensor in self.bounds.reads[at]
        )

    def steps(self, state: State) -> Iterator[Successor]:
        """All successors of a state. Raises Violation."""
        yield from self.fair_steps(state)
        yield from self._writes(state)
        yield from self._budgeted(state)

    def fair_steps(self, state: State) -> Iterator[Successor]:
        """The successors without a fault, a write, a timeout and a tick. Raises Violation."""
        for at, date in enumerate(state.dates):
            if date.call is not None:
                yield self._named(at, date.call), True, self._run(state, at, date.call, stray=False)
            for stray in date.strays:
                yield f"stray {self._named(at, stray)}", True, self._run(state, at, stray, stray=True)
        for who, sender in enumerate(state.senders):
            if sender.step != "idle":
                yield self._send(state, sender, who)
            elif who != WATCHDOG and state.queues[who]:
                yield self._query(state, who)

    def _value(self, state: State, sensor: int) -> bool:
        count = state.sensors[sensor]
        return count > 0 and self.bounds.writes[sensor][count - 1].holds

    @staticmethod
    def _named(at: int, call: Call) -> str:
        return f"date {at} run {call.run} {call.mode} {call.step}"

    # The orchestrator.

    def _look(self, date: Date) -> Date:
        """The state machine enters Evaluate. An invocation under way is forgotten, and may go on."""
        strays = date.strays if date.call is None else _sorted((*date.strays, date.call))
        call = Call("evaluate", date.run, self._first)
        return date._replace(at="look", token=0, answer=None, call=call, strays=strays)

    def _run(self, state: State, at: int, call: Call, *, stray: bool) -> State:
        """The next step of an invocation."""
        date = state.dates[at]
        if stray:
            strays = list(date.strays)
            strays.remove(call)
            date = date._replace(strays=tuple(strays))
        else:
            date = date._replace(call=None)
        match call.mode:
            case "evaluate":
                date = self._evaluate(state, at, date, call, stray)
            case "register":
                date = self._register(date, call, stray)
            case _:
                date = self._trigger(date, call, stray)
        return _with(state, at, date)

    def _go_on(self, date: Date, call: Call, stray: bool) -> Date:
        return date._replace(strays=_sorted((*date.strays, call))) if stray else date._replace(call=call)

    def _evaluate(self, state: State, at: int, date: Date, call: Call, stray: bool) -> Date:
        """`runs.evaluate`: run_context, readings, decide_evaluation, commit."""
        if call.step == LOOK:
            if call.run != date.run:  # Superseded
                return date
            if date.passed:
                return self._answer(date, stray, "trigger", None)
            call = call._replace(look=date.row)
            if self._first != LOOK:
                return self._decide(date, call, stray)
            return self._go_on(date, call._replace(step="read-sensors"), stray)
        if call.step == "read-sensors":
            call = call._replace(held=self.holds(state, at))
            if self._first != LOOK:
                return self._go_on(date, call._replace(step=LOOK), stray)
            return self._decide(date, call, stray)
        if call.step == "pass":  # PassEvaluation
            is_own = call.run == date.run or "pass-without-fence" in self.mutants
            if not is_own or date.passed:
                return self._go_on(date, Call("evaluate", call.run, self._first), stray)
            _check_fence(date, call)
            if not call.held:
                raise Violation("SAFE-START: a look passed whose rules did not hold")
            return self._answer(date._replace(passed=True, row=None), stray, "trigger", None)
        return self._open(date, call, stray)

    def _decide(self, date: Date, call: Call, stray: bool) -> Date:
        """`decide_evaluation` and `decide_hold`: a held run with a WAIT# row needs no commit."""
        if call.held or "pass-without-rules" in self.mutants:
            return self._go_on(date, call._replace(step="pass"), stray)
        if call.look is None or call.look.run != call.run:
            return self._go_on(date, call._replace(step="open"), stray)
        return self._answer(date, stray, "await", call.look)

    def _open(self, date: Date, call: Call, stray: bool) -> Date:
        """OpenWait under the fence of the trigger row. The caller looks again in any case."""
        again = Call("evaluate", call.run, self._first)
        opened = open_wait(date.row, call.look, call.run) if call.run == date.run else None
        if opened is None:
            return self._go_on(date, again, stray)
        date = date._replace(row=opened)
        if "open-without-second-look" in self.mutants:
            return self._answer(date, stray, "await", opened)
        return self._go_on(date, again, stray)

    def _answer(self, date: Date, stray: bool, to: str, look: Row | None) -> Date:
        """The Choice state Evaluated. The answer of a stray invocation has no reader."""
        if stray:
            return date
        if to == "trigger":
            return date._replace(at=to, call=Call("trigger", date.run, "promise"))
        assert look is not None
        # Only the numbers go into the answer.
        answer = look._replace(token=0, overdue=False)
        return self._await(date._replace(at="await", answer=answer))

    def _await(self, date: Date) -> Date:
        """Enter AwaitSensors, or repeat it after an error: each entry has a new task token."""
        token = date.issued + 1
        call = Call("register", date.run, "commit", date.answer, token=token)
        return date._replace(token=token, issued=token, call=call)

    def _register(self, date: Date, call: Call, stray: bool) -> Date:
        """`register_wait`: one conditional update, else the success."""
        if call.step == "succeed":
            return self._succeed(date, call.token)
        assert call.look is not None
        row = register(date.row, call.look, call.token, self.mutants)
        if row is None:
            return self._go_on(date, call._replace(step="succeed"), stray)
        _check_fence(date, call)
        return date._replace(row=row)

    def _succeed(self, date: Date, token: int) -> Date:
        """SendTaskSuccess. A token at which the execution does not wait has no effect."""
        return self._look(date) if date.at == "await" and token and date.token == token else date

    def _trigger(self, date: Date, call: Call, stray: bool) -> Date:
        """`runs.trigger` for a target that cannot be asked: only the invocation that commits the intent sends."""
        if call.step == "promise":
            is_free = not date.promised or "promise-without-condition" in self.mutants
            is_own = call.run == date.run or "promise-without-fence" in self.mutants
            if is_own and date.passed and is_free:  # CommitIntent
                _check_fence(date, call)
                return self._go_on(date._replace(promised=True), call._replace(step="send"), stray)
        elif not date.promised:
            raise Violation("INTENT: a start was sent without an intent")
        elif date.starts:
            raise Violation("ONE-START: a second start of one attempt was accepted")
        else:
            date = date._replace(starts=1)
        return date if stray else date._replace(at="end")

    # The senders.

    def _query(self, state: State, who: int) -> Successor:
        """`SensorIntake._wake_runs`: the waits of the pipeline for which the record counts."""
        sensor = state.queues[who][0]
        found = tuple(
            (at, date.row)
            for at, date in enumerate(state.dates)
            if date.row is not None and sensor in self.bounds.reads[at]
        )
        return f"{SENDERS[who]} reads the waits for sensor {sensor}", True, self._next(state, who, found)

    def _next(self, state: State, who: int, todo: tuple[tuple[int, Row], ...]) -> State:
        """The sender's next wait, or its end. The router's record is handled with its last wait."""
        if todo:
            return _sending(state, who, Sender(self._orders[who][0], todo))
        return _handled(state, who)

    def _order(self, who: int) -> list[str]:
        """The steps of a wake. The watchdog sends the successes of recorded wakes."""
        order = ["record", "send", "forget"]
        if "send-before-record" in self.mutants:
            order = ["send", "record", "forget"]
        if "forget-before-send" in self.mutants:
            order = ["record", "forget", "send"]
        return [step for step in order if step != "record"] if who == WATCHDOG else order

    def _send(self, state: State, sender: Sender, who: int) -> Successor:
        """`Wakes.wake` and `Wakes.send`, one step at a time."""
        (at, read), *others = sender.todo
        date, rest = state.dates[at], tuple(others)
        name = f"{SENDERS[who]} {sender.step} date {at} token {read.token}"
        if sender.step == "record":
            return name, True, self._record(state, sender, who)
        if sender.step == "send":
            state = _with(state, at, self._succeed(date, read.token))
        else:
            state = _with(state, at, date._replace(row=forget_token(date.row, read) or date.row))
        return name, True, self._after(state, who, sender, rest)

    def _record(self, state: State, sender: Sender, who: int) -> State:
        (at, read), *others = sender.todo
        date, rest = state.dates[at], tuple(others)
        row = record_wake(date.row, read, self.mutants)
        if row is not None:
            return self._after(_with(state, at, date._replace(row=row)), who, sender, rest)
        if date.row is None:
            return self._next(state, who, rest)
        # The loop of Wakes.wake reads the row again.
        return _sending(state, who, Sender("record", ((at, date.row), *rest)))

    def _after(self, state: State, who: int, sender: Sender, rest: tuple[tuple[int, Row], ...]) -> State:
        """The step after one of a wait's steps. Without a token there is nothing to send."""
        order = self._orders[who]
        left = order[order.index(sender.step) + 1 :]
        if not sender.todo[0][1].token:
            left = [step for step in left if step == "record"]
        if left:
            return _sending(state, who, sender._replace(step=left[0]))
        return self._next(state, who, rest)

    # The environment.

    def _writes(self, state: State) -> Iterator[Successor]:
        """Each sensor's writes come in order. A recorded write is in the stream from then on."""
        for sensor, count in enumerate(state.sensors):
            if count == len(self.bounds.writes[sensor]):
                continue
            sensors = (*state.sensors[:sensor], count + 1, *state.sensors[sensor + 1 :])
            write = self.bounds.writes[sensor][count]
            queues = tuple((*queue, sensor) if by == write.by else queue for by, queue in enumerate(state.queues))
            yield f"sensor {sensor} := {write.holds}", False, state._replace(sensors=sensors, queues=queues)

    def _budgeted(self, state: State) -> Iterator[Successor]:
        budget = state.budget
        if budget.timeouts:
            after = budget._replace(timeouts=budget.timeouts - 1)
            for at, date in enumerate(state.dates):
                if date.at == "await":
                    yield f"date {at} times out", False, self.time_out(state._replace(budget=after), at)
        if budget.ticks and state.senders[WATCHDOG].step == "idle":
            after = budget._replace(ticks=budget.ticks - 1)
            less = state._replace(budget=after)
            ticked = self.tick(less)
            if ticked != less:
                yield "tick", False, ticked
            late = self.tick(less, late=True)
            if late != ticked:
                yield "tick after the time of every look", False, late
        if budget.faults:
            less = state._replace(budget=budget._replace(faults=budget.faults - 1))
            for at in range(len(state.dates)):
                yield from self._faults(less, at)
            for who in range(WATCHDOG):
                yield from self._router_faults(less, who)

    def time_out(self, state: State, at: int) -> State:
        """The time of a wait's look has come: States.Timeout goes to Evaluate."""
        date = state.dates[at]
        if "retry-catches-timeout" in self.mutants:
            return _with(state, at, self._await(_stray(date)))
        return _with(state, at, self._look(date))

    def tick(self, state: State, *, late: bool = False) -> State:
        """`Recovery.dead_executions` and `Recovery.overdue_waits`. late: the look of every wait has passed."""
        for at, date in enumerate(state.dates):
            if date.at == "dead":
                state = _with(state, at, self._recover(date))
        if "tick-ignores-overdue" in self.mutants:
            return state
        found = tuple(
            (at, date.row)
            for at, date in enumerate(state.dates)
            if date.row is not None and date.row.token and (late or date.row.overdue)
        )
        return self._next(state, WATCHDOG, found)

    def _recover(self, date: Date) -> Date:
        """`decide_recovery`: a new run token, without a WAIT# row. A promise is kept, a pass alone is not."""
        row = date.row if "recovery-keeps-row" in self.mutants else None
        return self._look(date._replace(run=date.run + 1, passed=date.passed and date.promised, row=row))

    def _faults(self, state: State, at: int) -> Iterator[Successor]:
        date, wanted = state.dates[at], self.bounds.faults
        if date.at in ("end", "dead"):
            return
        call = date.call
        if call is not None and "kill" in wanted:
            yield f"{self._named(at, call)} ends early", False, _with(state, at, self._again(date._replace(call=None)))
        if call is not None and "retry" in wanted:
            yield f"{self._named(at, call)} is repeated", False, _with(state, at, self._again(_stray(date)))
        if call is not None and call.step == "commit" and "duplicate" in wanted:
            strays = _sorted((*date.strays, call))
            yield f"{self._named(at, call)} is doubled", False, _with(state, at, date._replace(strays=strays))
        if call is None and date.at == "await" and "lost" in wanted:
            yield f"date {at} register's answer is lost", False, _with(state, at, self._await(date))
        if "abort" in wanted:
            gone = _stray(date)._replace(at="dead", token=0, answer=None)
            yield f"date {at} execution is aborted", False, _with(state, at, gone)

    def _again(self, date: Date) -> Date:
        """The retriers of the state machine: the task is invoked again."""
        if date.at == "await":
            return self._await(date)
        if date.at == "look":
            return self._look(date)
        return date._replace(call=Call("trigger", date.run, "promise"))

    def _router_faults(self, state: State, who: int) -> Iterator[Successor]:
        router = state.senders[who]
        if router.step == "idle":
            return
        if "router" in self.bounds.faults:
            yield f"{SENDERS[who]} ends, the record comes again", False, _sending(state, who, Sender())
        if "bury" in self.bounds.faults and router.step != "record" and len(router.todo) == 1:
            yield f"{SENDERS[who]} ends after its last try, its wakes are recorded", False, _handled(state, who)


def _sending(state: State, who: int, sender: Sender) -> State:
    senders = state.senders
    return state._replace(senders=(*senders[:who], sender, *senders[who + 1 :]))


def _handled(state: State, who: int) -> State:
    """The sender is idle, and a router's record leaves its queue."""
    queues = tuple(queue[1:] if at == who else queue for at, queue in enumerate(state.queues))
    return _sending(state, who, Sender())._replace(queues=queues)


def _check_fence(date: Date, call: Call) -> None:
    if call.run != date.run:
        raise Violation(f"FENCE: a superseded execution wrote in {call.mode} {call.step}")


def _with(state: State, at: int, date: Date) -> State:
    dates = state.dates
    return state._replace(dates=(*dates[:at], date, *dates[at + 1 :]))


def _stray(date: Date) -> Date:
    return date if date.call is None else date._replace(call=None, strays=_sorted((*date.strays, date.call)))


def _sorted(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The order of strays has no meaning."""
    return tuple(sorted(calls, key=repr)) if len(calls) > 1 else calls
