"""Checks interlock-local installed from its wheel: outside a checkout it builds the zips of all services.

Each zip is unpacked, and its handler is imported without any other installed package.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from interlock_local import find_checkout, is_packed
from interlock_local.demo._feed import load_feed
from interlock_local.zips import SERVICES, Target, build_zips


def _problems(folder: Path) -> list[str]:
    root = find_checkout()
    if not is_packed(root):
        return [f"{root} is a checkout, so that the packed parts are not tested"]
    problems = []
    if not (root / "infra" / "statemachine" / "interlock.asl.json").is_file():
        problems.append("the state machine is not packed")
    if not load_feed().__file__.startswith(str(root)):
        problems.append("the flights example is not packed")
    for service, path in build_zips(root, Target.host(), with_boto=True).items():
        content = folder / service
        with zipfile.ZipFile(path) as archive:
            archive.extractall(content)
        module = f"interlock_{service.replace('-', '_')}.handler"
        code = f"import sys; sys.path.append({str(content)!r}); import {module} as found; assert callable(found.handle)"
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f"{service} cannot be imported: {done.stderr.strip().splitlines()[-1]}")
    return problems


def main() -> int:
    """Print the problems. Exit code 1 if there are any."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = str(Path(scratch) / "cache")
        os.chdir("/")  # a temporary folder may be inside of the checkout
        problems = _problems(Path(scratch))
    for problem in problems:
        print(f"interlock_local: {problem}")
    if not problems:
        print(f"interlock_local alone: {len(SERVICES)} zips without a checkout")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
