"""Finds the JSONPaths that every state of a definition may rely on, and reads of paths that a route leaves unset.

This is a forward data-flow analysis: a state may rely on the paths that all of its incoming edges set. The module
reports anything that it cannot analyse: other state types, other fields, filters in paths.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

Paths: TypeAlias = frozenset[str]
State: TypeAlias = Mapping[str, Any]
Answers: TypeAlias = Callable[[str], Paths]
"""The fields (`$.status`) that a Task's answer always has, by the Task's resource."""

_CONTEXT = frozenset({"$$.Execution.Id", "$$.Execution.Name", "$$.Execution.StartTime", "$$.State.Name"})
_TOKEN = "$$.Task.Token"
"""Only a Task that waits for a success of its token has one."""
_WAITS = ".waitForTaskToken"
_ERROR = frozenset({"$", "$.Error"})
"""The paths that a Catch sets. A Cause may be absent."""
_PLAIN = re.compile(r"\$(\.\w+)*")
_MENTIONED = re.compile(r"\${1,2}(?:[\w.*]|\[[^\]]*\])*")
_COMMON = frozenset({"Type", "Comment", "Next", "InputPath"})
_FIELDS = {
    "Task": _COMMON
    | {"Resource", "Parameters", "ResultPath", "Retry", "Catch"}
    | {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds"},
    "Choice": _COMMON | {"Choices", "Default"},
    "Wait": _COMMON | {"Seconds", "SecondsPath", "TimestampPath"},
    "Succeed": _COMMON,
    "Fail": _COMMON | {"Error", "Cause", "ErrorPath", "CausePath"},
}


class Finding(Struct, frozen=True, order=True):
    """A state with a path that it reads and that a route leaves unset, or with a part that could not be analysed."""

    state: str
    path: str


class _Edge(Struct, frozen=True):
    target: str
    known: Paths


class _Look(Struct):
    """The reads of one state, each with the known paths at that point, and its edges."""

    reads: list[tuple[str, Paths]] = []
    edges: list[_Edge] = []


def with_prefixes(*paths: str) -> Paths:
    """The paths and all paths that they imply: `$.a.b` implies `$.a` and `$`."""
    found = set()
    for path in paths:
        parts = path.split(".")
        found |= {".".join(parts[: length + 1]) for length in range(len(parts))}
    return frozenset(found)


def put(known: Paths, path: str | None, value: Paths) -> Paths:
    """The known paths after a value was written at a path (None: nothing is written)."""
    if path is None:
        return known
    kept = frozenset(one for one in known if one != path and not one.startswith(f"{path}."))
    inner = frozenset(path + one.removeprefix("$") for one in value)
    return (kept if path != "$" else frozenset()) | inner | with_prefixes(path)


def guaranteed(definition: Mapping[str, Any], given: Paths, answers: Answers) -> dict[str, Paths]:
    """The paths that every reachable state may rely on, by state."""
    states = definition["States"]
    entry: dict[str, Paths] = {definition["StartAt"]: given}
    queue = [definition["StartAt"]]
    while queue:
        name = queue.pop()
        for edge in _look(states[name], entry[name], answers).edges:
            if edge.target not in states:
                continue
            before = entry.get(edge.target)
            after = edge.known if before is None else before & edge.known
            if after != before:
                entry[edge.target] = after
                queue.append(edge.target)
    return entry


def unset_reads(definition: Mapping[str, Any], given: Paths, answers: Answers) -> set[Finding]:
    """Every read of a path that a route leaves unset, and every part that could not be analysed."""
    found = {Finding("", f"{name} is not analysed") for name in definition if name == "QueryLanguage"}
    for name, entry in guaranteed(definition, given, answers).items():
        state = definition["States"][name]
        look = _look(state, entry, answers)
        found |= {Finding(name, path) for path, known in look.reads if not _is_there(path, known, state)}
        found |= {
            Finding(name, f"leads to {edge.target}") for edge in look.edges if edge.target not in definition["States"]
        }
        unknown = [field for field in state if field not in _FIELDS.get(state["Type"], frozenset())]
        found |= {Finding(name, f"{field} is not analysed") for field in unknown}
    return found


def waits_at_token(state: State) -> bool:
    """Whether the state is a Task that waits for a success of its token."""
    return state["Type"] == "Task" and str(state["Resource"]).endswith(_WAITS)


def _is_there(path: str, known: Paths, state: State) -> bool:
    if path.startswith("$$"):
        return path in _CONTEXT or (path == _TOKEN and waits_at_token(state))
    return _PLAIN.fullmatch(path) is not None and path in known


def _look(state: State, entry: Paths, answers: Answers) -> _Look:
    look = _Look(reads=[(state[name], entry) for name in state if name.endswith("Path") and name != "ResultPath"])
    match state["Type"]:
        case "Task":
            _look_at_task(look, state, entry, answers(state["Resource"]))
        case "Choice":
            _look_at_choice(look, state, entry)
        case "Wait":
            look.edges.append(_Edge(state["Next"], entry))
    return look


def _look_at_task(look: _Look, state: State, entry: Paths, answer: Paths) -> None:
    look.reads += [(path, entry) for path in _mentioned(state.get("Parameters", {}))]
    # A state or Catch without ResultPath replaces everything.
    look.edges.append(_Edge(state["Next"], put(entry, state.get("ResultPath", "$"), answer)))
    for catcher in state.get("Catch", []):
        look.edges.append(_Edge(catcher["Next"], put(entry, catcher.get("ResultPath", "$"), _ERROR)))
    # A Retry is an edge to the state itself with the same input, so it removes no path.


def _mentioned(template: object) -> Iterator[str]:
    """Every path that a Parameters template reads, also within intrinsic functions."""
    if isinstance(template, Mapping):
        for name, value in template.items():
            if name.endswith(".$"):
                yield from _MENTIONED.findall(value)
            else:
                yield from _mentioned(value)
    elif isinstance(template, list):
        for value in template:
            yield from _mentioned(value)


def _look_at_choice(look: _Look, state: State, entry: Paths) -> None:
    """Choices are tried in order. A choice with IsPresent adds a known path to its own edge, or to all later edges."""
    known = entry
    for choice in state["Choices"]:
        look.edges.append(_Edge(choice["Next"], _if_chosen(look, choice, known)))
        if choice.get("IsPresent") is False:
            known |= with_prefixes(choice["Variable"])
    if "Default" in state:
        look.edges.append(_Edge(state["Default"], known))
    else:
        look.edges.append(_Edge("nowhere, because there is no Default", known))


def _if_chosen(look: _Look, rule: State, known: Paths) -> Paths:
    """The known paths if a rule holds. The rule's own reads are added to `look`."""
    if "And" in rule:
        for inner in rule["And"]:
            known = _if_chosen(look, inner, known)
        return known
    if "Variable" not in rule:
        look.reads.append((f"{' '.join(sorted(set(rule) - {'Next'}))} is not analysed", known))
        return known
    if "IsPresent" in rule:
        return known | with_prefixes(rule["Variable"]) if rule["IsPresent"] else known
    look.reads += [(value, known) for name, value in rule.items() if name == "Variable" or name.endswith("Path")]
    return known
