"""interlock build: builds the Lambda zips of this checkout."""

from pathlib import Path

import click

from interlock_local import find_checkout
from interlock_local._services import SERVICES
from interlock_local._terminal import Terminal
from interlock_local.commands._command import with_output, with_terminal


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...", type=click.Choice(SERVICES))
@click.option(
    "--platform",
    type=click.Choice(["host", "arm64", "amd64"]),
    default="arm64",
    show_default=True,
    help="Platform of the functions. host is this machine.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    help="Folder of the zips.",
)
@click.option("--with-boto", is_flag=True, help="Also pack boto3. Lambda's runtime has its own.")
@click.option("--telemetry", is_flag=True, help="Also pack the exporter of traces and metrics (OTLP over HTTP).")
@with_output
@with_terminal
def build(
    terminal: Terminal,
    services: tuple[str, ...],
    platform: str,
    out: Path,
    with_boto: bool,
    telemetry: bool,
    as_json: bool,
) -> None:
    """Build the Lambda zips of these services, by default all six.

    The hash of each zip is in ZIP.sha256, as sha256sum writes it. An unchanged zip is not built again.

    \b
    Examples:
      interlock build --platform arm64 --out dist
      interlock build watchdog
      interlock build --platform host --telemetry
    """
    from interlock_local.zips import Target, build_zips

    target = Target.host() if platform == "host" else Target.aws(platform)
    out_lines = terminal.console()
    say = (lambda line: None) if as_json else terminal.progress(out_lines)
    zips = build_zips(
        find_checkout(),
        target,
        services=services or SERVICES,
        out=out,
        with_boto=with_boto,
        with_telemetry=telemetry,
        progress=say,
    )
    if as_json:
        terminal.print_json({service: _facts(path) for service, path in zips.items()})
        return
    shown = terminal.table("service", "zip", "size")
    for service, path in zips.items():
        shown.add_row(service, str(path), f"{path.stat().st_size / 1e6:.2f} MB")
    out_lines.table(shown)


def _facts(path: Path) -> dict[str, str | int]:
    digest = path.with_suffix(".zip.sha256").read_text().split()[0]
    return {"path": str(path), "bytes": path.stat().st_size, "sha256": digest}
