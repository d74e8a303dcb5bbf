"""Builds the Lambda zips: each with the closure of its service only, reproducible, and cached by content.

A zip has the sources with their bytecode. Lambda cannot write bytecode, so that without it each cold start compiles all
modules, which takes more CPU than the rest of the start.
"""

import hashlib
import io
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

_IN_THE_RUNTIME = ("boto3", "botocore")
"""Left out with the packages that only they need, since Lambda's Python runtimes have them."""
_NEVER_READ = ("pyyaml",)
"""Left out because the functions read JSON only. `interlock push` reads YAML."""
_PLATFORMS = {"arm64": "aarch64-manylinux2014", "amd64": "x86_64-manylinux2014"}
_RUNTIME_ON_AWS = "3.13"
_KEPT_METADATA = frozenset({"METADATA", "entry_points.txt"})
_SELDOM = r"/(tzdata|contrib|scim|audit_logs|socket_mode|oauth|rtm|rtm_v2|slack)/|/(async|legacy)_"
"""The files without bytecode, as a regular expression: parts of libraries that no function imports."""
_FOR_COMPILERS = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h"})
_LICENCES = ("licen", "copying", "notice", "authors")
"""The beginnings of the names of files that libraries must be passed on with."""
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
    def runtime(self) -> str:
        """The Lambda runtime's name."""
        return f"python{self.python}"


def build_zips(
    checkout: Path,
    target: Target,
    *,
    services: Iterable[str] = SERVICES,
    out: Path | None = None,
    with_boto: bool = False,
    with_telemetry: bool = False,
    progress: Progress = lambda line: None,
) -> dict[str, Path]:
    """The zip of each of these services, by service name. A zip is built only if its sources or dependencies changed.

    out: a folder for the zips under plain names, each with a file `<zip>.sha256`. Without it they stay in the cache.
    with_boto: pack boto3 too. with_telemetry: pack the exporter of traces and metrics, which a collector needs.
    progress: takes one line per step, and a line if no Python of the target can compile the bytecode.

    Raises LocalStackError if uv is missing or fails, or if a registry cannot be reached.
    """
    chosen, folder = tuple(services), cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    _remove_remains(folder)
    compiler = find_interpreter(target.python)
    if compiler is None:
        progress(
            f"no Python {target.python} is installed: the zips have no bytecode, "
            "and a cold start takes about twice the CPU"
        )
    with ThreadPoolExecutor() as pool:
        closures = pool.map(partial(_requirements, checkout, with_boto, with_telemetry), chosen)
        requirements = dict(zip(chosen, closures, strict=True))
    keys = {service: _cache_key(checkout, found, target, compiler) for service, found in requirements.items()}
    paths = {service: folder / f"{service}-{keys[service]}.zip" for service in chosen}
    wanted = [service for service in chosen if not paths[service].exists()]
    if wanted:
        with tempfile.TemporaryDirectory(prefix="interlock-build-") as scratch:
            wheels = _build_wheels(checkout, Path(scratch) / "wheels", progress)
            for service in wanted:
                progress(f"packing {service}")
                content = Path(scratch) / service
                _install(requirements[service], wheels, content, target)
                if compiler is not None:
                    _compile(content, compiler)
                _write_zip(content, paths[service])
    if out is None:
        return paths
    out.mkdir(parents=True, exist_ok=True)
    _remove_remains(out)
    return {service: _deliver(paths[service], out / f"{service}.zip") for service in chosen}


def cache_folder() -> Path:
    """The folder that keeps built zips between starts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "interlock" / "zips"


def find_interpreter(version: str) -> str | None:
    """The path of a Python of this version: this one, one on PATH, or one of pyenv. A shim may lead nowhere."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    of_pyenv = sorted(pyenv.glob(f"{version}*/bin/python{version}"))
    for candidate in filter(None, [sys.executable, shutil.which(f"python{version}"), *map(str, of_pyenv)]):
        if _answer(candidate, "import sys; print('%d.%d' % sys.version_info[:2])") == version:
            return candidate
    return None


def _answer(interpreter: str, code: str) -> str:
    done = subprocess.run([interpreter, "-I", "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else ""


def _deliver(path: Path, plain: Path) -> Path:
    """Copy a zip of the cache to its plain name, and write its hash to `<zip>.sha256` in the form of `sha256sum`."""
    content = path.read_bytes()
    _write(plain, content)
    _write(plain.with_suffix(".zip.sha256"), f"{hashlib.sha256(content).hexdigest()}  {plain.name}\n".encode())
    return plain


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that an interrupted build leaves the former file or the new one."""
    # The name has the process id, since another process may build the same zip now.
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_remains(folder: Path) -> None:
    """Remove the partial files of builds that were killed."""
    for path in folder.glob("*.partial"):
        process = path.name.split(".")[-2]
        if process.isdigit() and not _is_alive(int(process)):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _requirements(checkout: Path, with_boto: bool, with_telemetry: bool, service: str) -> list[str]:
    """The closure of the service from the lock file: siblings as paths, other packages with their version."""
    left_out = _NEVER_READ if with_boto else (*_NEVER_READ, *_IN_THE_RUNTIME)
    arguments = ["export", "--quiet", "--locked", "--package", f"interlock-{service}", "--no-default-groups"]
    arguments += ["--no-editable", "--no-hashes", "--no-annotate", "--no-header"]
    if with_telemetry:
        arguments += ["--extra", "otlp"]
    for name in left_out:
        arguments += ["--prune", name]
    lines = _uv(checkout, arguments).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _cache_key(checkout: Path, requirements: Iterable[str], target: Target, compiler: str | None) -> str:
    found = hashlib.sha256()
    compiled_by = "" if compiler is None else _answer(compiler, "import sys; print(sys.version)")
    machine = target.architecture or f"{platform.system()}-{platform.machine()}"
    found.update(Path(__file__).read_bytes())  # it decides the layout of a zip
    for part in (target.python, machine, compiled_by, *requirements):
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


def _compile(content: Path, compiler: str) -> None:
    """Add the bytecode. The same sources give the same bytes: no file times, no folder of the build, one hash seed.

    unchecked-hash: the sources in a zip never change, so that Lambda does not compare them.
    """
    options = ["-q", "-x", _SELDOM, "--invalidation-mode", "unchecked-hash"]
    options += ["-s", str(content), "-p", "/var/task", str(content)]
    done = subprocess.run(  # noqa: S603 (a fixed program with fixed arguments)
        [compiler, "-I", "-m", "compileall", *options],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LocalStackError(f"The bytecode was not compiled: {' '.join(done.stdout.split())[-600:]}")


def _write_zip(content: Path, path: Path) -> None:
    """Write sorted entries with one time and one mode, so that the same content gives the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(_shipped(content)):
            entry = zipfile.ZipInfo(str(file.relative_to(content)), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, _shortened(file))
    _write(path, packed.getvalue())


def _shipped(content: Path) -> Iterator[Path]:
    for file in content.rglob("*"):
        if not file.is_file():
            continue
        parts = file.relative_to(content).parts
        if parts[0] in {"bin", ".lock"} or "tests" in parts or file.suffix in _FOR_COMPILERS:
            continue
        if parts[0].endswith(".dist-info") and not (file.name in _KEPT_METADATA or _is_licence(parts)):
            continue
        yield file


def _shortened(file: Path) -> bytes:
    """The content of a file, for METADATA without the long description, which is a whole README."""
    content = file.read_bytes()
    return content.partition(b"\n\n")[0] + b"\n" if file.name == "METADATA" else content


def _is_licence(parts: tuple[str, ...]) -> bool:
    return "licenses" in parts or parts[-1].lower().startswith(_LICENCES)


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
