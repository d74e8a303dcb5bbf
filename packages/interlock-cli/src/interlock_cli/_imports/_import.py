"""interlock import: drafts a pipeline file for each job of another scheduler."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from interlock_cli._imports import (
    CrontabForm,
    Drafts,
    ManifestError,
    drafts_of_crontab,
    drafts_of_dags,
    drafts_of_dbt,
)
from interlock_cli._imports._dag_sources import read_dags
from interlock_cli._output._console import console, print_json
from interlock_cli._output._errors import CliError
from interlock_cli._output._form import result_output
from interlock_sla import CronError, ZoneError, parse_cron
from interlock_sla import zone as find_zone

_MOST_BYTES = 1_000_000
_MOST_MANIFEST = 500_000_000
"""Manifests of large projects have many megabytes."""


def _draft_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--owner", metavar="NAME", help="Owner of the pipelines."),
        click.option(
            "--folder",
            default="pipelines",
            show_default=True,
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder of the files.",
        ),
        click.option("--dry-run", "dry_run", is_flag=True, help="Print the files, and write nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group("import")
def import_() -> None:
    """Draft pipeline files from the schedules of other programs.

    A draft is valid, and holds its runs until a row of its sensor exists. Its comments name the differences from the
    old schedule. Review it, name the real sensor and rules, then validate and push it.
    """


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--zone", metavar="ZONE", help="Time zone of the machine, for lines without a CRON_TZ above them.")
@click.option("--system", is_flag=True, help="Each line names a user, as in /etc/crontab and /etc/cron.d.")
@_draft_options
@result_output
def crontab(
    file: Path, zone: str | None, system: bool, owner: str | None, folder: Path, dry_run: bool, as_json: bool
) -> None:
    """Draft a pipeline file for each line of a crontab.

    A crontab does not name the zone of its machine, so --zone is needed unless CRON_TZ is set in it. An existing file
    is never replaced. Lines without a counterpart are listed, and the exit code is then 1.

    \b
    Examples:
      interlock import crontab jobs.cron --zone UTC --owner data-platform
      interlock import crontab /etc/crontab --system --zone UTC --dry-run
    """
    if zone is not None:
        _check("--zone", zone, find_zone)
    form = CrontabForm.SYSTEM if system else CrontabForm.USER
    _finish(drafts_of_crontab(_text_of(file), zone=zone, form=form, owner=owner), file, folder, dry_run, as_json)


@import_.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cron", required=True, metavar="CRON", help="Schedule of the pipelines. A manifest has none.")
@click.option("--zone", default="UTC", show_default=True, metavar="ZONE", help="Time zone of the schedule.")
@_draft_options
@result_output
def dbt(manifest: Path, cron: str, zone: str, owner: str | None, folder: Path, dry_run: bool, as_json: bool) -> None:
    """Draft a pipeline file for each source of a dbt project whose tables have a freshness.

    MANIFEST is target/manifest.json. Each table has a rule: its newest row is younger than its error_after, or its
    warn_after. The rows come from interlock-sensors. Sources and tables without a freshness are listed, and the exit
    code is then 1. The owner is --owner, or `owner` in the meta of the source.

    \b
    Examples:
      interlock import dbt target/manifest.json --cron "0 6 * * *" --zone UTC
      interlock import dbt target/manifest.json --cron "0 6 * * *" --dry-run
    """
    _check("--zone", zone, find_zone)
    _check("--cron", cron, parse_cron)
    try:
        document = msgspec.json.decode(_text_of(manifest, _MOST_MANIFEST))
        found = drafts_of_dbt(document, cron=cron, zone=zone, owner=owner)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CliError(f"{manifest} is not JSON: {error}") from None
    except ManifestError as error:
        raise CliError(f"{manifest}: {error}") from None
    _finish(found, manifest, folder, dry_run, as_json)


@import_.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--url", metavar="URL", help="Address of Airflow for the jobs of the drafts, if SOURCE names files.")
@click.option("--zone", metavar="ZONE", help="Default zone of Airflow, for DAGs that name none.")
@_draft_options
@result_output
def airflow(
    sources: tuple[str, ...],
    url: str | None,
    zone: str | None,
    owner: str | None,
    folder: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Draft a pipeline file for each DAG of Airflow.

    SOURCE is DAG files and folders, or the address of an Airflow 3, whose API is read. DAG files are parsed and never
    executed. A value that a file does not state is listed, and not guessed. DAGs without a counterpart are listed, and
    the exit code is then 1. The variable INTERLOCK_AIRFLOW_AUTHORIZATION has the value of the header Authorization for
    the API. The jobs of the drafts read it too.

    \b
    Examples:
      interlock import airflow dags/ --zone UTC --url https://airflow.example.com
      interlock import airflow https://airflow.example.com --dry-run
    """
    problems = [] if zone is None else list(_problems("--zone", zone, find_zone))
    found = read_dags(sources, url, zone, problems)
    drafts = drafts_of_dags(found.dags, url=found.url, zone=zone, owner=owner)
    named = ", ".join(sources)
    _finish(msgspec.structs.replace(drafts, notes=(*drafts.notes, *found.notes)), named, folder, dry_run, as_json)


def _check(name: str, value: str, read: Callable[[str], object]) -> None:
    if problems := list(_problems(name, value, read)):
        raise CliError(*problems)


def _problems(name: str, value: str, read: Callable[[str], object]) -> Iterator[str]:
    try:
        read(value)
    except (ZoneError, CronError) as error:
        yield f"{name} is {value!r}: {error.allowed}"


def _text_of(file: Path, most: int = _MOST_BYTES) -> str:
    try:
        if file.stat().st_size > most:
            raise CliError(f"{file} has more than {most:,} bytes")
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from None


def _finish(found: Drafts, file: Path | str, folder: Path, dry_run: bool, as_json: bool) -> None:
    """Write the files and print the result. The exit code is 1 if a job has no draft."""
    paths = [folder / f"{draft.id}.yaml" for draft in found.drafts]
    if not dry_run:
        _write(paths, [draft.text for draft in found.drafts])
    if as_json:
        print_json(_wire(found, paths, dry_run))
    else:
        _print(found, file, paths, dry_run)
    click.get_current_context().exit(1 if found.left_out else 0)


def _write(paths: Sequence[Path], texts: Sequence[str]) -> None:
    """Write all files. An existing one is an error before any is written."""
    known = [path for path in paths if path.exists()]
    if known:
        raise CliError(*(f"{path} exists already, and is not replaced" for path in known))
    for path, text in zip(paths, texts, strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as written:
                written.write(text)
        except OSError as error:
            raise CliError(f"{error.filename or path} cannot be written: {error.strerror}") from None


def _wire(found: Drafts, paths: Sequence[Path], dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "drafts": [
            {
                "pipeline": draft.id,
                "source": draft.source,
                "path": str(path),
                "schedule": draft.words,
                "differences": list(draft.notes),
                **({"text": draft.text} if dry_run else {}),
            }
            for draft, path in zip(found.drafts, paths, strict=True)
        ],
        "left_out": [{"source": one.source, "text": one.text, "reason": one.reason} for one in found.left_out],
        "notes": list(found.notes),
    }


def _print(found: Drafts, file: Path | str, paths: Sequence[Path], dry_run: bool) -> None:
    out = console()
    for draft, path in zip(found.drafts, paths, strict=True):
        if dry_run:
            out.line(("bold", f"--- {path}"))
            for line in draft.text.splitlines():
                out.line(line)
        else:
            out.line(("green", "written"), f" {path}")
            out.line(("dim", f"        {draft.source}: {draft.words}; {len(draft.notes)} differences"))
    for one in found.left_out:
        out.line(("yellow", "left out"), f" {one.source}: {one.text}")
        out.line(("dim", f"         {one.reason}"))
    for note in found.notes:
        out.line(f"note: {note}")
    drafts, others = len(found.drafts), len(found.left_out)
    out.line(f"{file}: {drafts} draft{'' if drafts == 1 else 's'}, {others} left out")
