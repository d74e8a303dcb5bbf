"""The parts of zips from a checkout: the closure of a service from the lock file, and wheels of the workspace."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from interlock_local.zips._target import PLATFORMS, Target
from interlock_local.zips._uv import run_uv


class CheckoutParts(Struct, frozen=True):
    """A checkout of the workspace. `wheels` is a folder for the wheels of its members."""

    root: Path

    def requirements(self, service: str, left_out: Iterable[str], *, with_telemetry: bool) -> list[str]:
        """The closure of the service from the lock file: siblings as paths, other packages with their version."""
        arguments = ["export", "--quiet", "--locked", "--package", f"interlock-{service}", "--no-default-groups"]
        arguments += ["--no-editable", "--no-hashes", "--no-annotate", "--no-header"]
        if with_telemetry:
            arguments += ["--extra", "otlp"]
        for name in left_out:
            arguments += ["--prune", name]
        lines = run_uv(self.root, arguments).splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def contents(self, requirements: Iterable[str]) -> Iterator[bytes]:
        """The names and contents of the sources of a closure, for the key of its zip."""
        for requirement in requirements:
            if requirement.startswith("."):
                for path in _sources(self.root / requirement):
                    yield f"{path.relative_to(self.root)}\0".encode()
                    yield path.read_bytes()

    def prepare(self, scratch: Path) -> None:
        """Build the wheels of all members of the workspace."""
        run_uv(self.root, ["build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(scratch / "wheels")])

    def install(self, requirements: Iterable[str], scratch: Path, content: Path, target: Target) -> None:
        """Unpack a closure into a folder. Every package is named, so uv resolves nothing."""
        wheels = {path.name.partition("-")[0]: path for path in (scratch / "wheels").glob("*.whl")}
        pinned = [found for found in requirements if not found.startswith(".")]
        siblings = [_wheel_of(found, wheels) for found in requirements if found.startswith(".")]
        install_pinned([*siblings, *pinned], content, target)


def install_pinned(packages: list[str], content: Path, target: Target) -> None:
    """Unpack wheels and exact versions into a folder, without their dependencies."""
    arguments = ["pip", "install", "--quiet", "--no-deps", "--no-sources", "--only-binary", ":all:"]
    arguments += ["--target", str(content), "--python-version", target.python]
    if target.architecture is not None:
        arguments += ["--python-platform", PLATFORMS[target.architecture]]
    run_uv(content.parent, [*arguments, *packages])


def _sources(member: Path) -> Iterator[Path]:
    yield member / "pyproject.toml"
    yield from sorted(path for path in (member / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")


def _wheel_of(requirement: str, wheels: dict[str, Path]) -> str:
    name = Path(requirement).name.replace("-", "_")
    return str(wheels.get(name) or wheels[f"interlock_{name}"])
