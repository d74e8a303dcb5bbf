"""Every Terraform root passes its checks, and invalid settings fail with a sentence that names the correction."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Checker, Outcome

INFRA = Path(__file__).resolve().parents[1]
ROOTS = sorted(str(path.parent.relative_to(INFRA)) for path in INFRA.glob("**/tfcheck.tfvars"))

REJECTED = {
    "glue-without-arns": "enable_glue_trigger is true, so glue_job_arns must hold at least one ARN.",
    "lambda-wildcard": "lambda_trigger_arns must hold ARNs, not *.",
    "slack-without-channel": "slack_channel_id must be set",
    "missing-zips": "watchdog.zip does not exist. Build the zips first.",
    "bad-environment": "environment must be 1 to 32 of a-z",
    "impossible-schedule": "watchdog_schedule must be rate(...) or cron(...).",
}


def test_there_is_a_root_for_each_service_and_one_for_all() -> None:
    services = {f"services/{path.name}" for path in (INFRA.parent / "services").iterdir() if path.is_dir()}
    assert set(ROOTS) == {"shared", "stack"} | services


@pytest.mark.parametrize("root", [*ROOTS, "tests/full", "tests/small"])
def test_a_root_passes_its_checks(root: str, roots: "Outcome") -> None:
    assert roots.failed_step(root) is None, roots.output_of(root)


def test_every_terraform_test_file_belongs_to_a_root() -> None:
    files = {str(path.parents[1].relative_to(INFRA)) for path in INFRA.glob("**/*.tftest.hcl")}
    assert files
    assert files <= set(ROOTS)


def test_every_negative_root_has_its_sentence() -> None:
    assert {path.name for path in (INFRA / "tests" / "negative").iterdir()} == set(REJECTED)


@pytest.fixture(scope="module")
def rejections(checker: "Checker") -> "Outcome":
    return checker.run([f"tests/negative/{name}" for name in REJECTED])


@pytest.mark.parametrize(("name", "sentence"), REJECTED.items())
def test_invalid_settings_are_rejected(name: str, sentence: str, checker: "Checker", rejections: "Outcome") -> None:
    root = f"tests/negative/{name}"
    failed = rejections.failed_step(root)
    if failed is None:
        # Plain terraform evaluates preconditions in a plan only, which needs an account.
        checker.plan(root)
    assert failed in {"validate", "plan"}
    # Terraform wraps its messages and draws a line at their left.
    words = " ".join(rejections.output_of(root).replace("│", " ").split())
    assert sentence in words


def test_common_variables_are_the_same_in_all_services() -> None:
    texts = {path.read_text(encoding="utf-8") for path in INFRA.glob("services/*/common.tf")}
    assert len(texts) == 1
