"""The pages of the site: their names, the targets of their links, and the pages below each of them.

A page has the name of its file in the repository, such as `docs/dates.md`. Only the index has another one.
"""

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from diagrams import as_tables

ROOT = Path(__file__).parents[2]
INDEX = "docs/website/index.md"
"""The file of the first page, whose name on the site is `index`."""
FOLDERS = {
    "docs/tutorial": ("docs/tutorial",),
    "docs/how-to": ("docs/how-to",),
    "docs/reference": ("docs/reference",),
    "docs/explanation": ("docs/explanation", "docs"),
    "docs/wrong-guesses": ("docs/wrong-guesses",),
    "docs/decisions": ("docs/decisions",),
}
"""The folders whose README is a section of the site. Its children are the pages of these folders that it links to."""

_FENCED = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")


@cache
def tracked() -> frozenset[str]:
    """The files that git tracks or would add, except for those that were deleted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return frozenset(name for name in listed.split("\0") if name and (ROOT / name).is_file())


@cache
def pages() -> tuple[str, ...]:
    """The files of all pages. Hidden folders and those of packages' static files have none."""
    found = (name for name in tracked() if name.endswith(".md") and not name.startswith("."))
    return tuple(sorted(name for name in found if "/static/" not in name))


def docname(file: str) -> str:
    """The name of a page on the site."""
    return "index" if file == INDEX else file.removesuffix(".md")


def file_of(name: str) -> str:
    """The file of the page with this name on the site."""
    return INDEX if name == "index" else f"{name}.md"


def stage(folder: Path) -> Path:
    """Write the sources of the site: each page, each file that a page links to, and the pages of the API."""
    shutil.rmtree(folder, ignore_errors=True)
    for file in pages():
        text = (ROOT / file).read_text()
        _write(folder / f"{docname(file)}.md", as_tables(rewritten(file, text)) + _below(file))
        for target in _targets(file, text):
            if target in tracked() and target not in pages():
                (folder / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / target, folder / target)
    for package in _packages():
        _write(folder / package / "api.md", api_page(package))
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _packages() -> list[str]:
    return sorted(str(Path(file).parent) for file in pages() if re.fullmatch(r"packages/[\w-]+/README\.md", file))


def _prose(text: str) -> Iterator[tuple[bool, str]]:
    """The parts of a page, and whether each is prose. The other parts are code."""
    for part in _FENCED.split(text):
        yield not part.lstrip().startswith("`"), part


def _targets(file: str, text: str) -> set[str]:
    """The files and folders of the repository that a page links to."""
    found = _LINK.findall("".join(part for prose, part in _prose(text) if prose))
    # A link around an image, or around code, was split. Its end is a link of its own.
    found += re.findall(r"(\])()\(([^)\s#]+)\)", text)
    return {_resolved(file, link[2]) for link in found if link[2] and "://" not in link[2]}


def _resolved(file: str, link: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(file), link))


def rewritten(file: str, text: str) -> str:
    """The text of a page with its links for the site.

    A link to a folder leads to its README. A link to a folder without one becomes text.
    """

    def replace(found: re.Match[str]) -> str:
        image, label, link, anchor = found[1], found[2], found[3], found[4] or ""
        if not link or "://" in link or link.startswith("mailto:"):
            return found[0]
        target = _resolved(file, link)
        if (ROOT / target).is_dir():
            target = os.path.join(target, "README.md")
            if target not in pages():
                return label
        here = os.path.dirname(f"{docname(file)}.md") or "."
        there = f"{docname(target)}.md" if target in pages() else target
        return f"{image}[{label}]({os.path.relpath(there, here)}{anchor})"

    # Code is replaced by marks, since a label of a link may contain code.
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    changed = _LINK.sub(replace, _FENCED.sub(keep, text))
    return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], changed)


def children(file: str) -> list[str]:
    """The names of the pages below a page, in their order."""
    folder = os.path.dirname(file)
    if file == "CHANGELOG.md":
        return [docname(name) for name in pages() if re.fullmatch(r"services/[\w-]+/CHANGELOG\.md", name)]
    if file == "infra/README.md":
        return [docname(name) for name in pages() if re.fullmatch(r"infra/.+/README\.md", name)]
    if os.path.basename(file) != "README.md":
        return []
    if folder.startswith("packages/"):
        return [f"{folder}/api", *(docname(name) for name in (f"{folder}/CHANGELOG.md",) if name in pages())]
    if folder in FOLDERS:
        found = [_resolved(file, link[2]) for link in _LINK.findall((ROOT / file).read_text())]
        wanted = FOLDERS[folder]
        return [docname(name) for name in dict.fromkeys(found) if os.path.dirname(name) in wanted and name in pages()]
    return []


def _below(file: str) -> str:
    """The list of the pages below a page, which only the side bar shows."""
    names = children(file)
    lines = ["", "", "```{toctree}", ":hidden:", "", *(f"/{name}" for name in names), "```", ""]
    return "\n".join(lines) if names else ""


def api_page(package: str) -> str:
    """The page of the public names of a package: those of its module, and of its modules without an underscore."""
    [home] = (ROOT / package / "src").iterdir()
    modules = [home.name, *sorted(f"{home.name}.{path.stem}" for path in home.iterdir() if _is_public(path))]
    lines = [f"# API of {Path(package).name}", ""]
    lines += ["The signatures and docstrings of all public names. The [README](README.md) has the examples.", ""]
    for module in modules:
        directive = [f".. automodule:: {module}", "   :members:", "   :imported-members:"]
        lines += [f"## `{module}`", "", "```{eval-rst}", *directive, "```", ""]
    return "\n".join(lines)


def _is_public(path: Path) -> bool:
    source = path / "__init__.py" if path.is_dir() else path
    if path.name.startswith("_") or source.suffix != ".py" or not source.exists():
        return False
    targets = [node.targets for node in ast.parse(source.read_text()).body if isinstance(node, ast.Assign)]
    return any(isinstance(one[0], ast.Name) and one[0].id == "__all__" for one in targets)
