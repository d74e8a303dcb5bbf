"""`interlock validate --receipt`: the proof for a Terraform plan that its files are valid."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main

PIPELINE = """
pipeline: {id: daily}
schedule: {cron: "0 6 * * *", calendar: holidays}
validation: {rules: [{key: orders, check: exists}]}
job: {type: glue, config: {jobName: load}}
"""
CALENDAR = "name: holidays\ndates: [2026-12-25]\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    pipelines, calendars = tmp_path / "pipelines", tmp_path / "calendars"
    (pipelines / "team").mkdir(parents=True)
    calendars.mkdir()
    (pipelines / "team" / "daily.YAML").write_text(PIPELINE, encoding="utf-8")
    (calendars / "holidays.yml").write_text(CALENDAR, encoding="utf-8")
    return pipelines, calendars


def validate(*words: object) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, words), "--receipt"])


def receipt_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / ".interlock-validated.json").read_text(encoding="utf-8"))
    return found


def test_receipt_has_the_hash_of_each_file_and_of_all(folders: tuple[Path, Path]) -> None:
    done = validate(*folders)
    assert done.exit_code == 0, done.output
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in (("p", PIPELINE), ("c", CALENDAR))}
    lines = sorted([f"{hashes['p']} team/daily.YAML", f"{hashes['c']} holidays.yml"])
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    pipelines, calendars = map(receipt_of, folders)
    assert pipelines == {"version": 1, "digest": digest, "files": {"team/daily.YAML": hashes["p"]}}
    assert calendars == {"version": 1, "digest": digest, "files": {"holidays.yml": hashes["c"]}}
    # A receipt is no pipeline file, and a second one is the same.
    assert validate(*folders).exit_code == 0
    assert receipt_of(folders[0]) == pipelines


def test_files_with_an_error_get_no_receipt(folders: tuple[Path, Path]) -> None:
    # Without its calendar the pipeline is invalid.
    assert validate(folders[0]).exit_code == 2
    assert list(folders[0].glob(".interlock*")) == []


def test_receipt_of_a_file_is_rejected(folders: tuple[Path, Path]) -> None:
    done = validate(folders[0] / "team" / "daily.YAML", folders[1])
    assert done.exit_code == 2
    assert "--receipt needs folders" in done.output
    assert list(folders[1].glob(".interlock*")) == []
