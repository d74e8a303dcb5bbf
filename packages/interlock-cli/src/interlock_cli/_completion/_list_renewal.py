"""The process that requests the ids of a deployment's pipelines for the completion of a shell.

It is `python -m interlock_cli._completion._list_renewal FILE`, with the options that name the deployment.
"""

import json
import os
import signal
from pathlib import Path

import click

from interlock_cli._deployment._deployment import deployment, deployment_options

_LONGEST_SECONDS = 30


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@deployment_options
def renew(path: Path, environment: str, endpoint_url: str | None) -> None:
    """Write the ids as a JSON list to the file. After an error the former list stays."""
    ids = sorted(deployment(environment, endpoint_url).store().pipelines())
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(ids), encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    if hasattr(signal, "alarm"):
        signal.alarm(_LONGEST_SECONDS)
    renew()
