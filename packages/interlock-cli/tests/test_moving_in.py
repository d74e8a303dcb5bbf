"""Fifty lines of a crontab, a dbt manifest and a DAG file, imported into one folder that `validate` accepts."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from interlock_cli import main

HERE = Path(__file__).parent
MANIFEST = {
    "sources": {
        f"source.shop.{source}.{name}": {
            "source_name": source,
            "name": name,
            "freshness": {"warn_after": {"count": 6, "period": "hour"}, "error_after": {"count": 1, "period": "day"}},
            "meta": {"owner": "data-platform"},
        }
        for source, name in (("shop", "orders"), ("shop", "customers"), ("crm", "leads"))
    }
}


def imported(kind: str, *words: str) -> list[dict[str, Any]]:
    """The drafts of an import into the folder of `words`. Jobs without a draft are other tests' subject."""
    done = CliRunner().invoke(main, ["import", kind, *words, "--json"], env={"NO_COLOR": "1"})
    assert done.exit_code in (0, 1), done.output
    return list(json.loads(done.stdout)["drafts"])


def test_all_imports_together_are_valid_and_name_differences(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    crontab = imported("crontab", str(HERE / "crontab.txt"), "--zone", "Europe/Berlin", "--folder", str(folder))
    dbt = imported("dbt", str(tmp_path / "manifest.json"), "--cron", "0 6 * * *", "--folder", str(folder))
    airflow = imported("airflow", str(HERE / "dags" / "orders_daily.py"), "--folder", str(folder))
    assert len(crontab) >= 50
    assert len(dbt) == 2
    assert len(airflow) == 1
    drafts = [*crontab, *dbt, *airflow]
    for draft in drafts:
        text = Path(draft["path"]).read_text()
        assert draft["differences"]
        listed = text.partition("# Differences from the old schedule:\n")[2].partition("\n\n")[0]
        said = " ".join(word for line in listed.splitlines() for word in line.removeprefix("#").split())
        assert said == " ".join(f"- {note}" for note in draft["differences"])
    done = CliRunner().invoke(main, ["validate", str(folder)], env={"NO_COLOR": "1"})
    assert done.exit_code == 0, done.output
    assert f"{len(drafts)} files: 0 errors" in done.stdout
