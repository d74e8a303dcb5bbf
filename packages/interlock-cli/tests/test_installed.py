"""Commands of other packages: how they are found, and the error of a command that cannot be used."""

import inspect
from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from interlock_cli import main
from interlock_cli._deployment._deployment import LOCAL_PORT, Deployment
from interlock_cli._installed import EXTRAS, GROUP, InstalledCommands
from interlock_cli._names import OWN
from interlock_cli._runs._status import status
from interlock_cli._terminal import Terminal
from interlock_local import commands
from interlock_web import commands as web_commands

MODULES = {"local": commands, "web": web_commands}
VALUES = {name: f"{MODULES[extra].__name__}:{name}" for name, extra in EXTRAS.items()}


def offered(**values: str) -> InstalledCommands:
    return InstalledCommands(lambda: [EntryPoint(name, value, GROUP) for name, value in values.items()])


def answer(command: click.Command | None, *arguments: str) -> str:
    assert command is not None
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2, done.output
    return done.stderr


def test_the_extra_brings_the_commands_that_name_it() -> None:
    installed = InstalledCommands()
    assert {name: installed.command(name) for name in EXTRAS} == {
        name: getattr(MODULES[extra], name) for name, extra in EXTRAS.items()
    }
    assert main.get_command(click.Context(main), "demo") is commands.demo


@pytest.mark.parametrize("name", sorted(EXTRAS))
@pytest.mark.parametrize("arguments", [(), ("--help",), ("--port", "4600"), ("more", "words")])
def test_a_command_without_its_extra_names_it(name: str, arguments: tuple[str, ...]) -> None:
    said = answer(offered().command(name), *arguments)
    assert said == f'error: interlock {name}: not installed: pip install "interlock-cli[{EXTRAS[name]}]"\n'


def test_a_missing_command_is_listed_with_its_extra() -> None:
    assert offered().names() == EXTRAS.keys()
    command = offered().command("demo")
    assert command is not None
    assert command.get_short_help_str() == '(not installed: pip install "interlock-cli[local]")'


def test_an_unknown_name_is_no_command() -> None:
    assert offered(**VALUES).command("stats") is None
    assert "no such command 'stats'" in CliRunner().invoke(main, ["stats"]).stderr


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("interlock_absent.commands:demo", "cannot be loaded from interlock_absent.commands:demo: No module named"),
        ("interlock_local.commands:dmeo", "cannot be loaded from interlock_local.commands:dmeo: module"),
        ("interlock_local:find_checkout", "interlock_local:find_checkout is not a click command"),
    ],
)
def test_a_command_that_cannot_be_loaded_names_the_reason(value: str, said: str) -> None:
    assert answer(offered(demo=value).command("demo")).startswith(f"error: interlock demo: {said}")


def test_a_command_that_two_packages_offer_names_both() -> None:
    both = [EntryPoint("up", value, GROUP) for value in ("interlock_local.commands:up", "other:up")]
    said = answer(InstalledCommands(lambda: both).command("up"))
    assert said == "error: interlock up: several packages provide it: interlock_local.commands:up, other:up\n"
    again = InstalledCommands(lambda: [both[0], both[0]])
    assert again.command("up") is commands.up


def test_a_package_cannot_replace_an_own_command() -> None:
    group = type(main)("interlock")
    group.installed = offered(status="interlock_local.commands:up", demo="interlock_local.commands:demo")
    context = click.Context(group)
    assert group.get_command(context, "status") is status
    assert group.get_command(context, "demo") is commands.demo
    assert group.list_commands(context) == sorted({*OWN, *EXTRAS})


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_summary_is_the_first_sentence_of_the_help(name: str) -> None:
    summary, command = InstalledCommands().summary(name), main.get_command(click.Context(main), name)
    assert summary is not None
    assert command is not None
    assert click.Command(name, help=summary).get_short_help_str(999) == command.get_short_help_str(999)


def test_command_of_another_package_has_no_known_summary() -> None:
    assert offered(demo="other:demo").summary("demo") is None
    assert offered().summary("demo") is None


@pytest.mark.parametrize(("wanted", "given"), [(commands.Terminal, Terminal), (commands.DeploymentClients, Deployment)])
def test_the_local_commands_get_the_interface_that_they_need(wanted: type, given: type) -> None:
    members = {name: member for name, member in vars(wanted).items() if not name.startswith("_")}
    assert len(members) > 2
    for name, member in members.items():
        own = inspect.getattr_static(given, name)
        assert isinstance(own, property) == isinstance(member, property), name
        if not isinstance(member, property):
            assert arguments_of(own) == arguments_of(member), name


def arguments_of(function: object) -> list[tuple[str, object, object]]:
    assert callable(function)
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


def test_the_local_commands_share_the_defaults_of_the_others() -> None:
    port = next(one for one in commands.up.params if one.name == "port")
    assert port.default == LOCAL_PORT
    own, deploy = (
        {one.name: (one.opts, one.envvar) for one in command.params if isinstance(one, click.Option)}
        for command in (status, commands.deploy)
    )
    names = ("environment", "endpoint_url", "profile", "region")
    assert [deploy[name] for name in names] == [own[name] for name in names]
