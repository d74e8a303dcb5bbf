"""Prepares a Lambda for a snapshot of SnapStart, and makes again what two restored environments must not share.

AWS initialises a published version once, takes a snapshot of its memory, and restores each execution environment from
it. Every restored environment begins with the same state of Python's random numbers. Connections and credentials of the
snapshot are dead or expired. AWS renews the entropy of the system, and with it `secrets`, `uuid4` and TLS.
"""

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterable
from importlib import import_module

from interlock_telemetry._instruments import drop_exporter

_OF_AWS = ("boto3", "botocore.config", "botocore.credentials", "botocore.session")
_OF_NETWORK = ("encodings.idna",)
"""Python imports it for the name of a host."""
_OF_TRACES = ("interlock_telemetry._otlp",)


def hook_snapshot(modules: Iterable[str], reset: Callable[[], None]) -> None:
    """Let AWS call `load` before the snapshot and `renew` after each restore.

    The managed runtime has the module of the hooks. Without it, the ImportError makes the publication of the version
    fail: a version whose environments share their random numbers must not go live.
    """
    from snapshot_restore_py import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        register_after_restore,
        register_before_snapshot,
    )

    register_before_snapshot(load, tuple(modules))
    register_after_restore(renew, reset)


def load(modules: Iterable[str]) -> None:
    """Import modules before the snapshot, so that no restored environment has to. It opens and reads no connection."""
    aws = _OF_AWS if importlib.util.find_spec("boto3") else ()
    traces = _OF_TRACES if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") and _has_sdk() else ()
    for name in (*_OF_NETWORK, *aws, *traces, *modules):
        import_module(name)


def _has_sdk() -> bool:
    return importlib.util.find_spec("opentelemetry") is not None


def renew(reset: Callable[[], None]) -> None:
    """Make the state of this environment its own. `reset` drops the objects that the first invocation makes again.

    They are the service with its clients, connections, credentials, secrets and cached configs, the exporter with its
    threads and the name of its instance, and the session of boto3 with its credentials.
    """
    random.seed()
    reset()
    drop_exporter()
    boto3 = sys.modules.get("boto3")
    if boto3 is not None:
        boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined]
