"""interlock try: tries a changed pipeline file on recorded dates, and prints what would have happened."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from interlock_cli._deployment._deployment import deployment, deployment_options
from interlock_cli._deployment._unknown import unknown_pipeline
from interlock_cli._output._console import CliError, console, print_json
from interlock_cli._output._form import Form, print_rows, row_output
from interlock_cli._output._times import NOW, Times, not_after
from interlock_cli._pipelines._files import read_files
from interlock_cli._trials._export import read_export
from interlock_cli._trials._try_lines import print_trial
from interlock_config import ConfigError, PipelineConfig, check, read_document
from interlock_lifecycle.trials import ASSUMPTIONS, WORDS, Change, Trial, TriedDate, try_dates
from interlock_sla import Calendar
from interlock_store import Store, read_records

_MONTH = "30d"
_COLUMNS = ("pipeline", "date", "change", "happened", "would", "unknown")


@click.command("try")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--since", default=_MONTH, show_default=True, metavar="TIME", help="Begin of the period.")
@click.option("--until", default=NOW, show_default="now", metavar="TIME", help="End of the period.")
@click.option("--export", metavar="DIR", help="Read an export of the tables instead of a deployment.")
@deployment_options
@row_output()
def try_(
    files: tuple[str, ...],
    since: str,
    until: str,
    export: str | None,
    environment: str,
    endpoint_url: str | None,
    form: Form,
) -> None:
    """Try a changed pipeline file on history, before it is pushed.

    FILE is the changed file of one pipeline, with files of its calendars if they change too. The recorded rows, joblog
    and events of each date of the period go through the decisions of the controller under this file. The result has for
    each date the events that happened, and those that would have happened. The command writes nothing.

    The events of evaluations keep the rows that they decided by. A row that no event kept is never guessed: an event
    that depends on it is marked as possible, and a date that depends on it is not known. The output lists what is taken
    as given, such as the length of jobs.

    TIME is a date, a time, or a length of time before now (36h, 7d). --export reads a folder with the rows of the
    tables control, joblog and events: control.jsonl or control/, and so on, as DynamoDB exports them to S3, or as
    `aws dynamodb scan` prints them.

    \b
    Examples:
      interlock try pipelines/gold-orders.yaml
      interlock try pipelines/gold-orders.yaml -e prod --since 90d
      interlock try gold-orders.yaml calendars/us.yaml --since 2026-02-01
      interlock try gold-orders.yaml --export exported/ --since 2026-02-01
      interlock try gold-orders.yaml -o jsonl | jq 'select(.change != "same")'
    """
    after, calendars = _read_files(files)
    now = datetime.now(UTC)
    store = read_export(export, after.id) if export is not None else deployment(environment, endpoint_url).store()
    stored = store.config(after.id)
    if not stored.exists:
        raise unknown_pipeline(store, after.id, environment if export is None else export)
    begin, end = _period(since, until, Times(now, after.zone))
    exclusions = after.exclusions(_checked(after, calendars, store, files[0]))
    trial = Trial(stored.config, after, exclusions, stored.created_at or begin, begin, min(end, now))
    tried = try_dates(trial, read_records(store, trial))
    if form is Form.TABLE:
        print_trial(console(), files[0], trial, tried, summary(tried))
    elif form is Form.JSON:
        period = {"since": trial.since.isoformat(), "until": trial.until.isoformat()}
        dates = [wire_date(one) for one in tried]
        answer = {"pipeline": after.id, **period, "summary": summary(tried), "assumptions": list(ASSUMPTIONS)}
        print_json({**answer, "dates": dates})
    else:
        print_rows(form, _COLUMNS, (wire_date(one) for one in tried))


def _read_files(paths: Iterable[str]) -> tuple[PipelineConfig, dict[str, Calendar]]:
    """The one pipeline of the files, and the calendars by name. Raises CliError for all problems at once."""
    gathered = read_files(paths)
    problems = [f"{place}: {reason}" for place, reason in gathered.unreadable.items()]
    pipelines: dict[str, PipelineConfig] = {}
    calendars: dict[str, Calendar] = {}
    for source, text in gathered.files.items():
        try:
            document = read_document(text, source)
        except ConfigError as error:
            problems += [str(problem) for problem in error.problems]
            continue
        if isinstance(document, PipelineConfig):
            pipelines[source] = document
        elif isinstance(document, Calendar):
            calendars[document.name] = document
    if not problems and len(pipelines) != 1:
        named = ", ".join(f"{source} ({config.id})" for source, config in pipelines.items()) or "none"
        problems.append(f"FILE: must have exactly one pipeline, and it has {named}")
    problems += [
        f"{source}: dryRun is true, and a dry run starts nothing; must be false for a trial"
        for source, config in pipelines.items()
        if config.dry_run
    ]
    if problems:
        raise CliError(*problems)
    (config,) = pipelines.values()
    return config, calendars


def _checked(
    config: PipelineConfig, given: Mapping[str, Calendar], store: Store, source: str
) -> Mapping[str, Calendar]:
    """The calendars that the config names: those of the files, else those of the deployment. Raises CliError."""
    calendars = {**store.calendars(name for name in config.calendar_names if name not in given), **given}
    errors = [str(one) for one in check(config, calendars, source) if one.severity == "error"]
    if errors:
        raise CliError(*errors)
    return calendars


def _period(since: str, until: str, times: Times) -> tuple[datetime, datetime]:
    begin, end = times.begin(since), times.end(until)
    problems = [
        f"{name} is {text!r}, {times.allowed}"
        for name, text, found in (("--since", since, begin), ("--until", until, end))
        if found is None
    ]
    if begin is not None and end is not None and begin > end:
        problems.append(f"--since is {since!r}, {not_after(until)}")
    if problems or begin is None or end is None:
        raise CliError(*problems)
    return begin, end


def summary(tried: Iterable[TriedDate]) -> dict[str, Any]:
    """The number of dates by their result, and for each word the number of dates that have it, then and now."""
    dates = list(tried)
    changes = Counter(one.change for one in dates)
    happened = Counter(word for one in dates for word in {WORDS[event.type] for event in one.happened})
    certain = Counter(word for one in dates for word in {WORDS[each.type] for each in one.would if each.is_certain})
    possible = Counter(
        word
        for one in dates
        for word in {WORDS[each.type] for each in one.would}
        - {WORDS[each.type] for each in one.would if each.is_certain}
    )
    words = [word for word in dict.fromkeys(WORDS.values()) if happened[word] or certain[word] or possible[word]]
    return {
        **{str(change): changes[change] for change in Change},
        "events": {
            word: {"happened": happened[word], "would": certain[word], "possible": possible[word]} for word in words
        },
    }


def wire_date(tried: TriedDate) -> dict[str, Any]:
    """A date as JSON. Times are in UTC."""
    return {
        "pipeline": tried.pipeline,
        "date": str(tried.date),
        "change": str(tried.change),
        "happened": [{"type": one.type, "at": one.at.isoformat(), "message": one.message} for one in tried.happened],
        "would": [
            {
                "type": one.type,
                "certain": one.is_certain,
                "earliest": one.earliest.isoformat(),
                "latest": one.latest.isoformat() if one.latest is not None else None,
                "message": one.message,
            }
            for one in tried.would
        ],
        "unknown": list(tried.unknown),
    }
