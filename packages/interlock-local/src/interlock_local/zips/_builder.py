"""Builds the Lambda zips: each with the closure of its service only, reproducible, and cached by content."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from msgspec import Struct

from interlock_local import LocalStackError

SERVICES = ("stream-router", "orchestrator", "sla-monitor", "watchdog", "event-sink", "alert-dispatcher")

_FORMAT = "1"
"""Part of every cache key. Increase it when the layout of a zip changes."""

_IN_THE_RUNTIME = ("boto3", "botocore")
"""Left out with the packages that only they need, since Lambda's Python runtimes have them."""
_PLATFORMS = {"arm64": "aarch64-manylinux2014", "amd64": "x86_64-manylinux2014"}
_RUNTIME_ON_AWS = "3.13"
_KEPT_METADATA = frozenset({"METADATA", "entry_points.txt"})
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNREACHABLE = ("error sending request", "dns error", "failed to fetch", "connection refused", "timed out", "offline")

Progress = Callable[[str], None]


class Target(Struct, frozen=True):
    """The target of a zip: a Python version, and a platform of AWS (None: this machine)."""

    python: str
    architecture: str | None = None

    @classmethod
    def host(cls) -> "Target":
        """This machine and this Python, for the local stack."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}")

    @classmethod
    def aws(cls, architecture: str) -> "Target":
        """Lambda's runtime on `architecture`, arm64 or amd64."""
        return cls(_RUNTIME_ON_AWS, architecture)

    @property
    def processor(self) -> str:
        """The processor in the names of Lambda: arm64 or x86_64."""
        machine = self.architecture or platform.machine().lower()
        return "arm64" if machine in ("arm64", "aarch64") else "x86_64"

    @property
    def runtime(self) -> str:
        """The Lambda runtime's name."""
        return f"python{self.python}"


def build_zips(
    checkout: Path,
    target: Target,
    *,
    out: Path | None = None,
    with_boto: bool = False,
    with_telemetry: bool = False,
    progress: Progress = lambda line: None,
) -> dict[str, Path]:
    """The zip of each service, by service name. A zip is built only if its sources or dependencies changed.

    `with_telemetry` packs the exporter of traces and metrics, which a collector needs.

    Raises LocalStackError if uv is missing or fails, or if a registry cannot be reached.
    """
    folder = out or cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        closures = pool.map(partial(_requirements, checkout, with_boto, with_telemetry), SERVICES)
        requirements = dict(zip(SERVICES, closures, strict=True))
    keys = {service: _cache_key(checkout, found, target) for service, found in requirements.items()}
    paths = {service: folder / f"{service}-{keys[service]}.zip" for service in SERVICES}
    wanted = [service for service in SERVICES if not paths[service].exists()]
    if wanted:
        with tempfile.TemporaryDirectory(prefix="interlock-build-") as scratch:
            wheels = _build_wheels(checkout, Path(scratch) / "wheels", progress)
            for service in wanted:
                progress(f"packing {service}")
                content = Path(scratch) / service
                _install(requirements[service], wheels, content, target)
                _write_zip(content, paths[service])
    if out is None:
        return paths
    return {service: _named(paths[service], folder / f"{service}.zip") for service in SERVICES}


def cache_folder() -> Path:
    """The folder that keeps built zips between starts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "interlock" / "zips"


def _named(path: Path, plain: Path) -> Path:
    path.replace(plain)
    return plain


def _requirements(checkout: Path, with_boto: bool, with_telemetry: bool, service: str) -> list[str]:
    """The closure of the service from the lock file: siblings as paths, other packages with their version."""
    left_out = () if with_boto else _IN_THE_RUNTIME
    arguments = ["export", "--quiet", "--locked", "--package", f"interlock-{service}", "--no-default-groups"]
    arguments += ["--no-editable", "--no-hashes", "--no-annotate", "--no-header"]
    if with_telemetry:
        arguments += ["--extra", "otlp"]
    for name in left_out:
        arguments += ["--prune", name]
    lines = _uv(checkout, arguments).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _cache_key(checkout: Path, requirements: Iterable[str], target: Target) -> str:
    found = hashlib.sha256()
    machine = target.architecture or f"{platform.system()}-{platform.machine()}"
    for part in (_FORMAT, target.python, machine, *requirements):
        found.update(f"{part}\0".encode())
    for requirement in requirements:
        if requirement.startswith("."):
            for path in _sources(checkout / requirement):
                found.update(f"{path.relative_to(checkout)}\0".encode())
                found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _sources(member: Path) -> Iterator[Path]:
    yield member / "pyproject.toml"
    yield from sorted(path for path in (member / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")


def _build_wheels(checkout: Path, folder: Path, progress: Progress) -> dict[str, Path]:
    """The wheels of all members of the workspace, by import name."""
    progress("building the workspace's wheels")
    _uv(checkout, ["build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(folder)])
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


def _install(requirements: Iterable[str], wheels: dict[str, Path], content: Path, target: Target) -> None:
    """Unpack a closure into a folder. Every package is named, so uv resolves nothing."""
    pinned = [found for found in requirements if not found.startswith(".")]
    siblings = [_wheel_of(found, wheels) for found in requirements if found.startswith(".")]
    arguments = ["pip", "install", "--quiet", "--no-deps", "--no-sources", "--only-binary", ":all:"]
    arguments += ["--target", str(content), "--python-version", target.python]
    if target.architecture is not None:
        arguments += ["--python-platform", _PLATFORMS[target.architecture]]
    _uv(content.parent, [*arguments, *siblings, *pinned])


def _wheel_of(requirement: str, wheels: dict[str, Path]) -> str:
    name = Path(requirement).name.replace("-", "_")
    return str(wheels.get(name) or wheels[f"interlock_{name}"])


def _write_zip(content: Path, path: Path) -> None:
    """Write sorted entries with one time and one mode, so that the same content gives the same bytes."""
    # The name has the process id, since another process may build the same zip now.
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(_shipped(content)):
            entry = zipfile.ZipInfo(str(file.relative_to(content)), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    partial.replace(path)


def _shipped(content: Path) -> Iterator[Path]:
    for file in content.rglob("*"):
        if not file.is_file():
            continue
        parts = file.relative_to(content).parts
        if parts[0] in {"bin", ".lock"} or "__pycache__" in parts or "tests" in parts:
            continue
        if parts[0].endswith(".dist-info") and file.name not in _KEPT_METADATA:
            continue
        yield file


def _uv(folder: Path, arguments: list[str]) -> str:
    program = shutil.which("uv")
    if program is None:
        raise LocalStackError("uv is not installed, and it builds the Lambda packages: pip install uv.")
    # uv must not use the environment of this process as that of the project.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(  # noqa: S603 (a fixed program with fixed arguments)
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout
    output = " ".join(done.stderr.split())
    if any(word in output.lower() for word in _UNREACHABLE):
        raise LocalStackError(
            f"A package registry cannot be reached, so the Lambda packages were not built: {output[-300:]}"
        )
    raise LocalStackError(f"uv {arguments[0]} failed, so the Lambda packages were not built: {output[-600:]}")
