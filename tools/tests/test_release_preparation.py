"""The preparation of a release: changelog, version, ranges of siblings, lock file."""

import tomllib

import pytest

from demo_workspace import Demo
from releases import changelog, prepare

CORE = "packages/demo-core"
APP = "packages/demo-app"

_LOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n- One.\n- Two.\n\n## 0.1.0 - 2026-01-02\n\n### Added\n\n- Zero.\n"


def prepared(demo: Demo, *arguments: str) -> int:
    return prepare.main([*arguments, "--date", "2026-12-01"], demo.root)


def needs(demo: Demo, home: str) -> list[str]:
    return list(tomllib.loads(demo.read(f"{home}/pyproject.toml"))["project"]["dependencies"])


def test_unreleased_entries_move_below_the_version() -> None:
    text = changelog.release(_LOG, "0.2.0", "2026-12-01")
    assert text.startswith("# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n### Added\n\n- One.\n- Two.\n")
    assert [changelog.entries(text, name) for name in ("Unreleased", "0.2.0", "0.1.0")] == [0, 2, 1]
    assert text.replace("\n\n## 0.2.0 - 2026-12-01", "") == _LOG


def test_a_version_is_released_once() -> None:
    with pytest.raises(changelog.ChangelogError, match=r"has a section 0\.1\.0 already"):
        changelog.release(_LOG, "0.1.0", "2026-12-01")


@pytest.mark.parametrize("text", ["# Changelog\n\n## Unreleased\n", "# Changelog\n\n## 0.1.0 - 2026-01-02\n\n- One.\n"])
def test_a_release_without_entries_is_rejected(text: str) -> None:
    with pytest.raises(changelog.ChangelogError, match="has no entries under '## Unreleased'"):
        changelog.release(text, "0.2.0", "2026-12-01")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## Unreleased\n", "## Unreleased\n\n### Changed\n\n- It.\n"),
        (
            "## Unreleased\n\n## 0.1.0 - 2026-01-02\n\n- One.\n",
            "## Unreleased\n\n### Changed\n\n- It.\n\n## 0.1.0 - 2026-01-02\n\n- One.\n",
        ),
        ("## Unreleased\n\n### Changed\n\n- One.\n", "## Unreleased\n\n### Changed\n\n- It.\n- One.\n"),
        ("## Unreleased\n\n### Added\n\n- One.\n", "## Unreleased\n\n### Added\n\n- One.\n\n### Changed\n\n- It.\n"),
    ],
)
def test_an_entry_is_added_to_the_unreleased_changes(before: str, after: str) -> None:
    assert changelog.add_change(before, "It.") == after


def test_the_first_release_moves_siblings_to_its_range(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepared(demo, "demo-core", "0.2.0") == 0
    assert demo.unit("demo-core").version == "0.2.0"
    assert needs(demo, APP) == ["demo-core>=0.2,<0.3"]
    assert "## 0.2.0 - 2026-12-01\n\n### Added\n\n- The first version.\n" in demo.read(f"{CORE}/CHANGELOG.md")
    # No release of demo-app has another range.
    assert "The range of demo-core" not in demo.read(f"{APP}/CHANGELOG.md")
    assert 'name = "demo-core"\nversion = "0.2.0"' in demo.read("uv.lock")
    assert "git tag -a demo-core-v0.2.0 -m 'demo-core 0.2.0'" in capsys.readouterr().out
    assert demo.git("tag", "--list") == ""


def test_a_new_range_is_in_the_changelog_of_a_released_sibling(demo: Demo) -> None:
    demo.tag("demo-app-v0.1.0")
    assert prepared(demo, "demo-core", "0.2.0") == 0
    assert "- The range of demo-core begins with 0.2 and ends before 0.3.\n" in demo.read(f"{APP}/CHANGELOG.md")


def test_a_patch_leaves_siblings_unless_they_are_raised(demo: Demo) -> None:
    assert prepared(demo, "demo-core", "0.1.1") == 0
    assert needs(demo, APP) == ["demo-core>=0.1,<0.2"]
    demo.write(f"{CORE}/CHANGELOG.md", demo.read(f"{CORE}/CHANGELOG.md").replace("## 0.1.1", "- More.\n\n## 0.1.1"))
    assert prepared(demo, "demo-core", "0.1.2", "--raise-siblings") == 0
    assert needs(demo, APP) == ["demo-core>=0.1.2,<0.2"]


def test_ranges_of_extras_and_services_move_too(demo: Demo) -> None:
    extra = "[project.optional-dependencies]\nmore = [\"demo-app[x]>=0.1,<0.2; python_version < '4'\"]\n\n[tool.uv"
    demo.replace("services/tick/pyproject.toml", "[tool.uv", extra)
    assert prepared(demo, "demo-app", "1.0.0") == 0
    text = demo.read("services/tick/pyproject.toml")
    assert "\"demo-app[x]>=1.0,<2; python_version < '4'\"" in text
    assert needs(demo, "services/tick") == ["demo-app>=1.0,<2"]


def test_all_units_are_released_in_order_of_their_needs(demo: Demo) -> None:
    for unit in demo.workspace.in_order():
        assert prepared(demo, unit.name, "0.2.0") == 0
    logs = [(unit.home / "CHANGELOG.md").read_text() for unit in demo.workspace.units.values()]
    assert [changelog.entries(text, "Unreleased") for text in logs] == [0, 0, 0]


@pytest.mark.parametrize(
    ("version", "wrong"),
    [
        ("0.2", "version must be three numbers such as 0.2.0, got '0.2'"),
        ("0.2.0rc1", "version must be three numbers such as 0.2.0, got '0.2.0rc1'"),
        ("v0.2.0", "version must be three numbers such as 0.2.0, got 'v0.2.0'"),
        ("0.0.9", "version 0.0.9 must be above 0.1.0"),
        ("0.1.0", "version 0.1.0 must be above 0.1.0"),
    ],
)
def test_an_invalid_version_changes_nothing(
    demo: Demo, capsys: pytest.CaptureFixture[str], version: str, wrong: str
) -> None:
    demo.tag("demo-core-v0.1.0")
    assert prepared(demo, "demo-core", version) == 2
    assert capsys.readouterr().err == f"error: demo-core: {wrong}\n"
    assert demo.git("status", "--porcelain") == ""


def test_all_reasons_of_a_rejection_come_at_once(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    demo.replace(f"{CORE}/CHANGELOG.md", "- The first version.\n", "")
    assert prepared(demo, "demo-core", "0.0.1") == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: demo-core: version 0.0.1 must be above 0.1.0",
        "error: demo-core: packages/demo-core/CHANGELOG.md has no entries under '## Unreleased'",
    ]
