"""interlock web: serves the page of a deployment, or writes it as static files. An entry point of `interlock`."""

import signal
import tempfile
from pathlib import Path
from typing import Any, Protocol

import click

from interlock_web._defaults import DEFAULT_HOST, DEFAULT_PORT, LOCAL, LOCAL_ENDPOINT, MOST_DAYS

__all__ = ["Deployment", "Output", "Terminal", "web"]


class Output(Protocol):
    """A stream of lines for a person."""

    def line(self, *parts: Any) -> None:
        """Print the parts as one line. Control characters are escaped."""
        ...


class Deployment(Protocol):
    """A deployment that `--environment` and `--endpoint-url` name.

    environment: its name. endpoint_url: the address of its AWS API, None for AWS itself.
    """

    environment: str
    endpoint_url: str | None

    def store(self) -> Any:
        """Its tables. Raises an error for the user if a local endpoint does not answer."""
        ...

    def client(self, service: str) -> Any:
        """A boto3 client for one of its services."""
        ...


class Terminal(Protocol):
    """The output, the errors and the deployments of `interlock`: the context object of each command."""

    def console(self) -> Output:
        """Standard output."""
        ...

    def print_json(self, value: Any) -> None:
        """Print one JSON document."""
        ...

    def as_called(self, text: str) -> str:
        """The text, with each `interlock COMMAND` in it as this process was called, such as `uv run interlock`."""
        ...

    def error(self, message: str) -> Exception:
        """The exception that ends the command with this message and exit code 2."""
        ...

    def deployment(self, environment: str | None, endpoint_url: str | None) -> Deployment:
        """The deployment that the options name. None: the default environment."""
        ...


def _keep(context: click.Context, option: click.Parameter, value: str | None) -> None:
    """Keep the value for `Terminal.deployment`."""
    context.meta[f"interlock.{option.name}"] = value


@click.command()
@click.option(
    "--environment",
    "-e",
    envvar="INTERLOCK_ENVIRONMENT",
    metavar="NAME",
    help=f"Name of the deployment, the first part of its tables' names. Default: that of interlock.toml, else {LOCAL}.",
)
@click.option(
    "--endpoint-url",
    envvar="AWS_ENDPOINT_URL",
    metavar="URL",
    help=f"Address of the AWS API. Default: {LOCAL_ENDPOINT} for the environment `{LOCAL}`, else AWS.",
)
@click.option("--profile", metavar="NAME", expose_value=False, callback=_keep, help="Profile of the AWS configuration.")
@click.option(
    "--region",
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    metavar="NAME",
    expose_value=False,
    callback=_keep,
    help="Region of the deployment.",
)
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to serve the page at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="Port. 0: any free port."
)
@click.option(
    "--export",
    "target",
    metavar="DIR|s3://…",
    help="Write the pages as static files into this folder or bucket, and serve nothing.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=14,
    show_default=True,
    help="Days of an exported overview.",
)
@click.option("--output", "-o", "form", type=click.Choice(["table", "json"]), help="Form of an export's result.")
@click.option("--json", "as_json", is_flag=True, help="The same as --output json.")
@click.pass_context
def web(
    context: click.Context,
    environment: str | None,
    endpoint_url: str | None,
    host: str,
    port: int,
    target: str | None,
    days: int,
    form: str | None,
    as_json: bool,
) -> None:
    """Show pipelines and dates on a page, until Ctrl-C or SIGTERM.

    The page reads the tables and writes nothing. It has no login: at an address that others reach, put a proxy with a
    login in front of it. Sensor values, reasons and configs without their secrets are on it.

    With --export the pages become files: the overview, its days, each pipeline, and each date that is not simply
    completed. An earlier export in the folder is replaced at once. A bucket gets the overview last.

    \b
    Examples:
      interlock web
      interlock web -e prod --port 8080
      interlock web -e prod --export ./pages --days 30
      interlock web -e prod --export s3://reports/interlock
    """
    from interlock_store import DynamoTables, TableNames
    from interlock_web import NoDays, PageServer, Reader, WebError
    from interlock_web._server import is_loopback

    if as_json and form == "table":
        raise click.UsageError("--output table and --json exclude each other: --json is --output json.")
    terminal: Terminal = context.obj
    where = terminal.deployment(environment, endpoint_url)
    named = where.environment
    # The first reads find an endpoint or a table that is away, before the page does.
    where.store().ping()
    reader = Reader(DynamoTables(where.client("dynamodb")), TableNames.of_environment(named))
    try:
        reader.check()
    except NoDays as error:
        raise terminal.error(terminal.as_called(str(error))) from None
    region = None if where.endpoint_url is not None else where.client("dynamodb").meta.region_name
    if target is not None:
        _export(terminal, where, reader, region, target, days, as_json=as_json or form == "json")
        return
    try:
        # Readers at other machines call `interlock` in their own way.
        program = terminal.as_called("interlock up").removesuffix(" up") if is_loopback(host) else "interlock"
        server = PageServer(
            reader, named, region=region, host=host, port=port, program=program, endpoint_url=where.endpoint_url
        )
    except WebError as error:
        raise terminal.error(str(error)) from None
    out = terminal.console()
    out.line("Interlock's page is at ", ("bold", server.url), ". Ctrl-C stops it")
    # The SIGTERM of a service manager ends the page like Ctrl-C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.run()
    except KeyboardInterrupt:
        out.line("stopped")
    finally:
        signal.signal(signal.SIGTERM, before)


def _export(
    terminal: Terminal, where: Deployment, reader: Any, region: str | None, target: str, days: int, *, as_json: bool
) -> None:
    from interlock_web._bucket import check_bucket, read_bucket, upload
    from interlock_web._export import NotReplaced, export_pages

    out, environment = terminal.console(), where.environment
    say = (lambda _: None) if as_json else out.line
    try:
        bucket = read_bucket(target)
        if bucket is None:
            done = export_pages(reader, environment, Path(target), days=days, region=region, say=say)
        else:
            client = where.client("s3")
            earlier = check_bucket(client, bucket)
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch) / "pages"
                done = export_pages(reader, environment, folder, days=days, region=region, say=say)
                upload(client, folder, bucket, earlier)
    except (NotReplaced, ValueError) as error:
        raise terminal.error(f"--export: {error}") from None
    except OSError as error:
        raise terminal.error(f"--export: {target} cannot be written: {error.strerror or error}") from None
    finally:
        reader.close()
    if as_json:
        terminal.print_json({"target": target, **{name: getattr(done, name) for name in done.__struct_fields__}})
    else:
        counts = f"{_counted(done.days, 'day')}, {_counted(done.pipelines, 'pipeline')}, {_counted(done.runs, 'date')}"
        out.line(f"{_counted(done.files, 'file')} in {target}: {counts}. Open index.html")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
