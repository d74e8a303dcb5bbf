"""Evaluates the expressions of a Python file that need no execution. Every other expression is unreadable."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

_DEEPEST = 50
_SHOWN = 60
_TIMEDELTA = "datetime.timedelta"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, *_COMPREHENSIONS)


class Made(Struct, frozen=True):
    """A call of an imported name. `origin`: the name with its module. Each argument is an expression of the file."""

    origin: str
    arguments: tuple[ast.expr, ...]
    keywords: Mapping[str, ast.expr]

    @property
    def name(self) -> str:
        """The last part of the origin."""
        return self.origin.rpartition(".")[2]


class Named(Struct, frozen=True):
    """An imported name, or an attribute of one, that is not called."""

    origin: str


class Joined(Struct, frozen=True):
    """Two values with `|` or `&` between them, which Airflow gives a meaning."""

    is_any: bool
    parts: tuple[Any, Any]


class Unreadable(Exception):
    """The text of an expression whose value the file does not state, with its line."""

    def __init__(self, node: ast.AST) -> None:
        text = " ".join(ast.unparse(node).split())
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        super().__init__(f"{shown} (line {getattr(node, 'lineno', 0)})")


class Module:
    """A parsed file: the origins of its imported names, and its names with one value from begin to end.

    A name counts as a constant if the body of the module assigns it once, no other statement binds or changes it, and
    no condition surrounds it.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        rebound = {name for node in ast.walk(tree) if not isinstance(node, ast.alias) for name in _bindings_of(node)}
        self.origins = {name: origin for name, origin in _imports(tree) if name not in rebound}
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        self._constants = self._find_constants()

    def within(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, from the inside out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def origin(self, node: ast.AST) -> str:
        """The module and the name of an imported name, such as `airflow.sdk.DAG`. "" for any other expression."""
        if isinstance(node, ast.Name):
            return "" if node.id in self._bound_around(node) else self.origins.get(node.id, "")
        if isinstance(node, ast.Attribute):
            before = self.origin(node.value)
            return f"{before}.{node.attr}" if before else ""
        return ""

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """The value of an expression: a value of Python, or a Made, Named or Joined. Raises Unreadable."""
        if depth > _DEEPEST:
            raise Unreadable(node)
        match node:
            case ast.Constant():
                return node.value
            case ast.List() | ast.Tuple() | ast.Set():
                return tuple(self.value(one, depth + 1) for one in node.elts)
            case ast.Name() | ast.Attribute():
                return self._of_name(node, depth)
            case ast.JoinedStr():
                return "".join(self._of_text(one, depth) for one in node.values)
            case ast.UnaryOp(op=ast.USub()):
                return -self._number(node.operand, depth)
            case ast.BinOp():
                return self._of_operation(node, depth)
            case ast.Call():
                return self._of_call(node, depth)
        raise Unreadable(node)

    def items(self, node: ast.expr, depth: int = 0) -> dict[str, ast.expr]:
        """The items of a mapping with texts as keys: a display, `dict(…)`, or a constant. Raises Unreadable."""
        if depth > _DEEPEST:
            raise Unreadable(node)
        if isinstance(node, ast.Name):
            return self.items(self._constant(node), depth + 1)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
            return self.keywords(node, depth)
        if not isinstance(node, ast.Dict):
            raise Unreadable(node)
        found: dict[str, ast.expr] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found |= self.items(value, depth + 1)
                continue
            name = self.value(key, depth + 1)
            if not isinstance(name, str):
                raise Unreadable(key)
            found[name] = value
        return found

    def keywords(self, call: ast.Call, depth: int = 0) -> dict[str, ast.expr]:
        """The keyword arguments of a call, also those of `**constant`. Raises Unreadable."""
        found: dict[str, ast.expr] = {}
        for one in call.keywords:
            found |= {one.arg: one.value} if one.arg is not None else self.items(one.value, depth + 1)
        return found

    def _find_constants(self) -> dict[str, ast.expr]:
        bound = Counter(_bindings(self.tree))
        found = {}
        for statement in self.tree.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    found[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    found[name] = value
        return {name: value for name, value in found.items() if bound[name] == 1}

    def _constant(self, node: ast.Name) -> ast.expr:
        found = self._constants.get(node.id)
        if found is None or node.id in self._bound_around(node):
            raise Unreadable(node)
        return found

    def _bound_around(self, node: ast.AST) -> set[str]:
        """The names that a function or a comprehension around the node binds itself."""
        found: set[str] = set()
        inner = node
        for outer in self.within(node):
            # The decorators of a function are evaluated outside of it.
            if isinstance(outer, _SCOPES) and inner not in getattr(outer, "decorator_list", ()):
                found |= set(_own_bindings(outer))
            inner = outer
        return found

    def _of_name(self, node: ast.Name | ast.Attribute, depth: int) -> Any:
        if origin := self.origin(node):
            return Named(origin)
        if isinstance(node, ast.Attribute):
            raise Unreadable(node)
        function = self.functions.get(node.id)
        if function is not None and node.id not in self._constants:
            return function
        return self.value(self._constant(node), depth + 1)

    def _of_text(self, node: ast.expr, depth: int) -> str:
        if isinstance(node, ast.FormattedValue):
            plain = node.conversion == -1 and node.format_spec is None
            found = self.value(node.value, depth + 1) if plain else None
            if not isinstance(found, str | int) or isinstance(found, bool):
                raise Unreadable(node.value)
            return str(found)
        return str(self.value(node, depth + 1))

    def _number(self, node: ast.expr, depth: int) -> Any:
        found = self.value(node, depth + 1)
        if not isinstance(found, int | float | timedelta) or isinstance(found, bool):
            raise Unreadable(node)
        return found

    def _of_operation(self, node: ast.BinOp, depth: int) -> Any:
        if isinstance(node.op, ast.BitOr | ast.BitAnd):
            parts = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
            return Joined(isinstance(node.op, ast.BitOr), parts)
        left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
        kinds = (int, float, timedelta, str)
        if not isinstance(left, kinds) or not isinstance(right, kinds):
            raise Unreadable(node)
        try:
            match node.op:
                case ast.Add():
                    return left + right  # type: ignore[operator]
                case ast.Sub():
                    return left - right  # type: ignore[operator]
                case ast.Mult() if not isinstance(left, str) and not isinstance(right, str):
                    return left * right  # type: ignore[operator]
        except (TypeError, OverflowError):
            raise Unreadable(node) from None
        raise Unreadable(node)

    def _of_call(self, node: ast.Call, depth: int) -> Any:
        origin = self.origin(node.func)
        if not origin or any(isinstance(one, ast.Starred) for one in node.args):
            raise Unreadable(node)
        made = Made(origin, tuple(node.args), self.keywords(node, depth))
        return self._length(made, node, depth) if origin == _TIMEDELTA else made

    def _length(self, made: Made, node: ast.expr, depth: int) -> timedelta:
        positional = [self._number(one, depth) for one in made.arguments]
        named = {name: self._number(one, depth) for name, one in made.keywords.items()}
        try:
            return timedelta(*positional, **named)
        except (TypeError, OverflowError):
            raise Unreadable(node) from None


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                whole = one.name if one.asname else one.name.partition(".")[0]
                yield one.asname or whole, whole
        elif isinstance(node, ast.ImportFrom):
            # A relative import is of the project itself. The dots keep it from looking like a library.
            module = "." * node.level + (node.module or "")
            for one in node.names:
                yield one.asname or one.name, f"{module}.{one.name}"


def _bindings(tree: ast.Module) -> Iterator[str]:
    """Each binding and each change of a name in a file, with a repetition for each. Functions count too."""
    for node in ast.walk(tree):
        yield from _bindings_of(node)
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _bindings_of(node: ast.AST) -> Iterator[str]:
    """The name that a node binds or changes, unless the node is an import."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if attribute in _CHANGES:
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name


_CHANGES = frozenset(
    {
        "add",
        "append",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
    }
    | {"update"}
)
"""Methods that change a list, a set or a mapping."""


def _own_bindings(node: ast.AST) -> Iterator[str]:
    """The names that a function, a class or a comprehension binds, and those of anything within it."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            yield inner.arg
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
