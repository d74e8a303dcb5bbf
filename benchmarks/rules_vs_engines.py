"""Times ten mixed rules, warm, against the Python rule engines: the same rules, the same facts, the same answers.

`uv run nox -s bench`. Each engine gets all ten rules as one compiled expression, and facts in its fastest types,
converted beforehand. Ages are subtractions of epoch seconds for it. interlock-rules evaluates its own ten rules.
Explanations are built on demand and have a line of their own.
"""

import timeit
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from interlock_rules import Check, Mode, Rule, compile_rules

TARGET_MICROSECONDS = 3.0
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
Facts = dict[str, dict[str, Any]]


class Case(NamedTuple):
    """One rule, and a value of its field with which it does not hold. None means a missing field."""

    rule: Rule
    failing: object


CASES = (
    Case(Rule("rows", Check.EXISTS, "loadedAt"), None),
    Case(Rule("rows", Check.GTE, "count", 1500), 1499),
    Case(Rule("rows", Check.LTE, "rejected", 10), 11),
    Case(Rule("status", Check.EQUALS, "state", "ready"), "late"),
    Case(Rule("status", Check.EQUALS, "complete", True), False),
    Case(Rule("status", Check.EQUALS, "partitions", 24), 23),
    Case(Rule("quality", Check.GT, "score", 0.95), 0.95),
    Case(Rule("quality", Check.LT, "nulls", 0.01), 0.5),
    Case(Rule("feed", Check.AGE_LT, "seen", "30m"), SECONDS - 1800),
    Case(Rule("closing", Check.AGE_GT, "seen", "1h"), SECONDS - 3600),
)
FACTS: Facts = {
    "rows": {"count": 1600, "rejected": 3, "loadedAt": "2026-03-03T11:59:00Z"},
    "status": {"state": "ready", "complete": True, "partitions": 24},
    "quality": {"score": 0.99, "nulls": 0.001},
    "feed": {"seen": SECONDS - 60},
    "closing": {"seen": SECONDS - 7200},
}
LIMITS = {"30m": 1800, "1h": 3600}
OPERATORS = {
    Check.GT: ">",
    Check.GTE: ">=",
    Check.LT: "<",
    Check.LTE: "<=",
    Check.EQUALS: "==",
    Check.AGE_LT: "<",
    Check.AGE_GT: ">",
}


class Engine(NamedTuple):
    """An engine with the ten compiled rules, its conversion of facts and its evaluation."""

    name: str
    prepare: Callable[[Facts], Any]
    evaluate: Callable[[Any], object]


def ours() -> Engine:
    rules = compile_rules(Mode.ALL, [case.rule for case in CASES])
    return Engine("interlock-rules", lambda facts: facts, lambda facts: rules.evaluate(facts, NOW).passed)


def expression(rule: Rule, exists: str = "{} != null") -> str:
    """The rule as a text for rule-engine, CEL and zen, which differ only in their literals."""
    path = f"{rule.key}.{rule.field}"
    if rule.check is Check.EXISTS:
        return exists.format(path)
    if rule.check in (Check.AGE_LT, Check.AGE_GT):
        return f"now - {path} {OPERATORS[rule.check]} {LIMITS[rule.value]}"
    return f"{path} {OPERATORS[rule.check]} {literal(rule.value)}"


def literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def with_now(facts: Facts) -> dict[str, Any]:
    return {**facts, "now": SECONDS}


def rule_engine() -> Engine:
    import rule_engine

    text = " and ".join(expression(case.rule) for case in CASES)
    rule = rule_engine.Rule(text, context=rule_engine.Context(default_value=None))
    return Engine("rule-engine", with_now, rule.matches)


def json_logic() -> Engine:
    from json_logic import jsonLogic

    def logic(rule: Rule) -> dict[str, Any]:
        observed: dict[str, Any] = {"var": f"{rule.key}.{rule.field}"}
        if rule.check is Check.EXISTS:
            return {"!==": [observed, None]}
        if rule.check in (Check.AGE_LT, Check.AGE_GT):
            return {OPERATORS[rule.check]: [{"-": [{"var": "now"}, observed]}, LIMITS[rule.value]]}
        return {"===" if rule.check is Check.EQUALS else OPERATORS[rule.check]: [observed, rule.value]}

    rules = {"and": [logic(case.rule) for case in CASES]}
    return Engine("json-logic-qubit", with_now, lambda facts: jsonLogic(rules, facts))


def cel() -> Engine:
    import celpy

    text = " && ".join(expression(case.rule, "has({})") for case in CASES)
    environment = celpy.Environment(runner_class=celpy.CompiledRunner)
    program = environment.program(environment.compile(text))

    def prepare(facts: Facts) -> dict[str, Any]:
        return {name: celpy.json_to_cel(value) for name, value in with_now(facts).items()}

    return Engine("cel-python", prepare, program.evaluate)


def zen() -> Engine:
    import zen

    text = " and ".join(expression(case.rule) for case in CASES)
    return Engine("zen-engine", with_now, zen.compile_expression(text).evaluate)


def situations() -> list[tuple[str, Facts]]:
    """Facts with which every rule holds, and for each rule facts with which only this rule does not hold."""
    found = [("all rules hold", FACTS)]
    for case in CASES:
        facts, field = deepcopy(FACTS), case.rule.field or ""
        del facts[case.rule.key][field]
        if case.failing is not None:
            facts[case.rule.key][field] = case.failing
        found.append((f"{case.rule.key} {case.rule.check} fails", facts))
    return found


def microseconds(run: Callable[[], object]) -> float:
    """The best of nine runs, of a tenth of a second each."""
    timer = timeit.Timer(run)
    loops = max(1, timer.autorange()[0] // 2)
    return min(timer.repeat(9, loops)) / loops * 1e6


def disagreements(engines: list[Engine]) -> list[str]:
    """The situations in which an engine gives a wrong answer."""
    wrong = []
    for number, (name, facts) in enumerate(situations()):
        for engine in engines:
            answer = engine.evaluate(engine.prepare(facts))
            if bool(answer) is not (number == 0):
                wrong.append(f"{engine.name}: {name}: {answer!r}")
    return wrong


def report(times: Mapping[str, float], explained: float) -> None:
    base = times["interlock-rules"]
    print(f"{'engine':<18} {'version':>8} {'µs':>10} {'times ours':>11}")
    for name, time in sorted(times.items(), key=lambda item: item[1]):
        print(f"{name:<18} {version(name):>8} {time:>10.2f} {time / base:>11.1f}")
    print(f"\nexplaining a failure, on demand: {explained:.2f} µs")
    met = "met" if base <= TARGET_MICROSECONDS else "MISSED"
    print(f"target: 10 rules in {TARGET_MICROSECONDS} µs: {met} ({base:.2f} µs)")
    slower = all(time > base for name, time in times.items() if name != "interlock-rules")
    print(f"target: ahead of every other engine: {'met' if slower else 'MISSED'}")


def main() -> int:
    """Print the table. Returns 1 if engines disagree."""
    engines = [ours()]
    for make in (rule_engine, json_logic, cel, zen):
        try:
            engines.append(make())
        except ModuleNotFoundError as missing:
            print(f"left out: {missing}, which is in the dependency group `bench`")
    wrong = disagreements(engines)
    print("\n".join(wrong) or f"{len(engines)} engines agree in {len(situations())} situations\n")
    if wrong:
        return 1
    times = {}
    for engine in engines:
        facts = engine.prepare(FACTS)
        times[engine.name] = microseconds(lambda engine=engine, facts=facts: engine.evaluate(facts))  # type: ignore[misc]
    rules = compile_rules(Mode.ALL, [case.rule for case in CASES])
    late = dict(situations())["status equals fails"]
    report(times, microseconds(lambda: rules.evaluate(late, NOW).explain()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
