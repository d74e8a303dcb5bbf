"""The commands with a terminal of the test: their errors, and their checks before a build."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from interlock_local import LocalStackError
from interlock_local._terminal import Part
from interlock_local.commands import build, demo, deploy, teardown, up
from interlock_local.commands._deploy import _smoke_test
from interlock_local.stack import RecordingSlack


class Rejected(click.ClickException):
    exit_code = 2


class NoDeployment:
    """A deployment whose endpoint does not answer."""

    is_loopback = True

    def __init__(self, environment: str, endpoint_url: str | None) -> None:
        self.environment, self.endpoint_url = environment, endpoint_url

    def client(self, service: str) -> Any:
        raise AssertionError(service)

    def store(self) -> Any:
        raise Rejected("no server answers")


class Lines:
    """An output of the test, as plain lines."""

    is_terminal = False

    def line(self, *parts: Part) -> None:
        print("".join(part if isinstance(part, str) else part[1] for part in parts))

    def table(self, made: Any, /) -> None:
        print(made.cells)

    def live(self, picture: Any) -> Any:
        raise AssertionError(picture)


class Cells:
    def __init__(self) -> None:
        self.cells: list[Any] = []

    def add_row(self, *cells: Any) -> None:
        self.cells.append(cells)


class Paper:
    """A terminal that records the named deployments."""

    def __init__(self) -> None:
        self.named: list[tuple[str, str | None]] = []

    def console(self) -> Lines:
        return Lines()

    def progress(self, out: Lines) -> Callable[[str], None]:
        return out.line

    def table(self, *columns: str, title: str = "", whole: tuple[str, ...] = ()) -> Cells:
        return Cells()

    def span(self, seconds: float) -> str:
        return f"{seconds} s"

    def print_json(self, value: Any) -> None:
        raise AssertionError(value)

    def as_called(self, text: str) -> str:
        return text.replace("interlock ", "uv run interlock ")

    def error(self, message: str) -> Rejected:
        return Rejected(message)

    def deployment(self, environment: str | None, endpoint_url: str | None) -> NoDeployment:
        self.named.append((environment, endpoint_url))
        is_local = environment in (None, "local")
        return NoDeployment(environment or "local", endpoint_url or ("http://127.0.0.1:4566" if is_local else None))


def call(command: click.Command, *arguments: str, terminal: Paper | None = None) -> Result:
    return CliRunner().invoke(command, arguments, obj=terminal or Paper(), env={"AWS_ENDPOINT_URL": None})


def test_error_of_the_stack_becomes_the_terminals_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call(up, "--port", str(port))
    assert done.exit_code == 2
    assert str(port) in done.stderr
    assert "Traceback" not in done.output


def test_interrupted_demo_says_so_and_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("interlock_local.demo.play", play)
    done = call(demo)
    assert done.exit_code == 130
    assert "the local stack is stopped, and nothing of it is kept" in done.output


def test_teardown_asks_before_it_removes() -> None:
    class Answers(Paper):
        def deployment(self, environment: str, endpoint_url: str | None) -> Any:
            return SimpleNamespace(
                store=lambda: None, client=self.client, environment="local", endpoint_url=endpoint_url
            )

        def client(self, service: str) -> Any:
            raise AssertionError(service)

    done = call(teardown, "--endpoint-url", "http://127.0.0.1:1", terminal=Answers())
    assert done.exit_code == 2
    assert "there is no terminal to ask at; use --yes to remove local-interlock-* with all rows" in done.stderr
    done = call(teardown, "--environment", "prod", "--yes")
    assert "name the endpoint with --endpoint-url" in done.stderr
    done = call(teardown, "--json")
    assert "--json needs --yes" in done.stderr


def test_failed_smoke_test_is_a_negative_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(store: Any, *, progress: Any) -> str:
        raise LocalStackError("no run was opened")

    monkeypatch.setattr("interlock_local.site.run_smoke_test", fails)
    with pytest.raises(Rejected, match="no run was opened") as raised:
        _smoke_test(Paper(), None, print)  # type: ignore[arg-type]
    assert raised.value.exit_code == 1


class IdleStack:
    """A stack that runs until it is stopped."""

    endpoint_url, failure = "http://127.0.0.1:4566", None
    slack: RecordingSlack | None = None

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def __enter__(self) -> "IdleStack":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def wait(self, timeout: float) -> bool:
        raise AssertionError("the stack was stopped before")


class StoppedEarly(Paper):
    """SIGTERM arrives when the greeting is printed."""

    def console(self) -> Lines:
        lines = Lines()
        lines.line = self._line  # type: ignore[method-assign]
        return lines

    def _line(self, *parts: Part) -> None:
        text = "".join(part if isinstance(part, str) else part[1] for part in parts)
        print(text)
        if text == "Ctrl-C stops it":
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("place", [None, Path("state/slack.jsonl")])
def test_greeting_names_the_file_of_the_alerts(monkeypatch: pytest.MonkeyPatch, place: Path | None) -> None:
    monkeypatch.setattr("interlock_local.stack.LocalStack", IdleStack)
    with RecordingSlack("xoxb-1", journal=place) as slack:
        monkeypatch.setattr(IdleStack, "slack", slack)
        done = call(up, terminal=StoppedEarly())
    assert f"alerts are only recorded, in {place or 'memory. With --data they are in a file'}\n" in done.output


FIRST = ["init orders --folder pipelines", "push pipelines", "sensor put orders landing count=3 complete=true"]
EXAMPLE = ["push examples/quickstart", "sensor put hello ready count=3"]


@pytest.mark.parametrize("port", [4566, 4600])
@pytest.mark.parametrize(("is_checkout", "commands"), [(True, EXAMPLE), (False, FIRST)])
def test_greeting_can_be_pasted_line_by_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, port: int, is_checkout: bool, commands: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if is_checkout:
        (tmp_path / "examples" / "quickstart").mkdir(parents=True)
    monkeypatch.setattr("interlock_local.stack.LocalStack", IdleStack)
    monkeypatch.setattr(IdleStack, "endpoint_url", f"http://127.0.0.1:{port}")
    lines = call(up, "--no-web", terminal=StoppedEarly()).output.splitlines()
    pasted = [line.strip() for line in lines if line.startswith("  ")]
    own = [] if port == 4566 else ["export AWS_ENDPOINT_URL=http://127.0.0.1:4600"]
    assert pasted == [
        *own,
        *(f"uv run interlock {words}" for words in commands),
        "uv run interlock status",
        "uv run interlock events --follow",
        f'eval "$(uv run interlock env{"" if port == 4566 else " --port 4600"})"',
    ]
    assert all(len(line) <= 80 for line in lines)


def test_sigterm_during_the_greeting_is_an_orderly_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock_local.stack.LocalStack", IdleStack)
    done = call(up, terminal=StoppedEarly())
    assert done.exit_code == 0, done.output
    assert "stopping after the remaining stream records" in done.output
    assert done.output.endswith("stopped\n")


def test_other_errors_stay_unchanged(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call(build, "--platform", "host", "--out", str(tmp_path / "file" / "zips"))
    assert isinstance(done.exception, NotADirectoryError)


def test_deployment_to_aws_itself_names_the_terraform() -> None:
    terminal = Paper()
    done = call(deploy, "--environment", "prod", terminal=terminal)
    assert done.exit_code == 2
    assert "Terraform" in done.stderr
    assert terminal.named == [("prod", None)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), (None, None)),
        (("--endpoint-url", "http://localhost:4566"), (None, "http://localhost:4566")),
        (("-e", "test", "--endpoint-url", "http://localhost:4566"), ("test", "http://localhost:4566")),
    ],
)
def test_no_build_for_an_endpoint_that_does_not_answer(
    arguments: tuple[str, ...], named: tuple[str | None, str | None]
) -> None:
    terminal = Paper()
    done = call(deploy, *arguments, terminal=terminal)
    assert done.exit_code == 2
    assert done.stderr == "Error: no server answers\n"
    assert terminal.named == [named]


def test_error_of_the_package_is_not_a_click_error() -> None:
    assert not issubclass(LocalStackError, click.ClickException)
