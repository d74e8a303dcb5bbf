"""`interlock init`: the file is valid without a warning, has its schema, and replaces nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_config import json_schema


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(words), env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("name", ["orders", "2026", "true", "null", "a.b-c_d", "1.5"])
def test_file_is_valid_without_a_warning(name: str, tmp_path: Path) -> None:
    invoke("init", name, "--folder", str(tmp_path / "new"))
    said = invoke("validate", str(tmp_path / "new"), "--strict").stdout
    assert said == "1 file: 0 errors, 0 warnings\n"


def test_first_line_names_the_schema_next_to_the_file(tmp_path: Path) -> None:
    invoke("init", "orders", "--folder", str(tmp_path))
    first = (tmp_path / "orders.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=pipeline.schema.json"
    assert json.loads((tmp_path / "pipeline.schema.json").read_text()) == json_schema()


def test_existing_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "orders.yaml"
    path.write_text("mine")
    said = invoke("init", "orders", "--folder", str(tmp_path), code=2).stderr
    assert said == f"error: {path} exists already, and is not replaced\n"
    assert path.read_text() == "mine"


def test_existing_schema_stays(tmp_path: Path) -> None:
    (tmp_path / "pipeline.schema.json").write_text("{}")
    answer = json.loads(invoke("init", "orders", "--folder", str(tmp_path), "--json").stdout)
    assert answer == {"pipeline": "orders", "written": [str(tmp_path / "orders.yaml")]}
    assert (tmp_path / "pipeline.schema.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["or ders", "a/b", "", "x" * 65, 'a"b', "../up"])
def test_invalid_id_writes_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    said = invoke("init", name, "--folder", str(folder), code=2).stderr
    assert said == f"error: PIPELINE is {name!r}, must be 1 to 64 letters, digits, '-', '_' or '.'\n"
    assert not folder.exists()


def test_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = invoke("init", "orders", "--folder", str(tmp_path / "file" / "new"), code=2).stderr
    assert said.startswith("error: ")
    assert "cannot be written" in said
