"""Runs the server of a local stack: `python -m interlock_local.server`, with its settings in the environment.

GATEWAY_PORT is the port on loopback. LOCAL_STACK_HOME is the data directory, absent for a server without state.
LOCAL_STACK_COMPACTED_ABOVE is the size in bytes above which the running server compacts the journal.
AWS_SECRET_ACCESS_KEY is the secret that signs each request.
With AUTH=true the server behind also accepts the keys of roles for the AWS API.
"""

import logging
import os
import resource
from pathlib import Path
from typing import Any

import uvicorn
from ministack.app import app

from interlock_local.server._access import Access
from interlock_local.server._app import Kept, LocalServer
from interlock_local.server._expressions import install_expression_cache
from interlock_local.server._task_tokens import install_task_tokens

_COMPACTED_ABOVE = 64 * 1024 * 1024


def main() -> None:
    """Serve until SIGTERM."""
    port = int(os.environ["GATEWAY_PORT"])
    home = os.environ.get("LOCAL_STACK_HOME")
    kept = None
    if home is not None:
        kept = Kept(Path(home), compacted_above=int(os.environ.get("LOCAL_STACK_COMPACTED_ABOVE", _COMPACTED_ABOVE)))
        kept.prepare()
    access = Access(port, os.environ["AWS_SECRET_ACCESS_KEY"], has_roles=os.environ.get("AUTH") == "true")
    install_task_tokens()
    install_expression_cache()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard) if soft < hard else (soft, hard))
    server: Any = LocalServer(app, access, kept)
    config = uvicorn.Config(
        server,
        host=os.environ["BIND_HOST"],
        port=port,
        # Each choice is stated, since uvicorn takes the fastest parser and loop that it finds installed.
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    logging.getLogger("interlock_local").setLevel(logging.INFO)
    main()
