"""Each rule of a release is broken once in a small workspace."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from demo_workspace import Demo
from releases import check, rules, wheels
from releases.git import GitError

CORE = "packages/demo-core"
APP = "packages/demo-app"
PARTS = f"{CORE}/src/demo_core/_parts.py"


def problems(demo: Demo, name: str, tag: str | None = None) -> list[str]:
    """The problems of the rules that build nothing."""
    workspace, unit = demo.workspace, demo.unit(name)
    return [
        *rules.version_and_tag(workspace, unit, tag),
        *rules.changelog_of(unit, tag),
        *rules.requirements(workspace, unit, tag),
        *rules.public_api(workspace, unit),
    ]


def release(demo: Demo, name: str, version: str) -> None:
    """Tag a version of a package with its changelog."""
    home = f"packages/{name}"
    old = demo.unit(name).version
    demo.replace(f"{home}/pyproject.toml", f'version = "{old}"', f'version = "{version}"')
    demo.write(f"{home}/CHANGELOG.md", f"# Changelog\n\n## Unreleased\n\n## {version} - 2026-12-01\n\n- Entry.\n")
    demo.tag(f"{name}-v{version}")


def test_a_sound_workspace_has_no_problem(demo: Demo) -> None:
    assert [problems(demo, name) for name in ("demo-core", "demo-app", "tick")] == [[], [], []]


def test_a_released_workspace_has_no_problem(demo: Demo) -> None:
    release(demo, "demo-core", "0.1.0")
    release(demo, "demo-app", "0.1.0")
    assert problems(demo, "demo-app", "demo-app-v0.1.0") == []


def test_the_tag_must_name_the_version(demo: Demo) -> None:
    release(demo, "demo-core", "0.1.0")
    [wrong] = problems(demo, "demo-core", "demo-core-v0.2.0")
    assert wrong == "tag demo-core-v0.2.0 is not the tag of pyproject.toml's version 0.1.0: expected demo-core-v0.1.0"


def test_the_tag_must_be_at_this_commit(demo: Demo) -> None:
    release(demo, "demo-core", "0.1.0")
    demo.commit()
    [wrong] = problems(demo, "demo-core", "demo-core-v0.1.0")
    assert wrong.startswith("tag demo-core-v0.1.0 is at commit ")


def test_a_changed_file_needs_a_new_version(demo: Demo) -> None:
    release(demo, "demo-core", "0.1.0")
    demo.write(f"{CORE}/tests/test_core.py", "")
    assert problems(demo, "demo-core") == []
    demo.replace(PARTS, "2 * number", "number * 2")
    [wrong] = problems(demo, "demo-core")
    assert "its files have changed since" in wrong


def test_changes_between_releases_keep_the_version(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """Work on main has the last version until its release is prepared. The check of each night passes until then."""
    release(demo, "demo-core", "0.1.0")
    release(demo, "demo-core", "0.1.1")
    demo.replace(f"{CORE}/CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- A parameter.\n")
    demo.replace(PARTS, "number: int) ->", "number: int, factor: int) ->")
    demo.commit()
    assert check.main(["demo-core", "--between-releases"], demo.root) == 0
    assert check.main(["demo-core"], demo.root) == 1
    written = capsys.readouterr().err
    assert "its files have changed since" in written
    assert "breaks users of 0.1.0" in written


def test_a_version_below_the_last_one_fails_between_releases(demo: Demo) -> None:
    release(demo, "demo-core", "0.2.0")
    demo.replace(f"{CORE}/pyproject.toml", 'version = "0.2.0"', 'version = "0.1.0"')
    [wrong] = rules.version_and_tag(demo.workspace, demo.unit("demo-core"), None, between=True)
    assert wrong == "pyproject.toml: version 0.1.0 is below the released 0.2.0"


def packs_the_service(demo: Demo) -> None:
    """The wheel of demo-core contains the sources of the service, as that of interlock-local does."""
    demo.replace(
        f"{CORE}/pyproject.toml", "[build-system]", '[tool.interlock]\npacked = ["services/*/src"]\n\n[build-system]'
    )


def test_a_changed_packed_file_needs_a_new_version(demo: Demo) -> None:
    packs_the_service(demo)
    release(demo, "demo-core", "0.1.0")
    demo.write("services/tick/README.md", "# More\n")
    assert problems(demo, "demo-core") == []
    demo.write("services/tick/src/demo_tick/handler.py", "import demo_app as app\n")
    [wrong] = problems(demo, "demo-core")
    assert "its files have changed since" in wrong


@pytest.mark.parametrize("version", ["0.1", "0.1.0.dev1", "0.1.0+local", "one"])
def test_a_version_has_three_numbers(demo: Demo, version: str) -> None:
    demo.replace(f"{CORE}/pyproject.toml", '"0.1.0"', f'"{version}"')
    found = list(rules.version_and_tag(demo.workspace, demo.unit("demo-core"), None))
    assert found == [f"pyproject.toml: version must be three numbers such as 0.2.0, got {version!r}"]


def test_a_version_is_not_below_a_released_one(demo: Demo) -> None:
    release(demo, "demo-core", "0.1.3")
    demo.replace(f"{CORE}/pyproject.toml", '"0.1.3"', '"0.1.2"')
    assert "pyproject.toml: version 0.1.2 is below the released 0.1.3" in problems(demo, "demo-core")


def test_a_shallow_clone_is_no_first_release(demo: Demo, tmp_path: Path) -> None:
    release(demo, "demo-core", "0.1.0")
    demo.commit()
    demo.git("clone", "--quiet", "--depth=1", demo.root.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(GitError, match="no complete history"):
        problems(Demo(tmp_path / "shallow"), "demo-core")


def test_a_tag_without_a_version_is_reported(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    demo.tag("demo-core-vital")
    assert check.main(["demo-core"], demo.root) == 1
    wrong = "a tag that begins with demo-core-v must end with a version: Invalid version: 'ital'"
    assert wrong in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("- The first version.\n", "", "CHANGELOG.md has no entries under '## 0.1.0 - YYYY-MM-DD'"),
        ("## Unreleased", "## 0.1.0 - 2026-12-01", "CHANGELOG.md has no heading '## Unreleased'"),
    ],
)
def test_a_changelog_has_entries(demo: Demo, old: str, new: str, wrong: str) -> None:
    demo.replace(f"{CORE}/CHANGELOG.md", old, new)
    assert problems(demo, "demo-core") == [wrong]


def test_a_changelog_exists(demo: Demo) -> None:
    (demo.root / CORE / "CHANGELOG.md").unlink()
    assert problems(demo, "demo-core") == ["CHANGELOG.md does not exist"]


def test_a_tag_has_its_section_and_no_open_entries(demo: Demo) -> None:
    demo.tag("demo-core-v0.1.0")
    assert problems(demo, "demo-core", "demo-core-v0.1.0") == [
        "CHANGELOG.md has no entries under '## 0.1.0 - YYYY-MM-DD'",
        "CHANGELOG.md has 1 unreleased entries at the tag of 0.1.0",
    ]


@pytest.mark.parametrize(
    ("needs", "wrong"),
    [
        ('"demo-core"', "pyproject.toml: demo-core has no lower bound"),
        ('"demo-core<0.2"', "pyproject.toml: demo-core<0.2 has no lower bound"),
        ('"tomli"', "pyproject.toml: tomli has no lower bound"),
        ('"demo-core>=0.1"', "pyproject.toml: demo-core>=0.1 must be a range such as demo-core>=0.2,<0.3"),
        (
            '"demo-core>=0.1,<0.3"',
            "pyproject.toml: demo-core<0.3,>=0.1 permits breaking changes: the upper bound must be at most 0.2",
        ),
        ('"demo-core>=0.2,<0.3"', "pyproject.toml: demo-core<0.3,>=0.2 excludes the 0.1.0 of this checkout"),
    ],
)
def test_a_requirement_is_a_sound_range(demo: Demo, needs: str, wrong: str) -> None:
    demo.replace(f"{APP}/pyproject.toml", '"demo-core>=0.1,<0.2"', needs)
    assert problems(demo, "demo-app") == [wrong]


def test_requirements_of_extras_are_ranges_too(demo: Demo) -> None:
    demo.replace(
        f"{APP}/pyproject.toml", "[tool.uv", '[project.optional-dependencies]\nmore = ["demo-core"]\n\n[tool.uv'
    )
    assert problems(demo, "demo-app") == ["pyproject.toml: demo-core has no lower bound"]


def test_a_tag_needs_a_released_sibling(demo: Demo) -> None:
    release(demo, "demo-app", "0.1.0")
    wrong = "no released version fulfils demo-core<0.2,>=0.1 (released: none): tag demo-core first"
    assert problems(demo, "demo-app", "demo-app-v0.1.0") == [wrong]


def remove(demo: Demo) -> None:
    demo.write(PARTS, '"""The parts."""\n')
    demo.write(f"{CORE}/src/demo_core/__init__.py", '"""A library."""\n\n__all__ = []\n')


def withdraw(demo: Demo) -> None:
    """Its own module still imports the name."""
    demo.replace(f"{CORE}/src/demo_core/__init__.py", '"twice"', "")


def rename_parameter(demo: Demo) -> None:
    demo.replace(PARTS, "number: int) ->", "value: int) ->")
    demo.replace(PARTS, "2 * number", "2 * value")


def require_parameter(demo: Demo) -> None:
    demo.replace(PARTS, "number: int) ->", "number: int, factor: int) ->")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (remove, "twice: Public"),
        (withdraw, "twice: It was removed from __all__: "),
        (rename_parameter, "twice(number): "),
        (require_parameter, "twice(factor): "),
    ],
)
def test_a_breaking_change_needs_a_minor_version(demo: Demo, change: Callable[[Demo], None], named: str) -> None:
    release(demo, "demo-core", "0.1.0")
    change(demo)
    demo.replace(f"{CORE}/pyproject.toml", '"0.1.0"', '"0.1.1"')
    found = list(rules.public_api(demo.workspace, demo.unit("demo-core")))
    objects = [line.split(": ")[1] for line in found]
    assert len(objects) == len(set(objects)), "each object is reported once"
    assert any(f": demo_core.{named}" in line for line in found)
    assert {line.partition("the version ")[2] for line in found} == {"must be 0.2.0 or higher"}
    demo.replace(f"{CORE}/pyproject.toml", '"0.1.1"', '"0.2.0"')
    assert list(rules.public_api(demo.workspace, demo.unit("demo-core"))) == []


def test_a_removed_lazy_name_is_breaking(demo: Demo) -> None:
    """A name that `__getattr__` imports is no object of its module."""
    lazy = '"""More."""\n\n__all__ = ["one", "two"]\n\n\ndef __getattr__(name: str) -> object: ...\n'
    demo.write(f"{CORE}/src/demo_core/lazy.py", lazy)
    release(demo, "demo-core", "1.0.0")
    demo.replace(f"{CORE}/src/demo_core/lazy.py", ', "two"', "")
    demo.replace(f"{CORE}/pyproject.toml", '"1.0.0"', '"1.0.1"')
    [wrong] = rules.public_api(demo.workspace, demo.unit("demo-core"))
    assert wrong.startswith("demo-core/src/demo_core/lazy.py:3: demo_core.lazy.two: It was removed from __all__: ")


def test_a_removed_public_module_is_breaking(demo: Demo) -> None:
    demo.write(f"{CORE}/src/demo_core/extra.py", '"""More."""\n')
    release(demo, "demo-core", "1.0.0")
    (demo.root / CORE / "src/demo_core/extra.py").unlink()
    demo.replace(f"{CORE}/pyproject.toml", '"1.0.0"', '"1.9.0"')
    [wrong] = rules.public_api(demo.workspace, demo.unit("demo-core"))
    assert "demo_core.extra: Public object was removed: " in wrong
    assert wrong.endswith("must be 2.0.0 or higher")


def test_a_service_has_no_public_api(demo: Demo) -> None:
    demo.tag("demo-tick-v0.1.0")
    (demo.root / "services/tick/src/demo_tick/handler.py").unlink()
    demo.replace("services/tick/pyproject.toml", '"0.1.0"', '"0.1.1"')
    assert list(rules.public_api(demo.workspace, demo.unit("tick"))) == []


def test_additions_and_private_changes_break_nothing(demo: Demo) -> None:
    demo.write(f"{CORE}/src/demo_core/_more.py", "def hidden() -> None: ...\n")
    release(demo, "demo-core", "0.1.0")
    (demo.root / CORE / "src/demo_core/_more.py").unlink()
    demo.replace(PARTS, "number: int) ->", "number: int, factor: int = 2) ->")
    demo.replace(f"{CORE}/pyproject.toml", '"0.1.0"', '"0.1.1"')
    assert list(rules.public_api(demo.workspace, demo.unit("demo-core"))) == []


def whole(demo: Demo, name: str, tag: str | None = None) -> tuple[list[str], list[str]]:
    """All problems of a unit, and the printed lines."""
    lines: list[str] = []
    return check.check(demo.workspace, demo.unit(name), tag, lines.append), lines


@pytest.mark.parametrize("name", ["demo-app", "tick"])
def test_each_sound_unit_passes_all_rules(demo: Demo, name: str) -> None:
    found, lines = whole(demo, name)
    assert found == []
    assert [line[2:18].strip() for line in lines] == [
        "version and tag",
        "changelog",
        "requirements",
        "public API",
        "files",
        "lowest versions",
    ]


def test_an_undeclared_import_fails_in_a_new_environment(demo: Demo) -> None:
    demo.replace(f"{APP}/pyproject.toml", '"demo-core>=0.1,<0.2"', "")
    found, _ = whole(demo, "demo-app")
    assert [line.partition(": ")[0] for line in found] == ["files", "files", "lowest versions"]
    assert all("No module named 'demo_core'" in line for line in found)


def packed(demo: Demo, scratch: Path) -> list[str]:
    """The problems of the files of demo-core."""
    workspace, unit = demo.workspace, demo.unit("demo-core")
    return list(wheels.contents(workspace, unit, *wheels.build(workspace, unit, scratch), scratch))


def test_a_file_that_a_source_lacks_is_found(demo: Demo, tmp_path: Path) -> None:
    text = '[tool.uv.build-backend]\nsource-exclude = ["src/demo_core/data.txt"]\nwheel-exclude = []\n\n[build-system]'
    demo.write(f"{CORE}/src/demo_core/data.txt", "data\n")
    demo.replace(f"{CORE}/pyproject.toml", "[build-system]", text)
    assert "demo_core-0.1.0-py3-none-any.whl lacks demo_core/data.txt" in packed(demo, tmp_path)


def test_a_wheel_that_differs_from_the_checkout_is_found(demo: Demo, tmp_path: Path) -> None:
    sdist, wheel = wheels.build(demo.workspace, demo.unit("demo-core"), tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("demo_core/more.py", "")
    [wrong] = wheels.contents(demo.workspace, demo.unit("demo-core"), sdist, wheel, tmp_path)
    assert wrong == "the wheels of the source distribution and of the checkout differ: demo_core/more.py"


@pytest.mark.parametrize(("file", "named"), [("src/demo_core/py.typed", "py.typed"), ("LICENSE", "licenses/LICENSE")])
def test_a_wheel_has_its_licence_and_its_types(demo: Demo, tmp_path: Path, file: str, named: str) -> None:
    (demo.root / CORE / file).unlink()
    if file == "LICENSE":
        demo.replace(f"{CORE}/pyproject.toml", 'license-files = ["LICENSE"]\n', "")
    [wrong] = packed(demo, tmp_path)
    assert wrong.startswith("demo_core-0.1.0-py3-none-any.whl lacks ")
    assert wrong.endswith(named)


def test_a_lower_bound_that_is_too_low_is_found(demo: Demo, tmp_path: Path) -> None:
    release(demo, "demo-core", "0.1.0")
    demo.write(
        PARTS, demo.read(PARTS) + '\n\ndef thrice(number: int) -> int:\n    """Three times."""\n    return 3 * number\n'
    )
    core = f"{CORE}/src/demo_core/__init__.py"
    demo.replace(core, "import twice", "import thrice, twice")
    demo.replace(core, '["twice"]', '["thrice", "twice"]')
    release(demo, "demo-core", "0.1.1")
    demo.replace(f"{APP}/src/demo_app/__init__.py", "import twice", "import thrice as twice")
    (tmp_path / "low").mkdir()
    [wrong] = wheels.lowest_versions(demo.workspace, demo.unit("demo-app"), tmp_path / "low")
    assert "cannot import name 'thrice'" in wrong
    demo.replace(f"{APP}/pyproject.toml", ">=0.1,", ">=0.1.1,")
    (tmp_path / "high").mkdir()
    assert list(wheels.lowest_versions(demo.workspace, demo.unit("demo-app"), tmp_path / "high")) == []


_BACKEND = """\
from pathlib import Path

from uv_build import build_editable, build_sdist, build_wheel, get_requires_for_build_wheel

if not list(Path(__file__).resolve().parents[2].glob("services/*/src")):
    raise FileNotFoundError("no checkout")
"""


def test_a_released_sibling_is_built_with_its_commit(demo: Demo, tmp_path: Path) -> None:
    packs_the_service(demo)
    demo.write(f"{CORE}/_backend.py", _BACKEND)
    demo.replace(f"{CORE}/pyproject.toml", '"uv_build"', '"_backend"\nbackend-path = ["."]')
    release(demo, "demo-core", "0.1.0")
    release(demo, "demo-core", "0.1.1")
    assert list(wheels.lowest_versions(demo.workspace, demo.unit("demo-app"), tmp_path)) == []
    assert [wheel.name for wheel in (tmp_path / "older").glob("*.whl")] == ["demo_core-0.1.0-py3-none-any.whl"]


def test_all_problems_come_at_once(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    (demo.root / APP / "CHANGELOG.md").unlink()
    (demo.root / APP / "src/demo_app/py.typed").unlink()
    demo.replace(f"{APP}/pyproject.toml", "<0.2", "<0.9")
    assert check.main(["demo-app", "--tag", "demo-app-v9.0.0"], demo.root) == 1
    errors = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2] for line in errors if line.startswith("error: ")] == [
        "version and tag",
        "changelog",
        "requirements",
        "requirements",
        "files",
    ]


def test_an_unknown_unit_has_exit_code_2(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        check.main(["nothing"], demo.root)
    assert stopped.value.code == 2
    assert "no unit 'nothing', expected one of demo-app, demo-core, tick" in capsys.readouterr().err
