"""The new names of docs/upgrading.md exist, and the former ones do not."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from faces import imported

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.name.replace("-", "_") for path in (ROOT / "packages").iterdir() if path.is_dir())
_NAME = re.compile(r"`\.?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)`")


def public_names() -> Iterator[str]:
    """The public modules, their names, and the attributes of their classes: each as its last one or two parts."""
    for package in PACKAGES:
        top = importlib.import_module(package)
        modules = [found.name for found in pkgutil.iter_modules(top.__path__) if not found.name.startswith("_")]
        for module in filter(None, (top, *(imported(f"{package}.{name}") for name in modules))):
            place = module.__name__.rpartition(".")[2]
            yield from (place, module.__name__)
            for name in getattr(module, "__all__", ()):
                found = getattr(module, name)
                yield from (name, f"{place}.{name}")
                yield from (f"{name}.{attribute}" for attribute in attributes_of(found))


def attributes_of(found: object) -> list[str]:
    """The attributes of a class, and those that its constructor sets."""
    code = getattr(getattr(found, "__init__", None), "__code__", None)
    return [*dir(found), *(code.co_names if code is not None else ())]


def renames() -> Iterator[tuple[list[str], list[str]]]:
    """The former and the new names in each row of the table."""
    table = (ROOT / "docs" / "upgrading.md").read_text().partition("| before | now |")[2]
    for line in table.splitlines():
        cells = line.split("|")
        if len(cells) == 4 and "`" in line:
            yield _NAME.findall(cells[1]), _NAME.findall(cells[2])


def test_the_new_names_of_upgrading_exist() -> None:
    public = set(public_names())
    named = [name for _, now in renames() for name in now]
    assert len(named) > 20
    assert [name for name in named if name not in public] == []


def test_the_former_names_of_classes_are_gone() -> None:
    """Names that only moved stay: they are those of the row about outputs."""
    public = set(public_names())
    former = {name for before, now in renames() for name in before if now and name[0].isupper()}
    moved = {"EventBus", "Outbox", "Executions", "SchedulerTimers"}
    assert len(former) > 10
    assert former & public == moved
