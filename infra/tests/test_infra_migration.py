"""The blocks of the migration guide name resources that the stack has, and Terraform accepts them."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import pytest

if TYPE_CHECKING:
    from conftest import Checker, Plan

INFRA = Path(__file__).resolve().parents[1]
GUIDE = INFRA.parent / "docs" / "how-to" / "move-an-older-deployment.md"


def _blocks(kind: str) -> list[dict[str, Any]]:
    texts = re.findall(r"^```hcl\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for text in texts for block in hcl2.loads(text).get(kind, [])]


def test_the_guide_imports_each_table_of_the_stack(stack: "Plan") -> None:
    imported = {
        re.sub(r"^\$\{module[.]interlock[.](.*)\}$", r"\1", block["to"]): block["id"].strip('"')
        for block in _blocks("import")
    }
    planned = {
        table.address: table.values["name"].replace("test-", "prod-", 1) for table in stack.of("aws_dynamodb_table")
    }
    assert imported == planned


def test_the_guide_destroys_no_table() -> None:
    blocks = _blocks("removed")
    assert blocks
    assert [block["lifecycle"][0]["destroy"] for block in blocks] == [False] * len(blocks)


def test_terraform_accepts_the_blocks(checker: "Checker", tmp_path: Path) -> None:
    """The offline checker imports nothing, so its plan ends at the first import. All checks before it pass."""
    root = INFRA / "tests" / f"guide-{tmp_path.name}"
    root.mkdir()
    try:
        texts = re.findall(r"^```hcl\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        settings = ('  source = "../../stack"\n', '  environment = "prod"', '  dist_path   = "../zips"')
        module = "\n".join(['module "interlock" {', *settings, "}", ""])
        (root / "main.tf").write_text("\n".join([module, *texts]))
        outcome = checker.run([f"tests/{root.name}"])
        output = outcome.output_of(f"tests/{root.name}")
        assert "fmt ok" in output
        assert "validate ok" in output, output
        errors = output.split("Error: ")[1:]
        assert all(error.startswith("Unsupported plugin method") for error in errors), output
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("text", ["must be replaced", "will no longer be managed by Terraform"])
def test_the_guide_names_the_lines_of_a_plan(text: str) -> None:
    assert text in GUIDE.read_text(encoding="utf-8")
