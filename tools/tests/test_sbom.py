"""SBOMs of zips and wheels."""

import json
import zipfile
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from demo_workspace import Demo
from releases import sbom

MOMENT = datetime(2026, 12, 1, tzinfo=UTC)


def metadata(name: str, version: str, *lines: str) -> str:
    return "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, ""])


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A zip of the service demo-tick with two packages."""
    path = tmp_path / "tick.zip"
    with zipfile.ZipFile(path, "w") as packed:
        needs = ("License-Expression: Apache-2.0", "Requires-Dist: Demo.Core>=1", "Requires-Dist: absent")
        packed.writestr("demo_tick-0.1.0.dist-info/METADATA", metadata("demo-tick", "0.1.0", *needs))
        packed.writestr("demo_core-1.2.dist-info/METADATA", metadata("demo_core", "1.2", "License: MIT"))
        text = ("License: The licence", " of this package has two lines.")
        packed.writestr("other-3.dist-info/METADATA", metadata("other", "3", *text))
    return path


def written(path: Path) -> str:
    return sbom.sbom(path, "demo-tick", distributions(path=[str(path)]), MOMENT)


def test_the_sbom_of_a_zip_lists_its_packages(archive: Path) -> None:
    found: dict[str, Any] = json.loads(written(archive))
    assert found["metadata"]["component"]["purl"] == "pkg:pypi/demo-tick@0.1.0"
    assert [one["purl"] for one in found["components"]] == ["pkg:pypi/demo-core@1.2", "pkg:pypi/other@3"]
    assert found["components"][0]["licenses"][0]["license"]["id"] == "MIT"
    assert "licenses" not in found["components"][1]
    needed = {one["ref"]: one.get("dependsOn", []) for one in found["dependencies"]}
    assert needed["pkg:pypi/demo-tick@0.1.0"] == ["pkg:pypi/demo-core@1.2"]
    assert found["metadata"]["timestamp"] == "2026-12-01T00:00:00+00:00"


def test_an_sbom_fulfils_the_schema(archive: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written(archive)) is None


def test_the_same_zip_gives_the_same_sbom(archive: Path) -> None:
    first = written(archive)
    assert written(archive) == first
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("more.txt", "")
    assert json.loads(written(archive))["serialNumber"] != json.loads(first)["serialNumber"]


def test_a_zip_of_another_unit_has_exit_code_2(demo: Demo, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sbom.main([str(archive), "--unit", "demo-app"], demo.root) == 2
    assert "no metadata of demo-app, only of demo-core, demo-tick, other" in capsys.readouterr().err
    assert not archive.with_name("tick.zip.cdx.json").exists()


def test_the_sbom_is_written_with_the_zip(demo: Demo, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(MOMENT.timestamp())))
    assert sbom.main([str(archive), "--unit", "tick"], demo.root) == 0
    assert archive.with_name("tick.zip.cdx.json").read_text() == written(archive)


def test_the_time_of_an_sbom_is_that_of_the_commit(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert sbom.moment_of(demo.root).timestamp() == int(demo.git("log", "-1", "--format=%ct"))
