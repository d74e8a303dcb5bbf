"""The README of each root and module is the one that tools/terraform_readmes.py writes."""

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "tools" / "terraform_readmes.py"
EXAMPLES = sorted(path.parent for path in REPOSITORY.glob("infra/examples/*/main.tf"))


@pytest.fixture(scope="module")
def readmes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("terraform_readmes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_readme_is_current() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_readme_names_each_variable_and_output(readmes: ModuleType) -> None:
    text = readmes.readme(REPOSITORY / "infra/services/watchdog")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    variables = '| `watchdog_schedule` | `string` | `"rate(5 minutes)"` | Interval of the watchdog:'
    assert any(row.startswith(variables) for row in rows)
    # common.tf has this one, and it has no default.
    assert any(row.startswith("| `environment` | `string` | required |") for row in rows)
    assert "| `function_arn` | ARN of the function. |" in rows


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_commands_of_an_example_are_complete(example: Path, readmes: ModuleType) -> None:
    """Terraform asks for a variable without a value, and fails in a folder without its modules."""
    text = readmes.readme(example)
    required = set(re.findall(r"^\| `(\w+)` \| `[^`]+` \| required \|", text, re.MULTILINE))
    assert set(re.findall(r"-var '?(\w+)=", text)) == required != set()
    assert f"terraform -chdir=infra/examples/{example.name} init\n" in text


def test_the_zip_of_an_example_is_made_in_a_fresh_checkout(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "examples/openlineage", tmp_path / "examples/openlineage")
    text = (REPOSITORY / "infra/examples/openlineage/README.md").read_text(encoding="utf-8")
    commands = text.partition("```sh\n")[2].partition("terraform")[0].replace("python ", f"{sys.executable} ")
    subprocess.run(["sh", "-euc", commands], cwd=tmp_path, check=True)
    with zipfile.ZipFile(tmp_path / "dist/openlineage.zip") as made:
        assert made.namelist() == ["consumer.py", "lineage.py"]


def test_a_changed_description_makes_a_readme_stale(readmes: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("# A part.\n#\n#   terraform apply\n\nlocals {}\n")
    (tmp_path / "variables.tf").write_text('variable "a" {\n  description = "One | two"\n  type = map(string)\n}\n')
    text = readmes.readme(tmp_path, tmp_path.parent)
    assert text.splitlines()[4:] == [
        "A part.",
        "",
        "```sh",
        "terraform apply",
        "```",
        "",
        "## Variables",
        "",
        "| variable | type | default | description |",
        "| --- | --- | --- | --- |",
        "| `a` | `map(string)` | required | One \\| two |",
    ]


def test_a_root_without_a_purpose_is_an_error(readmes: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("locals {}\n")
    with pytest.raises(SystemExit, match="must begin with a comment"):
        readmes.readme(tmp_path, tmp_path.parent)


def test_commands_of_separate_services_give_each_root_a_state(tmp_path: Path) -> None:
    """A root without a backend would keep its state on the machine."""
    text = (REPOSITORY / "infra/README.md").read_text(encoding="utf-8")
    commands = text.partition("## Separate services")[2].partition("```sh\n")[2].partition("```")[0]
    services = sorted(path.parent.name for path in REPOSITORY.glob("infra/services/*/main.tf"))
    for folder in ("bootstrap", "shared", *(f"services/{service}" for service in services)):
        (tmp_path / "infra" / folder).mkdir(parents=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    terraform = programs / "terraform"
    terraform.write_text(
        "#!/bin/sh\nset -eu\nfolder=.\n"
        'case $1 in -chdir=*) folder=${1#-chdir=}; shift ;; esac\ncd "$folder"\n'
        'if [ $1 = output ]; then echo \'key = "KEY"\'; else echo "$*" >> terraform.log; fi\n'
    )
    terraform.chmod(0o755)
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, env=environment, check=True)
    for name, folder in {"shared": "shared", **{service: f"services/{service}" for service in services}}.items():
        root = tmp_path / "infra" / folder
        assert (root / "backend.tf").read_text() == f'key = "interlock/{name}.tfstate"\n'
        zips = "" if name == "shared" else f" -var dist_path={tmp_path}/dist"
        assert (root / "terraform.log").read_text() == f"init\napply -var environment=prod{zips}\n"


def test_the_page_names_each_setting_of_several_roots() -> None:
    """The effect of a different value is on the page. A name of a resource in another root, or of a bucket, is free."""
    roots = [*REPOSITORY.glob("infra/services/*/variables.tf"), REPOSITORY / "infra/shared/variables.tf"]
    named = [name for root in roots for name in re.findall(r'^variable "(\w+)"', root.read_text(), re.MULTILINE)]
    several = {name for name in named if named.count(name) > 1} - {"event_bus", "letter_bucket"}
    page = (REPOSITORY / "docs/how-to/deploy-per-service.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert "sfn_timeout_seconds" in several
    assert {name for name in several if not any(f"`{name}`" in row.split("|")[1] for row in rows)} == set()


def test_the_page_has_the_reserved_concurrency_of_the_defaults() -> None:
    """AWS rejects a reservation that leaves less than 100 invocations to the other functions of the account."""
    settings = (REPOSITORY / "infra/modules/deployment/settings.tf").read_text(encoding="utf-8")
    reserved = [int(number) for number in re.findall(r"\breserved_concurrency = (\d+),", settings)]
    page = (REPOSITORY / "infra/README.md").read_text(encoding="utf-8")
    assert len(reserved) == len(list(REPOSITORY.glob("infra/services/*/main.tf")))
    assert f"The functions reserve {sum(reserved)} of the account" in page
    assert f"a lower quota than {sum(reserved) + 100}," in page


def test_set_up_of_deployments_applies_shared_before_a_lookup() -> None:
    """A data source of a table fails in a plan while there is no table, and no root is applied after a failed plan."""
    looking = [
        path.parent.name
        for path in REPOSITORY.glob("infra/services/*/*.tf")
        if 'data "aws_dynamodb' in path.read_text()
    ]
    page = (REPOSITORY / "infra/README.md").read_text(encoding="utf-8")
    steps = page.partition("Set it up once:")[2].partition("## ")[0]
    by_hand = steps.index("Apply `shared` once by hand")
    assert by_hand < steps.index("Set the variable DEPLOYMENTS")
    assert looking == ["stream-router"]
    assert all(service in steps[by_hand:] for service in looking)


def test_the_example_names_the_bus_of_a_deployment() -> None:
    """It is applied without the outputs of a deployment, so it repeats the name that modules/names gives the bus."""
    names = (REPOSITORY / "infra/modules/names/main.tf").read_text(encoding="utf-8")
    [prefix] = re.findall(r'^  prefix +?= "(.*)"$', names, re.MULTILINE)
    [bus] = re.findall(r'^  bus +?= "(.*)"$', names, re.MULTILINE)
    example = (REPOSITORY / "infra/examples/openlineage/main.tf").read_text(encoding="utf-8")
    assert f'coalesce(var.event_bus_name, "{bus.replace("${local.prefix}", prefix)}")' in example
