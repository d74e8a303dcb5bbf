"""Builds interlock-local with the parts of the repository that it deploys.

Outside a checkout, `interlock demo`, `up`, `build` and `deploy` need the sources of the services, the state machine and
the flights example. They are packed as `interlock_local/_packed`, with the paths of the repository. pyproject.toml
lists them. Everything else is uv_build's work. The build runs in a copy of the package, so that builds at the same time
do not meet.
"""

import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uv_build
from uv_build import (  # noqa: F401 - the other hooks of PEP 517 and PEP 660
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

HOME = Path(__file__).resolve().parent
ROOT = HOME.parents[1]
_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", ".pytest_cache", "tests")


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:
    """Build the wheel in a folder."""
    place = Path(wheel_directory).resolve()
    with _packed():
        return uv_build.build_wheel(str(place), config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """Build the source distribution in a folder. A wheel that is built from it has the same files."""
    place = Path(sdist_directory).resolve()
    with _packed():
        return uv_build.build_sdist(str(place), config_settings)


@contextmanager
def _packed() -> Iterator[None]:
    """Work in a copy of the package with its packed parts. An unpacked source distribution has them already."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / HOME.name
        shutil.copytree(HOME, copy, ignore=_CACHES)
        target = copy / "src" / "interlock_local" / "_packed"
        if not target.exists():
            for source in _parts():
                _copy(source, target / source.relative_to(ROOT))
        os.chdir(copy)
        try:
            yield
        finally:
            os.chdir(before)


def _parts() -> list[Path]:
    """The files and folders to pack. Raises FileNotFoundError outside of a checkout, which has none of them."""
    settings = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[Path] = []
    for pattern in settings["tool"]["interlock"]["packed"]:
        sources = sorted(ROOT.glob(pattern))
        if not sources:
            raise FileNotFoundError(f"{ROOT / pattern} does not exist: build interlock-local in a checkout")
        found += sources
    return found


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_CACHES)
    else:
        shutil.copyfile(source, target)
