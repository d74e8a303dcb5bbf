"""The packages and services of the workspace, with their versions and their dependencies on each other."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Unit:
    """A package or service. `name` is its folder, and `distribution` the name in its pyproject.toml.

    packed: patterns of the parts of the repository that its wheel contains in addition to src, relative to the root.
    """

    name: str
    home: Path
    project: Mapping[str, Any]
    packed: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        """The name under which it is installed, such as interlock-watchdog."""
        return str(self.project["name"])

    @property
    def module(self) -> str:
        """The name under which it is imported."""
        return self.distribution.replace("-", "_")

    @property
    def version(self) -> str:
        """The version in pyproject.toml."""
        return str(self.project["version"])

    @property
    def is_service(self) -> bool:
        """Whether it is a Lambda, which is deployed as a zip and not published."""
        return self.home.parent.name == "services"

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements of users: those of the package and of its extras, without those of its tests."""
        extras = self.project.get("optional-dependencies", {}).values()
        lines = [*self.project.get("dependencies", []), *(line for extra in extras for line in extra)]
        return tuple(map(Requirement, lines))


@dataclass(frozen=True)
class Workspace:
    """The checkout at `root`. `units` has each package and service by its name."""

    root: Path
    units: Mapping[str, Unit]

    @classmethod
    def read(cls, root: Path) -> "Workspace":
        """Read each `packages/*/pyproject.toml` and `services/*/pyproject.toml`."""
        paths = [*root.glob("packages/*/pyproject.toml"), *root.glob("services/*/pyproject.toml")]
        return cls(root, {path.parent.name: _unit(path) for path in sorted(paths)})

    @cached_property
    def by_distribution(self) -> Mapping[str, Unit]:
        """Each unit by the name under which it is installed."""
        return {canonicalize_name(unit.distribution): unit for unit in self.units.values()}

    def siblings(self, unit: Unit) -> list[tuple[Requirement, Unit]]:
        """The requirements of a unit that other units of the workspace fulfil."""
        found = ((one, self.by_distribution.get(canonicalize_name(one.name))) for one in unit.requirements)
        return [(requirement, sibling) for requirement, sibling in found if sibling is not None]

    def closure(self, unit: Unit) -> list[Unit]:
        """The unit and all siblings that it needs, directly or not."""
        return self._reach([unit], lambda one: [sibling for _, sibling in self.siblings(one)])

    def dependents(self, units: Iterable[Unit]) -> list[Unit]:
        """These units and all that need them, directly or not."""
        users: dict[str, list[Unit]] = {}
        for unit in self.units.values():
            for _, sibling in self.siblings(unit):
                users.setdefault(sibling.name, []).append(unit)
        return self._reach(units, lambda one: users.get(one.name, []))

    def in_order(self) -> list[Unit]:
        """All units. Each one follows the siblings that it needs."""
        graph = {unit.name: {sibling.name for _, sibling in self.siblings(unit)} for unit in self.units.values()}
        return [self.units[name] for name in TopologicalSorter(graph).static_order()]

    @staticmethod
    def _reach(start: Iterable[Unit], following: Any) -> list[Unit]:
        seen: dict[str, Unit] = {}
        queue = list(start)
        while queue:
            unit = queue.pop()
            if unit.name not in seen:
                seen[unit.name] = unit
                queue.extend(following(unit))
        return sorted(seen.values(), key=lambda unit: unit.name)


def _unit(pyproject: Path) -> Unit:
    settings = tomllib.loads(pyproject.read_text())
    packed = settings.get("tool", {}).get("interlock", {}).get("packed", [])
    return Unit(pyproject.parent.name, pyproject.parent, settings["project"], tuple(packed))
