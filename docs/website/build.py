"""Builds the site into dist/site: `python docs/website/build.py`. A warning is an error.

The sources of the site are the pages of the repository, which also work on GitHub. They are copied to a folder of their
own, so that generated pages never lie among them. `pages` has the rules for this.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pages import ROOT, stage

# A browser loads these without a click. A link of `<a>` is not among them.
_LOADED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["'](?:https?:)?//[^"']+""")

_STYLED = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')]+)""")


def foreign(folder: Path) -> Iterator[str]:
    """The scripts, styles, fonts and pictures that the pages of a folder load from another server."""
    for page in sorted(folder.rglob("*.html")):
        yield from (f"{page.relative_to(folder)}: {found}" for found in _LOADED.findall(page.read_text()))
    for style in sorted(folder.rglob("*.css")):
        found = _STYLED.findall(style.read_text())
        yield from (f"{style.relative_to(folder)}: {address}" for address in found)


def main() -> int:
    """Build the site. Exit code 1 if a page has a warning, or loads anything from another server."""
    source, out = stage(ROOT / "dist" / "site-source"), ROOT / "dist" / "site"
    shutil.rmtree(out, ignore_errors=True)
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--nitpicky", "--quiet", "--jobs", "auto"]
    command = [sys.executable, "-m", "sphinx", *options, "--conf-dir", str(Path(__file__).parent)]
    code = subprocess.run([*command, str(source), str(out)], check=False).returncode
    found = list(foreign(out))
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if code or found else 0


if __name__ == "__main__":
    sys.exit(main())
