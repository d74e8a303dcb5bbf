"""Loops that repeat a conditional write after another writer was first: one helper has them, with named exceptions.

A conditional writer is a function whose body handles a failed condition check, or returns the answer of one that does.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOMES = ("packages/interlock-cli", "packages/interlock-controller", "packages/interlock-store", "services/*")
MODULES = sorted(path for home in HOMES for path in ROOT.glob(f"{home}/src/**/*.py"))
FAILED_CHECKS = {"TransactionRejected", "ConditionalCheckFailedException"}

ANSWERS = ("bool", "Commit", "Mapping[str, Any] | None")
"""The types of an answer that says whether a condition held. The last one is the row before the write, or None."""

LOOPS = {
    "interlock_alert_dispatcher/threads.py: Threads._swap": "the service imports no controller",
    "interlock_store/_migrate.py: Migration._carry_out": "the store imports no controller",
    "interlock_store/_store.py: Store.commit": "a taken key moves to the next one, and nothing is decided again",
}
"""The loops over a failed condition check with the reason why each does not use `decide_until_settled`."""


def functions(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module with their qualified names. A nested function counts as a part of its own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield f"{owner}{node.name}", node
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from functions(node, f"{owner}{node.name}.")
        elif not isinstance(node, ast.expr):
            yield from functions(node, owner)


def names_in(node: ast.AST) -> set[str]:
    """The names and attributes that a piece of code uses."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def called_in(node: ast.AST) -> set[str]:
    """The last names of the functions that a piece of code calls."""
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}


def handles_a_failed_check(function: ast.FunctionDef) -> bool:
    handlers = [one for one in ast.walk(function) if isinstance(one, ast.ExceptHandler) and one.type is not None]
    return any(names_in(one.type) & FAILED_CHECKS for one in handlers if one.type is not None)


def conditional_writers(trees: list[ast.Module]) -> set[str]:
    """The names of the functions that answer whether their condition held."""
    known = [(name.rpartition(".")[2], function) for tree in trees for name, function in functions(tree)]
    writers = {name for name, function in known if handles_a_failed_check(function)}
    while more := {name for name, function in known if name not in writers and returned_from(function) & writers}:
        writers |= more
    return writers


def returned_from(function: ast.FunctionDef) -> set[str]:
    """The functions whose answer a function of one step returns."""
    returns = [one.value for one in ast.walk(function) if isinstance(one, ast.Return) and one.value is not None]
    is_answer = ast.unparse(function.returns) in ANSWERS if function.returns else False
    return set().union(*(called_in(value) for value in returns)) if is_answer else set()


def loops(tree: ast.Module, writers: set[str]) -> Iterator[str]:
    """The functions with a loop that repeats a conditional write: `while`, or a number of tries."""
    for name, function in functions(tree):
        for node in ast.walk(function):
            if (isinstance(node, ast.While) or is_a_number_of_tries(node)) and repeated_in(node) & writers:
                yield name
                break


def is_a_number_of_tries(node: ast.AST) -> bool:
    """Whether a loop counts its passes. A range with a step reads pages."""
    passes = node.iter if isinstance(node, ast.For) else None
    return isinstance(passes, ast.Call) and ast.unparse(passes.func) == "range" and len(passes.args) == 1


def repeated_in(loop: ast.AST) -> set[str]:
    """The functions that a loop calls, and those whose errors it handles itself."""
    handled = {"transact"} if names_in(loop) & FAILED_CHECKS else set()
    return called_in(loop) | handled


def found_loops(sources: Mapping[str, str]) -> set[str]:
    """The loops of modules, by `module: function`."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    writers = conditional_writers(list(trees.values())) | {"transact"}
    return {f"{name}: {function}" for name, tree in trees.items() for function in loops(tree, writers)}


def test_the_loops_over_a_failed_condition_check_are_known() -> None:
    sources = {str(path.relative_to(ROOT)).partition("/src/")[2]: path.read_text() for path in MODULES}
    assert found_loops(sources) == set(LOOPS)


WRITER = """
def swap(table) -> bool:
    try:
        table.update_item()
    except table.exceptions.ConditionalCheckFailedException:
        return False
    return True

class Rows:
    def save(self, table) -> bool:
        return swap(table)
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("while True:\n        if rows.save(1):\n            return", {"a: repeat"}),
        ("for _ in range(5):\n        if swap(1):\n            return", {"a: repeat"}),
        ("for _ in range(5):\n        rows.read(1)", set()),
        ("for start in range(0, 9, 3):\n        rows.save(start)", set()),
        ("for row in rows:\n        rows.save(row)", set()),
        ("rows.save(1)", set()),
    ],
)
def test_a_loop_over_a_conditional_write_is_found(body: str, found: set[str]) -> None:
    assert found_loops({"a": f"{WRITER}\ndef repeat(rows):\n    {body}\n"}) == found
