"""Puts a mutant into the loaded product: finds the one fragment of its function and swaps the function's code."""

import ast
import importlib
import pkgutil
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from simulation.catalogue import Mutant

Fragment = list[ast.stmt] | list[ast.keyword] | ast.expr


class NotApplicable(AssertionError):
    """The fragment that a mutant replaces does not occur exactly once."""


class _Place(Struct, frozen=True):
    """One occurrence of a fragment: the field of a syntax node that holds it, and its items if that is a list."""

    module: str
    tree: ast.Module
    node: ast.AST
    field: str
    items: slice | None


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """Apply one patch to the product by swapping the code of its functions, so that every import sees it.

    Raises NotApplicable unless the old fragment occurs once in the functions of that name.
    """
    places = list(_places(mutant))
    if len(places) != 1:
        found = ", ".join(place.module for place in places) or "nowhere"
        raise NotApplicable(f"{mutant.name}: {mutant.old!r} is {len(places)} times in {mutant.function} ({found})")
    (place,) = places
    if _shapes(_read(mutant.new)) == _shapes(_read(mutant.old)):
        raise NotApplicable(f"{mutant.name}: the new fragment is the old one")
    _replace(place, _read(mutant.new))
    module = importlib.import_module(place.module)
    swaps = [
        (function, function.__code__, twin.__code__)
        for function, twin in _pairs(module, _patched(module, place.tree))
        if function.__code__ != twin.__code__
    ]
    if not swaps:
        raise NotApplicable(f"{mutant.name}: no function of {place.module} was changed")
    for function, _, code in swaps:
        function.__code__ = code
    try:
        yield
    finally:
        for function, code, _ in swaps:
            function.__code__ = code


def _patched(module: types.ModuleType, tree: ast.Module) -> types.ModuleType:
    """The module of the patched tree. It is loaded under the module's name and then forgotten."""
    patched = types.ModuleType(module.__name__)
    patched.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    sys.modules[module.__name__] = patched
    try:
        exec(compile(tree, str(module.__file__), "exec"), patched.__dict__)
    finally:
        sys.modules[module.__name__] = module
    return patched


def _places(mutant: Mutant) -> Iterator[_Place]:
    package, _, name = mutant.function.partition(":")
    fragment = _read(mutant.old)
    for module, source in _sources(package):
        if name.rpartition(".")[2] not in source:
            continue
        tree = ast.parse(source)
        for function in _functions(tree, name):
            for node, field, items in _occurrences(function, fragment):
                yield _Place(module, tree, node, field, items)


def _sources(package: str) -> Iterator[tuple[str, str]]:
    """Each module of a package with its source, without the package's own `__init__`, which only re-exports."""
    home = importlib.import_module(package)
    for found in pkgutil.walk_packages(home.__path__, f"{package}."):
        spec = found.module_finder.find_spec(found.name, None)  # type: ignore[call-arg]
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            yield found.name, Path(spec.origin).read_text()


def _functions(tree: ast.AST, name: str) -> Iterator[ast.AST]:
    """The functions with this qualified name, such as `decide_rerun` or `Store.readings`."""
    first, _, rest = name.partition(".")
    for node in ast.iter_child_nodes(tree):
        if getattr(node, "name", None) != first:
            continue
        if rest:
            yield from _functions(node, rest)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _read(text: str) -> Fragment:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return ast.parse(text).body


def _shapes(fragment: Fragment) -> list[str]:
    """The fragment as text that ignores layout and place."""
    return [ast.dump(node) for node in ([fragment] if isinstance(fragment, ast.expr) else fragment)]


def _occurrences(function: ast.AST, fragment: Fragment) -> Iterator[tuple[ast.AST, str, slice | None]]:
    shapes = _shapes(fragment)
    keywords = [] if isinstance(fragment, ast.expr) else _shapes(_keywords(fragment))
    for node in ast.walk(function):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.AST) and [ast.dump(value)] == shapes:
                yield node, field, None
            elif isinstance(value, list):
                looked_for = keywords if field == "keywords" else shapes
                yield from ((node, field, items) for items in _runs(value, looked_for))


def _runs(nodes: list[Any], shapes: list[str]) -> Iterator[slice]:
    """The places at which these shapes follow each other in a list of nodes."""
    present = [ast.dump(node) if isinstance(node, ast.AST) else "" for node in nodes]
    for start in range(len(present) - len(shapes) + 1) if shapes else ():
        if present[start : start + len(shapes)] == shapes:
            yield slice(start, start + len(shapes))


def _keywords(nodes: list[Any]) -> list[ast.keyword]:
    """Statements of the form `name = value`, read as keyword arguments. Empty if one of them has another form."""
    pairs = [(node.targets[0], node.value) for node in nodes if isinstance(node, ast.Assign)]
    named = [ast.keyword(target.id, value) for target, value in pairs if isinstance(target, ast.Name)]
    return named if len(named) == len(nodes) else []


def _replace(place: _Place, new: Fragment) -> None:
    if place.items is None:
        setattr(place.node, place.field, new)
    else:
        nodes = getattr(place.node, place.field)
        nodes[place.items] = _as_items(place.field, new, nodes[place.items])
        if not nodes and place.field == "body":
            nodes.append(ast.Pass())
    ast.fix_missing_locations(place.tree)


def _as_items(field: str, new: Fragment, old: list[Any]) -> list[Any]:
    if field == "keywords" and not isinstance(new, ast.expr):
        return _keywords(new)
    if isinstance(new, ast.expr):
        return [ast.Expr(new)] if isinstance(old[0], ast.stmt) else [new]
    return new


def _pairs(module: Any, patched: Any) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    """Each function of a module and of its classes, with its counterpart in the patched module."""
    for name, value in vars(module).items():
        twin = vars(patched).get(name)
        if isinstance(value, type) and value.__module__ == module.__name__ and isinstance(twin, type):
            for inner, attribute in vars(value).items():
                yield from _pair(attribute, vars(twin).get(inner))
        elif getattr(value, "__module__", None) == module.__name__:
            yield from _pair(value, twin)


def _pair(value: Any, twin: Any) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    function, other = _plain(value), _plain(twin)
    if function is not None and other is not None:
        yield function, other


def _plain(value: Any) -> types.FunctionType | None:
    for attribute in ("fget", "func", "__func__", "__wrapped__"):
        inner = getattr(value, attribute, None)
        if isinstance(inner, types.FunctionType):
            return inner
    return value if isinstance(value, types.FunctionType) else None
