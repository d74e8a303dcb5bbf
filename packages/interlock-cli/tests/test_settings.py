"""interlock.toml: where it is found, its problems, and the order of options, variables and settings.

A server on this machine records the region and the access key with which each request is signed.
"""

import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result

from interlock_cli import main
from interlock_cli._deployment._settings import Environment, Settings, read_settings, settings

PIPELINE = """
pipeline: {id: %s}
schedule: {cron: "0 6 * * *"}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""
SHELL = (
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "INTERLOCK_ENVIRONMENT", "AWS_WEB_IDENTITY_TOKEN_FILE"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a checkout, as the working folder, with an AWS configuration of two profiles."""
    for name in SHELL:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "credentials").write_text(
        "[one]\naws_access_key_id = ONE\naws_secret_access_key = s\n"
        "[two]\naws_access_key_id = TWO\naws_secret_access_key = s\n"
    )
    (tmp_path / "config").write_text("[profile one]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Recorder(BaseHTTPRequestHandler):
    """Answers each request like a DynamoDB without tables, and keeps its signature."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Api)
        found = re.search(r"Credential=([^/]+)/[0-9]+/([^/]+)/", self.headers["Authorization"])
        assert found
        self.server.signed.append((found[1], found[2]))
        body = json.dumps({"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class Api(ThreadingHTTPServer):
    """An AWS API on this machine. signed: the access key and the region of each request."""

    signed: list[tuple[str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def api() -> Iterator[Api]:
    with Api(("127.0.0.1", 0), Recorder) as server:
        server.signed = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def invoke(*words: str, env: dict[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(main, list(words), env={"NO_COLOR": "1", "COLUMNS": "200", **(env or {})})


def write(folder: Path, text: str) -> Path:
    path = folder / "interlock.toml"
    path.write_text(text)
    return path


def signed(api: Api, *words: str, **env: str) -> tuple[str, str]:
    """The access key and the region with which `status` signs."""
    api.signed.clear()
    boto3.DEFAULT_SESSION = None  # It keeps the variables of an earlier call in this process.
    done = invoke("status", *words, env={**env})
    assert "does not exist" in done.output, done.output
    return api.signed[0]


def test_settings_of_the_environment_sign_its_requests(folder: Path, api: Api) -> None:
    write(folder, f'[environments.prod]\nprofile = "two"\nregion = "eu-west-3"\nendpoint = "{api.url}"\n')
    assert signed(api, "-e", "prod") == ("TWO", "eu-west-3")


def test_variables_of_the_shell_win_over_the_file(folder: Path, api: Api) -> None:
    write(folder, f'[environments.prod]\nprofile = "two"\nregion = "eu-west-3"\nendpoint = "{api.url}"\n')
    assert signed(api, "-e", "prod", AWS_REGION="eu-west-1", AWS_PROFILE="one") == ("ONE", "eu-west-1")
    assert signed(api, "-e", "prod", AWS_DEFAULT_REGION="eu-west-1") == ("TWO", "eu-west-1")
    assert signed(api, "-e", "prod", AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-west-2") == ("TWO", "eu-west-1")
    keys = {"AWS_ACCESS_KEY_ID": "SHELL", "AWS_SECRET_ACCESS_KEY": "s"}
    assert signed(api, "-e", "prod", **keys) == ("SHELL", "eu-west-3")


def test_options_win_over_variables_and_the_file(folder: Path, api: Api) -> None:
    write(folder, '[environments.prod]\nprofile = "two"\nregion = "eu-west-3"\nendpoint = "http://127.0.0.1:1"\n')
    shell = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "SHELL", "AWS_SECRET_ACCESS_KEY": "s"}
    words = ("-e", "prod", "--endpoint-url", api.url, "--profile", "one", "--region", "us-east-2")
    assert signed(api, *words, **shell) == ("ONE", "us-east-2")


def test_profile_without_a_region_has_its_own(folder: Path, api: Api) -> None:
    write(folder, f'[environments.prod]\nprofile = "one"\nendpoint = "{api.url}"\n')
    assert signed(api, "-e", "prod") == ("ONE", "eu-north-1")


def test_environment_of_the_file_is_the_default(folder: Path, api: Api) -> None:
    write(folder, f'environment = "dev"\n[environments.dev]\nregion = "eu-west-3"\nendpoint = "{api.url}"\n')
    assert "there is no deployment called 'dev'" in invoke("status").output
    assert "there is no deployment called 'prod'" in invoke("status", "-e", "prod", "--endpoint-url", api.url).output
    named = {"INTERLOCK_ENVIRONMENT": "test", "AWS_ENDPOINT_URL": api.url}
    assert "there is no deployment called 'test'" in invoke("status", env=named).output


def test_unknown_profile_is_one_sentence(folder: Path, api: Api) -> None:
    done = invoke("status", "--endpoint-url", api.url, "--profile", "three")
    assert done.exit_code == 2
    assert done.stderr == "error: cannot create a client for AWS: The config profile (three) could not be found\n"


def test_invalid_region_is_an_error_of_its_option(folder: Path, api: Api) -> None:
    done = invoke("status", "--endpoint-url", api.url, "--region", "Paris")
    assert done.exit_code == 2
    assert done.stderr == "error: --region is 'Paris', must be a region such as eu-west-1\n"


def test_file_is_found_upwards_to_the_root_of_the_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, 'environment = "dev"\n')
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert settings() == Settings(path, "dev")
    (folder / "a" / "interlock.toml").write_text('environment = "near"\n')
    assert settings().default == "near"
    (deep / ".git").write_text("gitdir: elsewhere\n")
    assert settings() == Settings()


def test_search_ends_at_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, 'environment = "dev"\n')
    (folder / "me" / "work").mkdir(parents=True)
    monkeypatch.chdir(folder / "me" / "work")
    monkeypatch.setenv("HOME", str(folder / "me"))
    assert settings() == Settings()


def test_removed_working_folder_has_no_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert settings() == Settings()


def test_paths_are_relative_to_the_file(folder: Path) -> None:
    path = write(folder, '[environments.prod]\npipelines = ["p", "c/us.yaml"]\nalerts = "alerts.yaml"\n')
    assert read_settings(path).of("prod") == Environment(
        pipelines=(folder / "p", folder / "c" / "us.yaml"), alerts=folder / "alerts.yaml"
    )


def test_all_problems_of_the_file_come_at_once(folder: Path) -> None:
    write(
        folder,
        """
        enviroment = "x"
        environment = "other"
        [environments.prod]
        regoin = "eu-west-1"
        region = "Paris"
        profile = ""
        endpoint = "ftp://a"
        pipelines = []
        alerts = 3
        [environments."a b"]
        endpoint = "http://a:99999999"
        """,
    )
    done = invoke("status")
    assert done.exit_code == 2
    lines = [line.removeprefix(f"error: {folder / 'interlock.toml'}: ") for line in done.stderr.splitlines()]
    assert lines == [
        "enviroment: is unknown, must be one of environment, environments; did you mean environment?",
        "environments.prod.regoin: is unknown, must be one of profile, region, endpoint, pipelines, alerts; "
        "did you mean region?",
        "environments.prod.alerts is 3, must be text, not empty",
        "environments.prod.profile is '', must be text, not empty",
        "environments.prod.region is 'Paris', must be a region such as eu-west-1",
        "environments.prod.endpoint is 'ftp://a', must be an address such as http://127.0.0.1:4566",
        "environments.prod.pipelines is [], must be a path, or a list of paths",
        "environments.a b: its name must be 1 to 64 letters, digits, -, _ and ., and begin with a letter or a digit",
        "environments.a b.endpoint is 'http://a:99999999', must be an address such as http://127.0.0.1:4566",
        "environment is 'other', must be one of a b, local, prod",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = ", "is not TOML: Invalid value (at end of document)"),
        (b"\xff", "cannot be read: it is not UTF-8"),
        (b"a = " + b"[" * 5000, "is not TOML: "),
        (b"environments = 1", "environments: must be tables such as [environments.prod]"),
        (b"[environments]\nprod = 1", "environments.prod is 1, must be a table [environments.prod]"),
    ],
)
def test_file_that_is_no_settings_is_one_error(folder: Path, content: bytes, message: str) -> None:
    (folder / "interlock.toml").write_bytes(content)
    done = invoke("push", "-e", "prod")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_unreadable_file_is_one_error(folder: Path) -> None:
    write(folder, "").chmod(0)
    assert "interlock.toml cannot be read: Permission denied" in invoke("status").stderr


def test_validate_without_paths_reads_those_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, 'environment = "dev"\n[environments.dev]\npipelines = "p"\n[environments.prod]\npipelines = "q"\n')
    for name in ("p", "q", "sub"):
        (folder / name).mkdir()
    (folder / "p" / "a.yaml").write_text(PIPELINE % "a")
    (folder / "q" / "b.yaml").write_text("wrong: 1")
    assert invoke("validate").stdout == "1 file: 0 errors, 0 warnings\n"
    monkeypatch.chdir(folder / "sub")
    assert invoke("validate").stdout == "1 file: 0 errors, 0 warnings\n"
    done = invoke("push", "-e", "prod")
    assert done.exit_code == 2
    assert "error: ../q/b.yaml:1: " in done.stderr


def test_push_without_paths_has_the_routing_of_alerts(folder: Path) -> None:
    write(folder, '[environments.local]\npipelines = "p"\nalerts = "routes/alerts.yaml"\n')
    (folder / "p").mkdir()
    (folder / "p" / "a.yaml").write_text(PIPELINE % "a")
    (folder / "routes").mkdir()
    (folder / "routes" / "alerts.yaml").write_text("routes: 1")
    done = invoke("push")
    assert done.exit_code == 2
    assert "error: routes/alerts.yaml:1: routes" in done.stderr


@pytest.mark.parametrize("command", ["validate", "push"])
def test_no_paths_and_no_settings_is_a_usage_error(folder: Path, command: str) -> None:
    done = invoke(command)
    assert done.exit_code == 2
    assert "missing PATHs of files: there is no interlock.toml" in done.stderr
    write(folder, "")
    assert "interlock.toml: environments.local has no `pipelines`" in invoke(command).stderr
