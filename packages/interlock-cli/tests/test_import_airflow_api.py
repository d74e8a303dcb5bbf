"""`interlock import airflow` of a server, whose answers are those that an Airflow 3.3.2 gave for the files in dags/."""

import base64
import json
import threading
from collections.abc import Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec.yaml
import pytest
from click.testing import CliRunner, Result

from interlock_cli import main

HERE = Path(__file__).parent
RECORDED: dict[str, Any] = json.loads((HERE / "airflow_3_details.json").read_text())
TOKEN, PASSWORD = "a.token-4711", "password-4711"
BASIC = "Basic " + base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
FILES = {
    "orders_daily": "orders_daily.py",
    **dict.fromkeys(("stock_interval", "stock.hourly-snapshot", "stock_thrice"), "stock_interval.py"),
    **dict.fromkeys(("mart_revenue", "mart_search", "mart_mail", "stock_report"), "marts_on_assets.py"),
}


class Airflow:
    """A server with the recorded answers. `answers` replaces the answer of a path by a status and a body."""

    def __init__(self) -> None:
        self.details = deepcopy(RECORDED["details"])
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*site.get(self.path, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(*site.log_in(self.path, body))

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """The test reads `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def get(self, path: str, authorization: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        self.asked.append((parts.path, authorization))
        if parts.path in self.answers:
            return self.answers[parts.path]
        if parts.path == "/api/v2/version":
            return 200, b'{"version": "3.3.2"}'
        if authorization != f"Bearer {TOKEN}":
            return 401, b'{"detail": "Not authenticated"}'
        found = self._found(parts.path.removeprefix("/api/v2"), parse_qs(parts.query))
        return (200, json.dumps(found).encode()) if found is not None else (404, b'{"detail": "Not Found"}')

    def _found(self, path: str, query: dict[str, list[str]]) -> Any:
        ids = sorted(self.details)
        if path == "/dags":
            begin, many = int(query["offset"][0]), int(query["limit"][0])
            return {"dags": [{"dag_id": one} for one in ids[begin : begin + many]], "total_entries": len(ids)}
        kind, identifier = path.strip("/").removesuffix("/details").split("/")
        if kind == "dags":
            return self.details.get(unquote(identifier))
        name = FILES.get(unquote(identifier), "ledger.py")
        return {"content": (HERE / "dags" / name).read_text(), "dag_id": identifier, "version_number": 1}

    def log_in(self, path: str, body: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append((path, ""))
        if path in self.answers:
            return self.answers[path]
        if body != {"username": "reader", "password": PASSWORD}:
            return 401, b"{}"
        return 201, json.dumps({"access_token": TOKEN}).encode()

    def __enter__(self) -> "Airflow":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with Airflow() as server:
        yield server


def invoke(*words: str, code: int = 0, authorization: str = f"Bearer {TOKEN}") -> Result:
    variables = {"NO_COLOR": "1", "INTERLOCK_AIRFLOW_AUTHORIZATION": authorization, "http_proxy": "http://127.0.0.1:9"}
    done = CliRunner().invoke(main, ["import", "airflow", *words], env=variables)
    assert done.exit_code == code, done.output
    assert "4711" not in done.output
    return done


def drafts_of(airflow: Airflow, *words: str, code: int = 1) -> dict[str, dict[str, Any]]:
    """The drafts of a server by their pipelines."""
    found = json.loads(invoke(airflow.url, "--dry-run", "--json", *words, code=code).stdout)
    return {one["pipeline"]: one for one in found["drafts"]}


def left_out_of(airflow: Airflow, *words: str) -> dict[str, str]:
    found = json.loads(invoke(airflow.url, "--dry-run", "--json", *words, code=1).stdout)
    return {one["text"]: one["reason"] for one in found["left_out"]}


def test_recorded_dags_become_valid_files_or_are_named(airflow: Airflow, tmp_path: Path) -> None:
    found = json.loads(invoke(airflow.url, "--folder", str(tmp_path / "out"), "--json", code=1).stdout)
    assert {one["text"] for one in found["left_out"]} == {
        "ledger_always",
        "ledger_assets",
        "ledger_by_hand",
        "ledger_feed",
        "stock_thrice",
    }
    done = CliRunner().invoke(main, ["validate", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert f"{len(RECORDED['details']) - 5} files: 0 errors" in done.stdout


def test_files_and_server_give_the_same_pipelines(airflow: Airflow) -> None:
    words = [str(HERE / "dags"), "--zone", "UTC", "--url", airflow.url, "--dry-run", "--json"]
    of_files = json.loads(invoke(*words, code=1).stdout)["drafts"]
    of_server = drafts_of(airflow)
    assert len(of_files) == 10
    for draft in of_files:
        file, other = (msgspec.yaml.decode(one["text"]) for one in (draft, of_server[draft["pipeline"]]))
        # The server reports its default where a file names no limit.
        if file["schedule"].get("maxOpenDates") is None:
            assert other["schedule"].pop("maxOpenDates") == 16
        assert other == file


def test_values_from_outside_of_the_file_are_those_in_force(airflow: Airflow) -> None:
    draft = drafts_of(airflow)["ledger_from_outside"]
    assert msgspec.yaml.decode(draft["text"])["schedule"]["cron"] == "0 1 * * *"


def test_a_length_of_time_has_the_time_of_its_next_run(airflow: Airflow) -> None:
    draft = drafts_of(airflow)["ledger_drifting"]
    assert msgspec.yaml.decode(draft["text"])["schedule"]["cron"] == "15 17 * * *"
    assert any("from 2026-11-30 17:15:04 UTC" in note for note in draft["differences"])


def test_the_zone_of_the_details_is_not_that_of_the_dag(airflow: Airflow) -> None:
    assert airflow.details["orders_daily"]["timezone"] == "UTC"
    file = msgspec.yaml.decode(drafts_of(airflow)["orders_daily"]["text"])
    assert file["schedule"]["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Tokyo"])
def test_a_zone_without_the_next_run_is_rejected(airflow: Airflow, zone: str) -> None:
    airflow.answers["/api/v2/dagSources/orders_daily"] = (403, b"{}")
    assert (
        "its next run is due at 2025-03-01 03:30Z, which is no fire of"
        in left_out_of(airflow, "--zone", zone)["orders_daily"]
    )


def test_a_hidden_source_needs_a_zone(airflow: Airflow) -> None:
    airflow.answers["/api/v2/dagSources/orders_daily"] = (403, b"{}")
    assert "name the default zone of Airflow with --zone" in left_out_of(airflow)["orders_daily"]
    draft = drafts_of(airflow, "--zone", "Europe/Berlin", code=1)
    assert any("does not show a DAG of this id in its source" in n for n in draft["orders_daily"]["differences"])


def test_the_interval_is_read_from_the_next_run(airflow: Airflow) -> None:
    airflow.details["ledger_from_outside"]["next_dagrun_logical_date"] = "2026-11-29T01:00:00Z"
    draft = drafts_of(airflow)["ledger_from_outside"]
    assert any("By the begin of its data interval" in note for note in draft["differences"])


def test_all_pages_of_the_list_are_read(airflow: Airflow) -> None:
    extra = {f"x{number:03}": airflow.details["ledger_by_hand"] | {"dag_id": f"x{number:03}"} for number in range(120)}
    airflow.details |= extra
    assert extra.keys() <= left_out_of(airflow).keys()


def test_a_name_and_a_password_become_a_token(airflow: Airflow) -> None:
    invoke(f"{airflow.url}/api/v2/", "--dry-run", authorization=BASIC, code=1)
    assert ("/auth/token", "") in airflow.asked
    assert {sent for path, sent in airflow.asked if path.startswith("/api/v2/dags")} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("path", "status", "body", "code", "said"),
    [
        ("/api/v2/version", 404, b"", 2, "has no API /api/v2. The API /api/v1 of Airflow 2 is not read"),
        ("/api/v2/version", 200, b"<html>", 2, "answers without a JSON object"),
        ("/api/v2/version", 200, b"{}", 2, "does not report a version of Airflow"),
        ("/api/v2/version", 302, b"", 2, "status 302. A redirect is not followed"),
        ("/api/v2/version", 503, b"", 1, "status 503"),
        ("/api/v2/dags", 403, b"", 2, "status 403. INTERLOCK_AIRFLOW_AUTHORIZATION must be the value"),
        ("/api/v2/dags", 200, b'{"dags": [{"dag_id": 1}]}', 2, "answers without a list of DAGs"),
        (
            "/api/v2/dags/ledger_feed/details",
            500,
            b"",
            1,
            "/api/v2/dags/ledger_feed/details answers with the status 500",
        ),
        ("/api/v2/dagSources/ledger_feed", 500, b"", 1, "status 500"),
    ],
)
def test_a_server_that_cannot_be_read_is_one_error(
    airflow: Airflow, path: str, status: int, body: bytes, code: int, said: str
) -> None:
    airflow.answers[path] = (status, body)
    error = invoke(airflow.url, "--dry-run", code=code).stderr
    assert said in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        ("", "status 401. INTERLOCK_AIRFLOW_AUTHORIZATION"),
        ("Bearer wrong-4711", "status 401"),
        ("Basic " + base64.b64encode(b"reader:wrong-4711").decode(), "/auth/token answers with the status 401"),
        ("Bearer 4711\n", "status 401"),
        ("Bearer 47\n11", "must be printable ASCII"),
    ],
)
def test_credentials_are_never_printed(airflow: Airflow, authorization: str, said: str) -> None:
    assert said in invoke(airflow.url, "--dry-run", authorization=authorization, code=2).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("https://user:4711@airflow.example.com",), "SOURCE is 'an address with @'"),
        (("https://",), "SOURCE is 'https://'"),
        (("https://a", "dags"), "SOURCE is one address, or files and folders"),
        (("https://a", "--url", "https://b"), "--url is for DAG files"),
        ((str(HERE / "dags"), "--url", "https://user:4711@b"), "--url is 'an address with @'"),
    ],
)
def test_a_wrong_address_is_an_error(words: tuple[str, ...], said: str) -> None:
    assert said in invoke(*words, code=2).stderr


def test_no_answer_has_the_exit_code_1() -> None:
    with Airflow() as server:
        url = server.url
    assert "gives no answer" in invoke(url, code=1).stderr
