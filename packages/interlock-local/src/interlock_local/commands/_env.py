"""interlock env: prints the address and the key of a local stack as variables for other programs."""

import click

from interlock_local._terminal import Terminal
from interlock_local.commands._command import with_output, with_terminal
from interlock_local.commands._defaults import PORT


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Port of the AWS API.")
@with_output
@with_terminal
def env(terminal: Terminal, port: int, as_json: bool) -> None:
    """Print the address and the key of a running local stack as shell variables.

    The commands of `interlock` find the key by themselves. Other programs, such as the AWS CLI, need these variables.

    \b
    Examples:
      eval "$(interlock env)"
      interlock env --port 4600 --json
    """
    from interlock_local.keys import key_of_endpoint

    endpoint = f"http://127.0.0.1:{port}"
    key = key_of_endpoint(endpoint)
    if key is None:
        start = terminal.as_called("interlock up")
        raise terminal.error(f"this user runs no local stack at port {port}. Start it with `{start}`")
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_REGION": key.region,
        "AWS_DEFAULT_REGION": key.region,
    }
    if as_json:
        terminal.print_json(variables)
        return
    out = terminal.console()
    for name, value in variables.items():
        out.line(f"export {name}={value}")
