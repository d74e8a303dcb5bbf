"""Every Terraform root passes its checks, and invalid settings fail with a sentence that names the correction."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Checker, Outcome

INFRA = Path(__file__).resolve().parents[1]
EXAMPLES = ("examples/complete", "examples/openlineage", "examples/s3-arrivals", "examples/simple")
ROOTS = sorted(str(path.parent.relative_to(INFRA)) for path in INFRA.glob("**/tfcheck.tfvars"))

REJECTED = {
    "glue-without-arns": "enable_glue_trigger is true, so glue_job_arns must hold at least one ARN.",
    "lambda-wildcard": 'lambda_trigger_arns has ["*"]. Allowed is the ARN of a function',
    "slack-without-channel": "slack_channel_id must be set",
    "missing-zips": ".zip does not exist. Build the zips first.",
    "bad-environment": "environment must be 1 to 32 of a-z",
    "impossible-schedule": "watchdog_schedule must be a rate such as rate(1 minute)",
    "lambda-account-wildcard": 'lambda_trigger_arns has ["arn:aws:lambda:*:*:function:*"].',
    "any-arn": 'sfn_trigger_arns has ["arn:*"].',
    "lambda-policy-variable": 'arn:aws:lambda:eu-west-1:123456789012:function:${aws:username}"].',
    "glue-iam-arn": 'glue_job_arns has ["arn:aws:iam::123456789012:role/load"]. Allowed is the ARN of a Glue job',
    "glue-prefix-not-allowed": "With allow_name_prefixes = true a name may end with *.",
    "glue-all-jobs": 'glue_job_arns has ["arn:aws:glue:eu-west-1:123456789012:job/*"].',
    "sfn-wildcard-within-a-name": 'sfn_trigger_arns has ["arn:aws:states:eu-west-1:123456789012:stateMachine:lo*d"].',
    "emr-wildcard": ':123456789012:cluster/*"]. Allowed is the ARN of an EMR cluster',
    "emr-serverless-wildcard": "Allowed is the ARN of an EMR Serverless application",
    "emr-serverless-role-wildcard": 'emr_serverless_role_arns has ["arn:aws:iam::123456789012:role/*"].',
    "slack-secret-wildcard": "slack_secret_arn must be the ARN of a secret in Secrets Manager, without wildcards.",
    "topic-wildcard": "alert_topic_arns must be ARNs of SNS topics, without wildcards.",
    "topic-key-alias": "alert_topic_key_arns must be ARNs of KMS keys",
    "webhook-secret-wildcard": "alert_secret_arns must be ARNs of secrets in Secrets Manager, without wildcards.",
    "letter-bucket-wildcard": "letter_bucket must be the name of a bucket",
    "misspelt-argument": 'An argument named "watchdog_shedule" is not expected here.',
    "kms-alias": "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:…:key/…), not of an alias.",
    "kms-alias-name": "kms_key_arn must be the ARN of a KMS key (arn:aws:kms:…:key/…), not of an alias.",
    "job-secret-wildcard": "job_secret_arns must be ARNs of secrets in Secrets Manager, without wildcards.",
    "glue-log-wildcard": "glue_log_group_arns must be ARNs of log groups",
    "vpc-without-security-group": 'vpc of orchestrator is {"security_group_ids":[],"subnet_ids":["subnet-',
    "vpc-instead-of-subnet": "must be { subnet_ids, security_group_ids } with ids such as subnet-",
    "pipeline-changed": "not validated, or changed since: pipelines/daily.yaml, pipelines/removed.yaml.",
    "pipeline-invalid": "These files are not validated, or changed since: pipelines/broken.yaml.",
    "pipelines-without-files": "There are no .yaml, .yml or .json files in",
    "pipelines-apart": "The files of calendars and pipelines were not validated together.",
    "rate-in-singular": "watchdog_schedule must be a rate such as rate(1 minute)",
    "cron-of-five-fields": "watchdog_schedule must be a rate such as rate(1 minute)",
    "memory-of-one-mb": "lambda_memory_size is 1, must be whole MB from 128 to 10240.",
    "region-as-variable": "environment_variables has a name that Lambda sets itself",
    "concurrency-over-the-mapping": "reserved_concurrency of event-sink is 1500, must be -1 or a whole number from",
    "concurrency-of-zero": "reserved_concurrency of orchestrator is 0, must be -1 or a whole number from 1 to 10000.",
    "retention-of-ten-days": "log_retention_days is 10, must be one that CloudWatch has",
    "unknown-processor": "lambda_architecture is amd64, must be arm64 or x86_64.",
    "misspelt-service": "lambda_settings has no service watch-dog, must be all or one of alert-dispatcher, event-sink,",
    "misspelt-setting": "lambda_settings.all has no setting memory, must be one of alias,",
    "two-bad-settings": "of watchdog is 10, must be one that CloudWatch has",
    "settings-of-one-number": "lambda_settings must be a map of services",
    "snap-start-of-watchdog": "snap_start of watchdog is true, must be true or false, and true only for orchestrator,",
    "snap-start-of-all": "snap_start of all is true, must be true or false, and true only for orchestrator,",
    "snap-start-in-words": 'snap_start of orchestrator is "PublishedVersions", must be true or false,',
    "snap-start-with-secrets-layer": "snap_start of orchestrator does not work with the layer arn:aws:",
    "alias-by-name": 'alias of sla-monitor is "blue", must be true or false, and true only for orchestrator,',
    "tracing-in-words": 'tracing_mode of all is "on", must be Active or PassThrough.',
    "layer-without-version": "must be at most five ARNs of layer versions",
    "threshold-over-the-timeout": "duration_threshold_percent of watchdog is 120, must be a percentage of",
    "negative-threshold": 'alarm_thresholds has {"dead_letters":-1}. Allowed are numbers of at least 0.',
    "misspelt-threshold": "alarm_thresholds has dead_leters. Allowed are alert_age_seconds,",
    "role-of-no-service": "role_arns has router. Allowed are alert-dispatcher,",
    "user-as-role": "Allowed are ARNs of roles, such as",
    "log-group-with-streams": "Allowed are ARNs of log groups without a last :*,",
    "fifo-for-failed-events": "Allowed are ARNs of SQS queues that are no FIFO queues.",
    "role-as-boundary": "permissions_boundary_arn must be the ARN of a managed policy",
    "path-without-slash": "iam_path is /data, must begin and end with /, such as /data/.",
    "channel-name": "slack_channel_id must be the id of a channel, such as C0123456789, not its name.",
}


def test_there_is_a_root_for_each_service_and_one_for_all() -> None:
    services = {f"services/{path.name}" for path in (INFRA.parent / "services").iterdir() if path.is_dir()}
    assert set(ROOTS) == {"bootstrap", *EXAMPLES, "shared", "stack"} | services


@pytest.mark.parametrize("root", [*ROOTS, "tests/full", "tests/modules", "tests/own", "tests/small"])
def test_a_root_passes_its_checks(root: str, roots: "Outcome") -> None:
    assert roots.failed_step(root) is None, roots.output_of(root)


def test_every_root_and_every_module_has_tests() -> None:
    files = list(INFRA.glob("**/tests/*.tftest.hcl"))
    # The tests of the modules are in a root of their own, because a module has no plan by itself.
    of_roots = {str(path.parents[1].relative_to(INFRA)) for path in files} - {"tests/modules"}
    assert of_roots == set(ROOTS)
    of_modules = {path.name.removesuffix(".tftest.hcl") for path in files if path.parents[1].name == "modules"}
    assert of_modules == {path.name for path in (INFRA / "modules").iterdir() if path.is_dir()}


FURTHER = {
    "alias-by-name",
    "concurrency-of-zero",
    "cron-of-five-fields",
    "emr-serverless-role-wildcard",
    "emr-serverless-wildcard",
    "emr-wildcard",
    "glue-log-wildcard",
    "impossible-schedule",
    "job-secret-wildcard",
    "kms-alias-name",
    "lambda-account-wildcard",
    "lambda-policy-variable",
    "layer-without-version",
    "letter-bucket-wildcard",
    "log-group-with-streams",
    "misspelt-service",
    "negative-threshold",
    "path-without-slash",
    "region-as-variable",
    "retention-of-ten-days",
    "role-of-no-service",
    "settings-of-one-number",
    "sfn-wildcard-within-a-name",
    "slack-secret-wildcard",
    "snap-start-in-words",
    "snap-start-of-all",
    "topic-key-alias",
    "topic-wildcard",
    "tracing-in-words",
    "unknown-processor",
    "user-as-role",
    "vpc-instead-of-subnet",
    "webhook-secret-wildcard",
}
"""Roots with a fault of a kind that another root has too. `nox -s infra -- --further` checks them."""


def test_each_further_root_exists() -> None:
    assert set(REJECTED) > FURTHER


def test_every_negative_root_has_its_sentence() -> None:
    assert {path.name for path in (INFRA / "tests" / "negative").iterdir()} == set(REJECTED)


@pytest.fixture(scope="module")
def rejections(checker: "Checker", pytestconfig: pytest.Config) -> "Outcome":
    left_out = set() if pytestconfig.getoption("--further") else FURTHER
    return checker.run([f"tests/negative/{name}" for name in REJECTED if name not in left_out])


@pytest.mark.parametrize(("name", "sentence"), REJECTED.items())
def test_invalid_settings_are_rejected(
    name: str, sentence: str, checker: "Checker", rejections: "Outcome", pytestconfig: pytest.Config
) -> None:
    if name in FURTHER and not pytestconfig.getoption("--further"):
        pytest.skip("another root has a fault of this kind: run with --further")
    root = f"tests/negative/{name}"
    failed = rejections.failed_step(root)
    if failed is None:
        # Plain terraform evaluates preconditions in a plan only, which needs an account.
        checker.plan(root)
    assert failed in {"validate", "plan"}
    # Terraform wraps its messages and draws a line at their left.
    words = " ".join(rejections.output_of(root).replace("│", " ").split())
    errors = words.split("Error: ")[1:]
    assert errors
    # No root is rejected for another reason. Several services may check the same variable.
    assert all(sentence in error for error in errors)


DECLARED = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def test_null_means_the_default_of_every_variable() -> None:
    """Without `nullable = false`, a null replaces the default and stops a plan, also one that does not use it."""
    found = {}
    for path in INFRA.glob("**/*.tf"):
        for name, body in DECLARED.findall(path.read_text(encoding="utf-8")):
            default = re.search(r"^  default +=\s*(.*)$", body, re.MULTILINE)
            if default is not None and default[1] != "null":
                found[f"{path.relative_to(INFRA)}: {name}"] = re.search(r"^  nullable += false$", body, re.MULTILINE)
    assert len(found) > 50
    assert [name for name, is_set in found.items() if is_set is None] == []


def test_all_bad_settings_are_named_at_once(rejections: "Outcome") -> None:
    output = " ".join(rejections.output_of("tests/negative/two-bad-settings").replace("│", " ").split())
    assert "timeout_seconds of watchdog is 1000, must be whole seconds from 10 to 900." in output


REFERENCE = INFRA.parent / "docs" / "reference" / "terraform.md"


@pytest.mark.parametrize(
    ("fixture", "sentence", "section"),
    [
        ("misspelt-setting", r"has no setting memory, must be one of ([^.]+)[.]", "### 1.4 "),
        ("misspelt-threshold", r"alarm_thresholds has dead_leters. Allowed are ([^.]+)[.]", "### 1.5 "),
    ],
)
def test_the_reference_lists_each_setting(fixture: str, sentence: str, section: str, rejections: "Outcome") -> None:
    output = " ".join(rejections.output_of(f"tests/negative/{fixture}").replace("│", " ").split())
    (names,) = set(re.findall(sentence, output))
    text = REFERENCE.read_text(encoding="utf-8").partition(section)[2].partition("\n##")[0]
    described = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(described) == sorted(re.split(r", | and ", names))


def test_each_check_that_checkov_leaves_out_has_a_reason() -> None:
    text = (INFRA / ".checkov.yaml").read_text(encoding="utf-8").partition("skip-check:\n")[2]
    lines = text.splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"  - CKV2?_AWS_\d+ # [A-Z].{20,}[.]", line)] == []


def test_common_variables_are_the_same_in_all_services() -> None:
    texts = {path.read_text(encoding="utf-8") for path in INFRA.glob("services/*/common.tf")}
    assert len(texts) == 1
