"""The reference is true: its lists equal those of the code, and each function that it names exists."""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import generate
import msgspec
import pytest
from faces import imported, names_of

import interlock_alert_dispatcher.canary
import interlock_lifecycle
from interlock_alert_dispatcher.hints import Severity
from interlock_cli import main
from interlock_config import alerts_schema, calendar_schema, json_schema
from interlock_controller.effects import TIMER_VARIABLES
from interlock_lifecycle import JOB_EVENTS
from interlock_lifecycle.events import CANARY_SOURCE, CANARY_TYPE, EVENT_KINDS, EventType
from interlock_telemetry import environment

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SERVICES = ("alert-dispatcher", "event-sink", "orchestrator", "sla-monitor", "stream-router", "watchdog")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def section(name: str, number: str) -> str:
    """The text of a numbered section, without those that follow at its level or above."""
    found = re.search(rf"^(#+) {re.escape(number)}\.? .*$", page(name), re.MULTILINE)
    assert found is not None, f"{name} has no section {number}"
    rest = page(name)[found.end() :]
    end = re.search(rf"^#{{2,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end is not None else rest


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each table row; a pipe behind a backslash is part of its cell."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if line.startswith("|") and not all(set(cell) <= set("-: ") for cell in cells):
            yield cells


def first_words(text: str) -> list[str]:
    """The code spans in the first cell of each row."""
    return [word for cells in rows(text) for word in re.findall(r"`([^`]+)`", cells[0])]


# --- rows --------------------------------------------------------------------------------------------------------


def sources(*roots: str) -> Iterator[Path]:
    for root in roots:
        yield from (path for path in ROOT.glob(f"{root}/*/src/**/*.py") if "/tests/" not in path.as_posix())


def row_kinds() -> set[str]:
    """The kinds of rows that the code names: `KIND#` in its texts, and the kinds that run_sk gets."""
    kinds: set[str] = set()
    for path in (*sources("services"), *ROOT.glob("packages/interlock-store/src/**/*.py")):
        text = path.read_text()
        kinds |= set(re.findall(r"[\"'{}]([A-Z][A-Z_]+)#", text))
        kinds |= set(re.findall(r"run_sk\([\"']([A-Z_]+)[\"']", text))
        kinds |= set(re.findall(r"_get\(\w+, \"([A-Z_]+)\"\)", text))
    return kinds


def test_rows_names_each_kind_of_row_of_the_code() -> None:
    reported = set(re.findall(r"`([A-Z][A-Z_]+)#", page("rows.md")))
    assert reported == row_kinds()


def test_rows_names_each_event_of_the_joblog() -> None:
    table = section("rows.md", "3").partition("| `event` | written when |")[2]
    assert set(first_words(table)) == JOB_EVENTS


# --- events ------------------------------------------------------------------------------------------------------


def event_rows() -> list[list[str]]:
    found = [cells for cells in rows(section("events.md", "3")) if len(cells) == 5 and cells[0] != "event"]
    assert found
    return found


def test_events_names_each_event_type_once() -> None:
    named = [cells[0].strip("`") for cells in event_rows() if cells[0]]
    assert sorted(named) == sorted(str(event) for event in EventType)


def test_events_gives_each_event_its_severity_and_its_emitters() -> None:
    short = {"stream-router": "router", "EventBridge": "an EventBridge rule on CloudWatch alarms"}
    emitters: dict[str, set[str]] = {}
    name = ""
    for cells in event_rows():
        name = cells[0].strip("`") or name
        assert cells[2] == EVENT_KINDS[EventType(name)].severity, name
        emitters.setdefault(name, set()).update(part.strip() for part in cells[1].split(","))
    expected = {str(kind): {short.get(one, one) for one in found.emitters} for kind, found in EVENT_KINDS.items()}
    assert emitters == expected


def test_each_severity_has_its_rank_in_the_catalogue() -> None:
    """The catalogue is the one source of the ranks, also for the alert-dispatcher."""
    ranks = {str(kind.severity): kind.rank for kind in EVENT_KINDS.values()}
    assert ranks == {"critical": 0, "warning": 1, "notice": 2, "good": 3, "progress": 4}
    assert {str(severity): severity.rank for severity in Severity} == ranks


def test_the_files_made_from_the_event_catalogue_are_current() -> None:
    assert list(generate.stale()) == [], "run: uv run python docs/generate.py"


def test_canary_has_one_source_and_is_no_event() -> None:
    """The alert-dispatcher does not import the catalogue, so it has a name of its own for the source."""
    assert CANARY_SOURCE == interlock_alert_dispatcher.canary.SOURCE
    assert CANARY_TYPE not in [str(event) for event in EventType]
    named = f"source `{CANARY_SOURCE}` and the detail type `{CANARY_TYPE}`"
    assert named in " ".join(section("watchdog.md", "10").split())


# --- pipeline files ----------------------------------------------------------------------------------------------


def resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in node:
            node = {**definitions[node["$ref"].split("/")[-1]], **{k: v for k, v in node.items() if k != "$ref"}}
            continue
        kinds = [one for one in node.get("anyOf", ()) if one != {"$ref": "#/$defs/Absent"}]
        if len(kinds) != 1:
            return node
        node = {**kinds[0], **{name: value for name, value in node.items() if name != "anyOf"}}


def schema_keys(node: dict[str, Any], definitions: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Each key of a schema by its path, its default, and whether it is required."""
    node = resolved(node, definitions)
    if "items" in node:
        yield from schema_keys(node["items"], definitions, f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from schema_keys(node["additionalProperties"], definitions, f"{path}.*")
    for key, inner in node.get("properties", {}).items():
        name = f"{path}.{key}" if path else key
        found = resolved(inner, definitions)
        yield name, found.get("default"), key in node.get("required", ())
        yield from schema_keys(inner, definitions, name)


PIPELINE_SECTIONS = ("2", "3", "4", "5", "6", "7")


def documented_keys(sections: Iterable[str]) -> dict[str, str]:
    """The key and the default of each row in the tables of keys."""
    found: dict[str, str] = {}
    for number in sections:
        text = section("pipeline-file.md", number).partition("\n### ")[0]
        for cells in rows(text):
            if len(cells) == 4 and cells[0].startswith("`"):
                found[cells[0].strip("`")] = cells[2].strip("`")
    return found


def as_shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_pipeline_file_names_each_key_with_its_default() -> None:
    schema = json_schema()
    keys = {name: (default, required) for name, default, required in schema_keys(schema, schema["$defs"])}
    reported = documented_keys(PIPELINE_SECTIONS)
    assert reported.keys() == keys.keys()
    for name, (default, required) in keys.items():
        assert (reported[name] == "required") == required, name
        if default is not None and default != []:
            assert reported[name] == as_shown(default), name


def test_calendar_file_names_each_key() -> None:
    schema = calendar_schema()
    keys = {name for name, _, _ in schema_keys(schema, schema.get("$defs", {}))}
    assert documented_keys(["10"]).keys() == keys


def test_alerts_file_names_each_key_with_its_default() -> None:
    schema = alerts_schema()
    keys = {name: (default, required) for name, default, required in schema_keys(schema, schema["$defs"])}
    reported = documented_keys(["11"])
    assert reported.keys() == keys.keys()
    for name, (default, required) in keys.items():
        assert (reported[name] == "required") == required, name
        if default is not None:
            assert reported[name] == as_shown(default), name


def test_pipeline_file_names_each_key_of_each_job_type() -> None:
    definitions = json_schema()["$defs"]
    forms = {
        branch["if"]["properties"]["type"]["const"]: branch["then"]["properties"]["config"]["$ref"].split("/")[-1]
        for branch in definitions["Job"]["allOf"]
    }
    reported: dict[str, dict[str, bool]] = {}
    job_type = ""
    for cells in rows(section("pipeline-file.md", "6.1")):
        if len(cells) == 4 and cells[1].startswith("`"):
            job_type = cells[0].strip("`") or job_type
            reported.setdefault(job_type, {})[cells[1].strip("`")] = cells[3] == "required"
    wanted = {
        name: {key: key in definitions[form].get("required", ()) for key in definitions[form]["properties"]}
        for name, form in forms.items()
    }
    aliases = {"airflow": {"dag_id", "dagId"}}
    for name, keys in wanted.items():
        canonical = {
            key: needed for key, needed in keys.items() if "_" not in key and key not in aliases.get(name, set())
        }
        assert reported[name].keys() == canonical.keys(), name
    assert reported.keys() == wanted.keys()
    listed = first_words(section("triggers.md", "1"))
    assert set(listed) == set(wanted)


# --- environment -------------------------------------------------------------------------------------------------


def texts_of(path: Path) -> set[str]:
    """The texts of a module that look like a variable's name; those of docstrings have more words."""
    tree = ast.parse(path.read_text())
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in found if _VARIABLE.fullmatch(text)}


def environment_table(service: str) -> dict[str, str]:
    found = re.search(rf"^### (1\.\d) {service}$", page("environment.md"), re.MULTILINE)
    assert found is not None, service
    table = [cells for cells in rows(section("environment.md", found[1])) if cells[0].startswith("`")]
    return {cells[0].strip("`"): cells[1] for cells in table}


@pytest.mark.parametrize("service", SERVICES)
def test_environment_names_the_variables_of_each_lambda(service: str) -> None:
    module = importlib.import_module(f"interlock_{service.replace('-', '_')}.wiring")
    reported = environment_table(service)
    assert {name for name, required in reported.items() if required == "yes"} == set(module.REQUIRED)
    of_timers = set(TIMER_VARIABLES) if "SLA_MONITOR_ARN" in module.REQUIRED else set()
    assert reported.keys() == texts_of(Path(str(module.__file__))) | of_timers


def test_environment_names_the_variables_that_every_lambda_knows() -> None:
    reported = set(first_words(section("environment.md", "2")))
    read: set[str] = set()
    for path in ROOT.glob("packages/interlock-telemetry/src/**/*.py"):
        read |= texts_of(path)
    set_by_lambda = {name for name in read if name.startswith("AWS_LAMBDA_")} | {"AWS_REGION"}
    assert reported == read - set_by_lambda


def test_environment_has_the_defaults_of_the_code() -> None:
    defaults = {cells[0].strip("`"): cells[1] for cells in rows(section("environment.md", "2"))}
    given = {name: text for name, text in defaults.items() if name.isupper() and text != "none"}
    assert len(given) > 5
    unset = environment(source={})
    for name, text in given.items():
        written = msgspec.structs.replace(environment(source={name: text}), variables={})
        assert written == unset, name


# --- Terraform ---------------------------------------------------------------------------------------------------

ROOTS = {
    "1.1": ["infra/stack/variables.tf"],
    "2.1": ["infra/shared/variables.tf"],
    "3.1": ["infra/services/watchdog/common.tf"],
    **{
        f"3.{place}": [f"infra/services/{service}/variables.tf"]
        for place, service in enumerate(
            ("stream-router", "orchestrator", "sla-monitor", "watchdog", "event-sink", "alert-dispatcher"), 2
        )
    },
}


def declared(kind: str, path: str) -> dict[str, str]:
    """The variables of a file with their defaults, or its outputs."""
    found = re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', (ROOT / path).read_text(), re.MULTILINE | re.DOTALL)
    defaults = {name: re.search(r"^  default\s+= (.+)$", body, re.MULTILINE) for name, body in found}
    return {name: default[1] if default is not None else "required" for name, default in defaults.items()}


@pytest.mark.parametrize(("number", "paths"), ROOTS.items())
def test_terraform_names_each_variable_with_its_default(number: str, paths: list[str]) -> None:
    reported = {
        cells[0].strip("`"): cells[1].strip("`")
        for cells in rows(section("terraform.md", number))
        if cells[0].startswith("`")
    }
    wanted: dict[str, str] = {}
    for path in paths:
        # A service may have no variables of its own.
        wanted |= declared("variable", path) if (ROOT / path).exists() else {}
    assert reported == wanted


def test_terraform_describes_every_root() -> None:
    roots = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("infra/**/tfcheck.tfvars")}
    text = page("terraform.md")
    assert roots == {name for name in roots if re.search(rf"^##+ [\d.]+ {re.escape(name)}$", text, re.MULTILINE)}


@pytest.mark.parametrize(("number", "root"), [("1.2", "stack"), ("2.2", "shared")])
def test_terraform_names_each_output(number: str, root: str) -> None:
    assert set(first_words(section("terraform.md", number))) == declared("output", f"infra/{root}/outputs.tf").keys()


def test_services_have_the_outputs_that_are_described() -> None:
    described = {cells[0].strip("`"): cells[1] for cells in rows(section("terraform.md", "3.8"))}
    for service in SERVICES:
        own = {name for name, services in described.items() if services == "all" or service in services.split(", ")}
        assert declared("output", f"infra/services/{service}/outputs.tf").keys() == own, service


# --- commands ----------------------------------------------------------------------------------------------------


def leaves(group: click.Group, words: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


def test_cli_names_each_command_and_option() -> None:
    shared = set(first_words(section("cli.md", "2")))
    reported = {
        cells[0].strip("`"): set(re.findall(r"`(-[^`]+)`", cells[2]))
        for cells in rows(section("cli.md", "3").partition("\n### ")[0])
        if cells[0].startswith("`")
    }
    commands = dict(leaves(main, "interlock"))
    assert reported.keys() == commands.keys()
    for name, command in commands.items():
        options = {one for option in command.params if isinstance(option, click.Option) for one in option.opts}
        assert reported[name] == options - shared, name


# --- runs --------------------------------------------------------------------------------------------------------


def faces(package: ModuleType) -> Iterator[ModuleType]:
    """A package and its public modules."""
    yield package
    for found in pkgutil.iter_modules(package.__path__):
        if not found.name.startswith("_"):
            yield importlib.import_module(f"{package.__name__}.{found.name}")


def test_each_arrow_of_the_state_diagram_names_its_decision() -> None:
    diagram = re.search(r"```mermaid\n(.*?)```", page("runs.md"), re.DOTALL)
    assert diagram is not None
    arrows = [line.strip() for line in diagram[1].splitlines() if "-->" in line]
    labels = {arrow: re.search(r": (\w+)", arrow) for arrow in arrows if not arrow.endswith("--> [*]")}
    assert len(labels) > 20
    assert [arrow for arrow, label in labels.items() if label is None] == []
    names = {label[1] for label in labels.values() if label is not None}
    missing = {name for name in names if not any(hasattr(face, name) for face in faces(interlock_lifecycle))}
    assert missing == set()


def test_runs_names_each_state_of_the_state_machine() -> None:
    definition = (ROOT / "infra/statemachine/interlock.asl.json").read_text()
    text = re.sub(r"\$\{\w+\}(?!\")(?=[,\n])", "1", definition)
    waits_and_choices = {"Evaluated", "WaitToEvaluate", "JobState", "WaitForJob", "Outcome", "Done", "Failed"}
    states = set(json.loads(text)["States"]) - waits_and_choices
    reported = {name for cells in rows(section("runs.md", "4")) for name in re.findall(r"\b[A-Z]\w+\b", cells[0])}
    assert states <= reported


def number_of(name: str) -> Any:
    """The constant of a dotted name."""
    module, _, constant = name.rpartition(".")
    return getattr(importlib.import_module(module), constant)


def as_written(value: Any) -> str:
    """A constant as the table of numbers has it."""
    if not isinstance(value, timedelta):
        return str(value)
    if value >= timedelta(days=2):
        return f"{value.days} days"
    unit, length = ("hours", timedelta(hours=1)) if value >= timedelta(hours=1) else ("minutes", timedelta(minutes=1))
    return f"{value // length} {unit}"


def test_the_numbers_of_the_watchdog_are_those_of_the_code() -> None:
    table = [cells for cells in rows(section("watchdog.md", "2")) if len(cells) == 3]
    constants = [(cells[1], name) for cells in table for name in re.findall(r"`(interlock_[\w.]+)`", cells[2])]
    assert len(constants) >= 8
    assert [
        (name, as_written(number_of(name))) for reported, name in constants if reported != as_written(number_of(name))
    ] == []


def test_each_mutant_s_trap_is_described() -> None:
    numbers = {int(cells[0]) for cells in rows(page("traps.md")) if cells[0].isdecimal()}
    assert numbers == set(range(1, max(numbers) + 1))
    catalogue = "".join(path.read_text() for path in (ROOT / "tests/simulation").glob("*.py"))
    used = {int(number) for number in re.findall(r"\btrap=(\d+)", catalogue)}
    assert used
    assert used <= numbers


# --- names, files and sections -----------------------------------------------------------------------------------

DOCUMENTS = sorted((ROOT / "docs").glob("**/*.md"))
_NAME = re.compile(r"`(interlock_[a-z_]+(?:\.\w+)+)(?:\(\))?`")


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        module = ".".join(parts[:cut])
        try:
            found: Any = imported(module)
        except ModuleNotFoundError:
            continue
        if found is None:
            return set(parts[cut : cut + 1]) <= names_of(module)
        for part in parts[cut:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_names_that_do_not_exist_are_found() -> None:
    assert resolves("interlock_lifecycle.reruns.decide_rerun")
    assert resolves("interlock_lifecycle.Run.is_held_by")
    assert not resolves("interlock_lifecycle.decide_nothing")
    assert not resolves("interlock_nothing.decide_rerun")
    assert resolves("interlock_sensors.airflow.run_date")
    assert not resolves("interlock_sensors.airflow.run_nothing")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_function_that_a_page_names_exists(document: Path) -> None:
    names = dict.fromkeys(_NAME.findall(document.read_text()))
    assert [name for name in names if not resolves(name)] == []


@pytest.mark.parametrize("document", sorted(REFERENCE.glob("*.md")), ids=lambda path: path.name)
def test_sections_are_numbered_in_order(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^(#{2,4}) (\S+)", text, re.MULTILINE)
    if document.name == "README.md":
        return
    numbers = [tuple(int(part) for part in number.rstrip(".").split(".")) for _, number in headings]
    assert numbers == sorted(set(numbers))
    assert all(len(marks) == len(number) + 1 for (marks, _), number in zip(headings, numbers, strict=True))
