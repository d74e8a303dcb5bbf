"""The parts of zips outside a checkout: the services in this package, and the installed packages.

The wheel of interlock-local has the sources of the services (`_backend.py`). Their dependencies are those of the
environment in which interlock-local is installed, so that a zip has the versions that this environment has resolved.
"""

import shutil
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from interlock_local import LocalStackError
from interlock_local.zips._checkout_parts import install_pinned
from interlock_local.zips._target import Target

_OWN = "interlock-"


class InstalledParts(Struct, frozen=True):
    """The packed parts of the repository in the installed package."""

    root: Path

    def requirements(self, service: str, left_out: Iterable[str], *, with_telemetry: bool) -> list[str]:
        """The service by its path, then its closure with the installed versions, in the order of their names.

        Raises LocalStackError for a package that is not installed.
        """
        project = self._project(service)["project"]
        asked = [(Requirement(text), "") for text in project["dependencies"]]
        if with_telemetry:
            asked += [(Requirement(text), "") for text in project["optional-dependencies"]["otlp"]]
        pruned, found = set(left_out), {}
        seen: set[tuple[str, str]] = set()
        while asked:
            requirement, extra = asked.pop()
            name = canonicalize_name(requirement.name)
            if name in pruned or not _applies(requirement, extra):
                continue
            installed = _installed(name)
            found[name] = installed.version
            for wanted in ("", *requirement.extras):
                if (name, wanted) not in seen:
                    seen.add((name, wanted))
                    asked += [(Requirement(text), wanted) for text in installed.requires or ()]
        return [f"./services/{service}", *(f"{name}=={version}" for name, version in sorted(found.items()))]

    def contents(self, requirements: Iterable[str]) -> Iterator[bytes]:
        """The sources of the service, and the lists of files with hashes of the installed packages."""
        for requirement in requirements:
            if requirement.startswith("."):
                for path in sorted((self.root / requirement).rglob("*")):
                    if path.is_file() and path.suffix != ".pyc":
                        yield f"{path.relative_to(self.root)}\0".encode()
                        yield path.read_bytes()
            else:
                yield (_installed(requirement.partition("==")[0]).read_text("RECORD") or "").encode()

    def prepare(self, scratch: Path) -> None:
        """Nothing is built: all parts are installed."""

    def install(self, requirements: Iterable[str], scratch: Path, content: Path, target: Target) -> None:
        """Copy the service and the installed packages. For AWS, uv fetches those of other authors for its platform."""
        fetched = []
        for requirement in requirements:
            name = requirement.partition("==")[0]
            if requirement.startswith("."):
                self._copy_service(Path(requirement).name, content)
            elif target.architecture is not None and not name.startswith(_OWN):
                fetched.append(requirement)
            else:
                _copy_installed(_installed(name), content)
        if fetched:
            install_pinned(fetched, content, target)

    def _copy_service(self, service: str, content: Path) -> None:
        shutil.copytree(self.root / "services" / service / "src", content, dirs_exist_ok=True)
        project = self._project(service)["project"]
        information = content / f"interlock_{service.replace('-', '_')}-{project['version']}.dist-info"
        information.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (information / "METADATA").write_text(metadata)

    def _project(self, service: str) -> dict[str, Any]:
        path = self.root / "services" / service / "pyproject.toml"
        return tomllib.loads(path.read_text(encoding="utf-8"))


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise LocalStackError(
            f"The package {name} is not installed, and the Lambda packages need it: pip install {name}."
        ) from None


def _copy_installed(found: Distribution, content: Path) -> None:
    for entry in found.files or ():
        # Scripts are outside of the folder of the packages.
        if ".." not in entry.parts and entry.suffix != ".pyc":
            target = content / entry
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(entry.locate()), target)
