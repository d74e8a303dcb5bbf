"""A deployment of its own for the suite, which is removed with all its rows at the end.

On AWS Terraform creates and removes it. An endpoint (AWS_ENDPOINT_URL) gets the form of `interlock deploy`.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from interlock_local import find_checkout
from interlock_local.site import StackSettings, deploy_to, teardown
from interlock_local.zips import Target, build_zips

Clients = Callable[[str], Any]
Progress = Callable[[str], None]

_ROOT = """
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "~> 6.0" }}
  }}
}}

provider "aws" {{
  region              = {region}
  allowed_account_ids = [{account}]
  default_tags {{ tags = {{ purpose = "interlock-account-tests" }} }}
}}

module "interlock" {{
  source = {source}

  environment         = {environment}
  dist_path           = {dist}
  deletion_protection = false
  enable_dashboard    = false
  log_retention_days  = 1
  watchdog_schedule   = "rate(1 minute)"
}}
"""


class Deployed(Struct, frozen=True):
    """A deployment for the suite: its environment, the ARN of its state machine, and its dead-letter queues."""

    environment: str
    machine: str
    dead_letter_queues: tuple[str, ...]


@contextmanager
def deployed(clients: Clients, environment: str, account: str, region: str, progress: Progress) -> Iterator[Deployed]:
    """Deploy, and remove everything at the end, also after an error.

    Raises CalledProcessError if Terraform fails, with its output on the terminal.
    """
    make = _on_endpoint if os.environ.get("AWS_ENDPOINT_URL") else _by_terraform
    with make(clients, environment, account, region, progress):
        machine = f"arn:aws:states:{region}:{account}:stateMachine:{environment}-interlock-pipeline"
        urls = clients("sqs").list_queues(QueueNamePrefix=f"{environment}-interlock-").get("QueueUrls", [])
        letters = tuple(url for url in urls if url.removesuffix(".fifo").endswith("-dlq"))
        yield Deployed(environment, machine, letters)


@contextmanager
def _on_endpoint(clients: Clients, environment: str, account: str, region: str, progress: Progress) -> Iterator[None]:
    target = Target.host()
    zips = build_zips(find_checkout(), target, progress=progress)
    # The stream mappings of emulators lose records. The watchdog then acts on the committed rows.
    settings = StackSettings(environment=environment, pending_grace="5s", probe_after="5s")
    try:
        deploy_to(clients, zips, target.runtime, settings, progress=progress)
        yield
    finally:
        teardown(clients, environment, progress=progress)


@contextmanager
def _by_terraform(clients: Clients, environment: str, account: str, region: str, progress: Progress) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="interlock-account-") as scratch:
        folder = Path(scratch)
        build_zips(find_checkout(), Target.aws("arm64"), out=folder / "dist", progress=progress)
        (folder / "main.tf").write_text(root_text(environment, account, region, folder / "dist"), encoding="utf-8")
        _terraform(folder, "init")
        try:
            _terraform(folder, "apply", "-auto-approve")
            yield
        finally:
            _terraform(folder, "destroy", "-auto-approve")


def root_text(environment: str, account: str, region: str, dist: Path) -> str:
    """The Terraform root of the suite. Its provider works in this account only."""
    values: Mapping[str, object] = {
        "environment": environment,
        "account": account,
        "region": region,
        "dist": str(dist),
        # The part before `//` is the package. Terraform reads the modules of the stack only within it.
        "source": f"{find_checkout() / 'infra'}//stack",
    }
    return _ROOT.format(**{name: json.dumps(value) for name, value in values.items()})


def _terraform(folder: Path, command: str, *options: str) -> None:
    subprocess.run(["terraform", f"-chdir={folder}", command, "-input=false", "-no-color", *options], check=True)
