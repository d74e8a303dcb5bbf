"""`interlock import dbt`: each source with a freshness becomes a valid draft with its age rules."""

import json
from pathlib import Path
from typing import Any

import msgspec.yaml
import pytest
from click.testing import CliRunner, Result

from interlock_cli import main


def limit(count: int | None, period: str | None) -> dict[str, Any]:
    return {"count": count, "period": period}


def table(source: str, name: str, warn: Any = None, error: Any = None, **more: Any) -> dict[str, Any]:
    """A source table as dbt-core 1.11 writes it: an absent limit has nulls."""
    none = limit(None, None)
    freshness = {"warn_after": warn or none, "error_after": error or none, "filter": None}
    return {"source_name": source, "name": name, "freshness": freshness, "meta": {}, **more}


def invoke(*words: str, code: int = 0, cron: str = "0 6 * * *") -> Result:
    done = CliRunner().invoke(main, ["import", "dbt", *words, "--cron", cron], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


def imported(tmp_path: Path, *tables: dict[str, Any], code: int = 0) -> dict[str, Any]:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"sources": {f"source.shop.{one['source_name']}.{one['name']}": one for one in tables}}))
    found: dict[str, Any] = json.loads(invoke(str(file), "--dry-run", "--json", code=code).stdout)
    return found


def test_each_table_has_the_age_rule_of_its_limit(tmp_path: Path) -> None:
    more = {"source_description": "The shop: orders", "meta": {"owner": "data"}}
    found = imported(
        tmp_path,
        table("raw", "orders", limit(12, "hour"), limit(2, "day"), **more),
        table("raw", "clicks", limit(90, "minute")),
        table("crm", "people", error=limit(6, "hour")),
    )
    files = [msgspec.yaml.decode(one["text"]) for one in found["drafts"]]
    assert [file["pipeline"] for file in files] == [
        {"id": "dbt-crm"},
        {"id": "dbt-raw", "owner": "data", "description": "The shop: orders"},
    ]
    assert files[1]["validation"]["rules"] == [
        {"key": "dbt.raw.clicks", "check": "age_lt", "field": "maxLoadedAt", "value": "90m"},
        {"key": "dbt.raw.orders", "check": "age_lt", "field": "maxLoadedAt", "value": "48h"},
    ]
    assert files[1]["job"]["config"] == {"command": "dbt build --select source:raw+"}
    assert "dbt warns before its error_after." in found["drafts"][1]["differences"][1]
    assert len(found["drafts"][0]["differences"]) == 1


def test_tables_and_sources_without_a_freshness_are_named(tmp_path: Path) -> None:
    tables = table("raw", "orders", error=limit(1, "day")), table("raw", "regions"), table("ref", "countries")
    found = imported(tmp_path, *tables, code=1)
    assert [one["pipeline"] for one in found["drafts"]] == ["dbt-raw"]
    assert [one["text"] for one in found["left_out"]] == ["ref", "raw.regions"]


def test_the_files_are_valid(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    odd = table("raw x: y", "or'ders", error=limit(1, "day"))
    file.write_text(json.dumps({"sources": {"a": odd, "b": table("b", "b", error=limit(1, "day"))}}))
    invoke(str(file), "--folder", str(tmp_path / "out"), "--zone", "Europe/Berlin")
    done = CliRunner().invoke(main, ["validate", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "2 files: 0 errors" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "has no sources"),
        ('{"sources": []}', "has no sources"),
        ('{"sources": {"a": {"name": "x"}}}', "sources.a: has no source_name and name"),
    ],
)
def test_another_file_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.json").write_text(text)
    error = invoke(str(tmp_path / "m.json"), code=2).stderr
    assert said in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("cron", ["0 25 * * *", "daily", ""])
def test_a_wrong_cron_is_an_error(tmp_path: Path, cron: str) -> None:
    (tmp_path / "m.json").write_text("{}")
    assert "--cron is" in invoke(str(tmp_path / "m.json"), code=2, cron=cron).stderr
