"""`interlock import crontab`: each line becomes a valid draft or is listed with its reason."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec.yaml
import pytest
from click.testing import CliRunner, Result

from interlock_cli import main

CRONTAB = Path(__file__).with_name("crontab.txt")
LEFT_OUT = {
    "*/5 * * * * /opt/etl/heartbeat.sh": "fires more often than once an hour",
    "* * * * * /opt/etl/queue.sh": "fires more often than once an hour",
    "0,30 * * * * /opt/etl/half_hourly.sh": "fires more often than once an hour",
    "@reboot /opt/agent/start": "a start of the machine is no time",
    '0 8 * * 1-5 mail -s "report" boss@example.com%Hello%World': "a % without a backslash",
    "30 9 31 2 * /opt/etl/never.sh": "never",
    "0 25 * * * /opt/etl/typo.sh": "'25' must be 0 to 23",
    "0 9 * * 1-5": "no five fields and a command",
}


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["import", "crontab", *words], env={"NO_COLOR": "1", "COLUMNS": "80"})
    assert done.exit_code == code, done.output
    return done


def drafted(tmp_path: Path, text: str, *words: str, code: int = 0) -> dict[str, Any]:
    """The result for a crontab, as JSON with the files' texts."""
    file = tmp_path / "crontab"
    file.write_text(text)
    found: dict[str, Any] = json.loads(invoke(str(file), "--dry-run", "--json", *words, code=code).stdout)
    return found


def first(tmp_path: Path, line: str, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The draft of a line, and its file as values."""
    draft = drafted(tmp_path, line, "--zone", "UTC", *words)["drafts"][0]
    return draft, msgspec.yaml.decode(draft["text"])


def test_fifty_lines_become_valid_files_or_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    found = json.loads(invoke(str(CRONTAB), "--zone", "UTC", "--folder", str(folder), "--json", code=1).stdout)
    assert {one["text"] for one in found["left_out"]} == set(LEFT_OUT)
    for one in found["left_out"]:
        assert LEFT_OUT[one["text"]] in one["reason"]
    jobs = [line for line in CRONTAB.read_text().splitlines() if re.match(r"[-\d*@]", line)]
    assert len(jobs) >= 50
    assert len(found["drafts"]) == len(jobs) - len(LEFT_OUT)
    done = CliRunner().invoke(main, ["validate", str(folder)])
    assert done.exit_code == 0, done.output
    assert f"{len(found['drafts'])} files: 0 errors" in done.stdout


def test_the_zone_is_that_of_the_line(tmp_path: Path) -> None:
    text = "0 5 * * * a\nCRON_TZ=Europe/Berlin\n0 5 * * * b\n"
    files = [msgspec.yaml.decode(one["text"]) for one in drafted(tmp_path, text, "--zone", "UTC")["drafts"]]
    assert [file["schedule"]["timezone"] for file in files] == ["UTC", "Europe/Berlin"]


def test_an_unknown_zone_is_never_guessed(tmp_path: Path) -> None:
    found = drafted(tmp_path, "0 5 * * * a\nCRON_TZ=Mars/Base\n0 5 * * * b", code=1)
    assert found["drafts"] == []
    assert found["left_out"][0]["reason"] == "the zone of the machine is not known: name it with --zone"
    assert "Mars/Base" in found["left_out"][1]["reason"]


def test_a_wrong_zone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("0 5 * * * a\n")
    error = invoke(str(tmp_path / "c"), "--zone", "Berlin", code=2).stderr
    assert error.startswith("error: --zone is 'Berlin': it is not an IANA time zone")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("0 5 * * * /opt/etl/load_orders.sh > /var/log/x.log", "load-orders"),
        ("0 5 * * * cd /srv/app && ./bin/load customers", "load"),
        ("0 5 * * * flock -n /var/lock/p.lock /opt/prices.py", "prices"),
        ("0 5 * * * flock -n /tmp/p.lock dbt build", "dbt"),
        ("0 5 * * * A=b /usr/bin/pg_dump shop", "pg-dump"),
        ("0 5 * * * python3 -m etl.stock", "etl-stock"),
        ("0 5 * * * java -jar /opt/report.jar", "report"),
        ("0 5 * * * 'unclosed /opt/x.sh", "x"),
        ("0 5 * * * :", "job"),
    ],
)
def test_a_job_is_named_by_its_program(tmp_path: Path, line: str, name: str) -> None:
    assert first(tmp_path, line)[0]["pipeline"] == name


def test_names_are_unique(tmp_path: Path) -> None:
    found = drafted(tmp_path, "0 5 * * * a\n0 6 * * * a\n0 7 * * * a-2\n", "--zone", "UTC")
    assert [one["pipeline"] for one in found["drafts"]] == ["a", "a-2", "a-2-2"]


def test_the_shell_gets_the_command_as_cron_passes_it(tmp_path: Path) -> None:
    line = """SHELL=/bin/bash\nX="a b"\n0 5 * * * echo "$(date +\\%F)" 'it''s' > /tmp/x && cat\n"""
    _, file = first(tmp_path, line)
    words = shlex.split(file["job"]["config"]["command"])
    assert words == ["env", "X=a b", "/bin/bash", "-c", """echo "$(date +%F)" 'it''s' > /tmp/x && cat"""]


def test_a_run_is_held_until_its_sensor_is_named(tmp_path: Path) -> None:
    _, file = first(tmp_path, "0 5 * * * a")
    assert file["validation"] == {"rules": [{"key": "a-input", "check": "exists"}]}
    assert file["job"]["maxCodeRetries"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MAILTO=x@example.com\n0 5 * * * a", "cron mailed the output to x@example.com."),
        ("RANDOM_DELAY=45\n0 5 * * * a", "cron delayed the start by up to 45 minutes."),
        ("0 5 */2 * 1 a", "Vixie cron, cronie"),
        ("-0 5 * * * a", "The leading - kept cron from logging the start."),
        ("X=1\nSHELL=/bin/bash\n0 5 * * * a", "The command sets the variable X of the crontab by env."),
        ("X=1\nY=2\n0 5 * * * a", "The command sets the variables X, Y of the crontab by env."),
        ("0 5 * * * a $(date -d yesterday +\\%F)", "The command asks the clock for a date."),
        ("0 5 * * * echo ${A}", "The command has variables in braces."),
    ],
)
def test_each_difference_is_named(tmp_path: Path, text: str, said: str) -> None:
    draft, _ = first(tmp_path, text)
    assert any(said in note for note in draft["differences"])


def test_a_shell_is_no_variable_of_the_command(tmp_path: Path) -> None:
    draft, _ = first(tmp_path, "SHELL=/bin/bash\n0 5 * * * update a")
    assert not any("SHELL" in note for note in draft["differences"])


def test_a_system_crontab_names_a_user(tmp_path: Path) -> None:
    draft, file = first(tmp_path, "17 * * * * root\tcd / && run-parts --report /etc/cron.hourly", "--system")
    assert draft["pipeline"] == "run-parts"
    assert "The job ran as the user root." in draft["differences"]
    assert shlex.split(file["job"]["config"]["command"])[-1] == "cd / && run-parts --report /etc/cron.hourly"


def test_comment_and_owner_come_along(tmp_path: Path) -> None:
    text = '# not this\n\n# Orders: "new" #1\n0 5 * * * a\n'
    _, file = first(tmp_path, text, "--owner", "data: team")
    assert file["pipeline"] == {"id": "a", "owner": "data: team", "description": 'Orders: "new" #1'}


def test_no_text_of_a_crontab_ends_its_comment(tmp_path: Path) -> None:
    draft, file = first(tmp_path, "0 5 * * * a \x85job: {type: http} \x1b[0m \u2028x")
    assert set(file) == {"pipeline", "schedule", "validation", "job"}
    assert "\x1b" not in draft["text"].partition("pipeline:")[0]


def test_existing_files_are_not_replaced_and_none_is_written(tmp_path: Path) -> None:
    file, kept = tmp_path / "crontab", tmp_path / "out" / "b.yaml"
    file.write_text("0 5 * * * a\n0 6 * * * b\n")
    kept.parent.mkdir()
    kept.write_text("mine")
    said = invoke(str(file), "--zone", "UTC", "--folder", str(kept.parent), code=2).stderr
    assert said == f"error: {kept} exists already, and is not replaced\n"
    assert [path.name for path in kept.parent.iterdir()] == ["b.yaml"]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 1_000_001])
def test_a_file_that_is_no_crontab_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)
    assert len(invoke(str(tmp_path / "c"), "--zone", "UTC", code=2).stderr.splitlines()) == 1


def test_people_read_what_was_written_and_what_was_not(tmp_path: Path) -> None:
    file = tmp_path / "crontab"
    file.write_text("30 4 * * 1-5 /opt/etl/load_orders.sh\n@reboot /opt/agent/start\n")
    said = invoke(str(file), "--zone", "UTC", "--folder", str(tmp_path), code=1).stdout
    assert f"written {tmp_path}/load-orders.yaml" in said.replace("\n", "")
    assert "left out line 2: @reboot /opt/agent/start" in said
    assert said.endswith(f"{file}: 1 draft, 1 left out\n")
