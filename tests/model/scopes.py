"""The bounds of the model: the short set of the test suite and the large one."""

from model.protocol import EVENT, TIME, Bounds, Budget, Write

_TRUE = (Write(holds=True),)
_BY_TIME = (Write(holds=True, by=TIME),)
_BY_EVENT = (Write(holds=True, by=EVENT),)
_REWRITTEN = (Write(holds=True), Write(holds=False), Write(holds=True))

_ONE = ((0, 1),)
"""One date, whose rules read both sensors."""

_PAIR = ((0, 1), (0, 2))
"""Two dates. Their rules share the first sensor."""

_ROUTER = frozenset(("router", "bury"))


def _one(*budget: int) -> Bounds:
    return Bounds(_ONE, (_TRUE, _BY_TIME), Budget(*budget))


def _pair(*budget: int) -> Bounds:
    return Bounds(_PAIR, (_TRUE,) * 3, Budget(*budget))


SHORT = {
    "one date, a fault, a timeout and a tick": _one(1, 1, 1),
    "one date, two faults": _one(2, 0, 0),
    "one date, a rewritten sensor, a fault and a timeout": Bounds(((0,),), (_REWRITTEN,), Budget(1, 1, 0)),
    "one date, a row and an event, a fault": Bounds(_ONE, (_TRUE, _BY_EVENT), Budget(1, 0, 0)),
    "two dates": _pair(0, 0, 0),
    "two dates, a fault of the router": _pair(1, 0, 0)._replace(faults=_ROUTER),
}

LARGE = {
    "one date, two faults, a timeout and a tick": _one(2, 1, 1),
    "one date, three sensors, a fault and a tick": Bounds(((0, 1, 2),), (_TRUE,) * 3, Budget(1, 0, 1)),
    "one date, three sensors, a fault and a timeout": Bounds(((0, 1, 2),), (_TRUE,) * 3, Budget(1, 1, 0)),
    "one date, a rewritten sensor, a fault, a timeout and a tick": Bounds(((0,),), (_REWRITTEN,), Budget(1, 1, 1)),
    "one date, a row and an event, a fault, a timeout": Bounds(_ONE, (_TRUE, _BY_EVENT), Budget(1, 1, 0)),
    "one date, a row and an event, a fault, a tick": Bounds(_ONE, (_TRUE, _BY_EVENT), Budget(1, 0, 1)),
    "two dates, a rewritten sensor": Bounds(_PAIR, (_REWRITTEN, _TRUE, _TRUE), Budget(0, 0, 0)),
    "two dates, a fault": _pair(1, 0, 0),
    "two dates, a timeout": _pair(0, 1, 0),
    "two dates, a tick": _pair(0, 0, 1),
}

_TWO_ROWS = Bounds(_ONE, (_TRUE, _TRUE), Budget(0, 0, 0))
_WITH_FAULT = _TWO_ROWS._replace(budget=Budget(1, 0, 0))
_RECOVERED = _TWO_ROWS._replace(budget=Budget(1, 0, 1))

HUNTS: dict[tuple[str, ...], tuple[Bounds, str]] = {
    ("sensors-before-wakes",): (_TWO_ROWS, "WAKE"),
    ("register-without-wakes",): (_TWO_ROWS, "WAKE"),
    ("wake-without-token",): (_TWO_ROWS, "WAKE"),
    ("open-without-second-look",): (_TWO_ROWS, "WAKE"),
    ("send-before-record",): (_TWO_ROWS, "WAKE"),
    ("register-without-registrations",): (_WITH_FAULT, "NET"),
    ("forget-before-send",): (_WITH_FAULT, "NET"),
    ("tick-ignores-overdue",): (_WITH_FAULT, "NET"),
    ("promise-without-condition",): (_WITH_FAULT, "ONE-START"),
    ("pass-without-rules",): (_TWO_ROWS, "SAFE-START"),
    ("pass-without-fence",): (_RECOVERED, "FENCE"),
    ("promise-without-fence",): (_RECOVERED, "FENCE"),
    ("recovery-keeps-row",): (_RECOVERED, "FENCE"),
    # The number of registrations alone makes the repeated task look, so this mistake has no effect with it.
    ("retry-catches-timeout", "register-without-registrations"): (_one(0, 0, 0), "TIME"),
}
"""The mutants, each with the bounds and the property that finds it."""
