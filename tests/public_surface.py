"""Checks the public names of an installed package: it imports, and `__all__` is sorted, complete and documented."""

import importlib
import inspect
import sys


def _place(name: str) -> tuple[int, str]:
    """The sort key of the linter: constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def main(module_name: str) -> int:
    module = importlib.import_module(module_name)
    public: list[str] = module.__all__
    problems = []
    if not public:
        problems.append("__all__ is empty")
    if public != sorted(public, key=_place):
        problems.append("__all__ is not sorted")
    for name in public:
        value = getattr(module, name)
        if (inspect.isclass(value) or inspect.isfunction(value)) and not inspect.getdoc(value):
            problems.append(f"{name} has no docstring")
    for problem in problems:
        print(f"{module_name}: {problem}")
    print(f"{module_name}: {len(public)} public names")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
