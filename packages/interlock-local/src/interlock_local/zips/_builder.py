"""Builds the Lambda zips: each with the closure of its service only, reproducible, and cached by content.

A zip has the sources with their bytecode. Lambda cannot write bytecode, so that without it each cold start compiles all
modules, which takes more CPU than the rest of the start.
"""

import hashlib
import io
import os
import platform
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from interlock_local import LocalStackError, is_packed
from interlock_local._services import SERVICES
from interlock_local.zips import _content
from interlock_local.zips._checkout_parts import CheckoutParts
from interlock_local.zips._content import content_of, shipped
from interlock_local.zips._installed_parts import InstalledParts
from interlock_local.zips._target import Target, answer, find_interpreter

_IN_THE_RUNTIME = ("boto3", "botocore")
"""Left out with the packages that only they need, since Lambda's Python runtimes have them."""
_NEVER_READ = ("pyyaml",)
"""Left out because the functions read JSON only. `interlock push` reads YAML."""
_SELDOM = (
    r"/(tzdata|contrib|http2|scim|audit_logs|socket_mode|oauth|rtm|rtm_v2|slack)/"
    r"|/(async|legacy)_|/(_yaml\w*|__main__|tornadoweb)\.py"
)
"""The files without bytecode, as a regular expression: parts of libraries that no function imports."""
_EPOCH = (1980, 1, 1, 0, 0, 0)

Progress = Callable[[str], None]


def build_zips(
    root: Path,
    target: Target,
    *,
    services: Iterable[str] = SERVICES,
    out: Path | None = None,
    with_boto: bool = False,
    with_telemetry: bool = False,
    progress: Progress = lambda line: None,
) -> dict[str, Path]:
    """The zip of each of these services, by service name. A zip is built only if its sources or dependencies changed.

    root: the folder of `find_checkout`. out: a folder for the zips under plain names, each with its hash in
    `<zip>.sha256`. Without it they stay in the cache. with_boto: pack boto3 too. with_telemetry: pack the exporter of
    traces and metrics, which a collector needs. progress: takes one line per step, and a line if no Python of the
    target can compile the bytecode.

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
    parts = _parts_of(root)
    left_out = _NEVER_READ if with_boto else (*_NEVER_READ, *_IN_THE_RUNTIME)
    with ThreadPoolExecutor() as pool:
        closures = pool.map(
            lambda service: parts.requirements(service, left_out, with_telemetry=with_telemetry), chosen
        )
        requirements = dict(zip(chosen, closures, strict=True))
    keys = {service: _cache_key(parts, found, target, compiler) for service, found in requirements.items()}
    paths = {service: folder / f"{service}-{keys[service]}.zip" for service in chosen}
    wanted = [service for service in chosen if not paths[service].exists()]
    if wanted:
        with tempfile.TemporaryDirectory(prefix="interlock-build-") as scratch:
            progress("preparing the packages")
            parts.prepare(Path(scratch))
            for service in wanted:
                progress(f"packing {service}")
                content = Path(scratch) / service
                content.mkdir()
                parts.install(requirements[service], Path(scratch), content, target)
                if compiler is not None:
                    _compile(content, compiler)
                _write_zip(service, content, paths[service])
    if out is None:
        return paths
    out.mkdir(parents=True, exist_ok=True)
    _remove_remains(out)
    return {service: _deliver(paths[service], out / f"{service}.zip") for service in chosen}


def cache_folder() -> Path:
    """The folder that keeps built zips between starts."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "interlock" / "zips"


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


def _parts_of(root: Path) -> CheckoutParts | InstalledParts:
    return InstalledParts(root) if is_packed(root) else CheckoutParts(root)


def _cache_key(
    parts: CheckoutParts | InstalledParts, requirements: list[str], target: Target, compiler: str | None
) -> str:
    found = hashlib.sha256()
    compiled_by = "" if compiler is None else answer(compiler, "import sys; print(sys.version)")
    machine = target.architecture or f"{platform.system()}-{platform.machine()}"
    for module in (__file__, _content.__file__):  # they decide the layout of a zip
        found.update(Path(module).read_bytes())
    found.update(type(parts).__name__.encode())
    for part in (target.python, machine, compiled_by, *requirements):
        found.update(f"{part}\0".encode())
    for content in parts.contents(requirements):
        found.update(content)
    return found.hexdigest()[:16]


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


def _write_zip(service: str, content: Path, path: Path) -> None:
    """Write sorted entries with one time and one mode, so that the same content gives the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in shipped(service, content):
            entry = zipfile.ZipInfo(str(file.relative_to(content)), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content_of(file))
    _write(path, packed.getvalue())
