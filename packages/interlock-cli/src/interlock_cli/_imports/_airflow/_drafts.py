"""Drafts a pipeline for each DAG that has a counterpart."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from interlock_cli._imports._airflow._dag import Clock, Dag, Deadline, Naming, NoDraft, Schedule
from interlock_cli._imports._draft import Draft, Drafts, LeftOut, quoted, write_draft
from interlock_sla import Cron, CronError, TimeRangeError, ZoneError, cron_words, other_readings, parse_cron
from interlock_sla import zone as find_zone

URL, AUTHORIZATION = "INTERLOCK_AIRFLOW_URL", "INTERLOCK_AIRFLOW_AUTHORIZATION"
"""The variables of a draft's job, which the orchestrator needs."""

_LONGEST_ID = 64
_MOST_OPEN = 10_000
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_POLLED = timedelta(minutes=1), _DAY

_STILL_STARTS = (
    "Airflow goes on to start each DAG. Write schedule=None in the DAG when its pipeline goes live, or both start it. "
    "A paused DAG runs nothing: its runs stay queued."
)
_VARIABLES = (
    f"The jobs read {AUTHORIZATION}, the value of the header Authorization,{{url}} from the variables of the "
    "orchestrator. A job whose variable is missing does not start. ${{secret:NAME}} names a secret in its place."
)
_AND_URL = f" and {URL}, the address of Airflow,"
_NO_LOOK = "The rule below holds each run until a row of its sensor exists: name the real sensor and its rules."
_AS_CALLED = "Airflow starts a run at its time, whether its data is there or not."
_BY_ASSET = (
    "Airflow starts a run when its assets are updated, and such a run has no date. Write a row with a date for each "
    "update: `interlock sensor put`, or interlock-sensors in the task that updates the asset."
)
_UTC_DAY = "The ds of Airflow is the day in UTC. The date of a run here is the day in {zone}."
_BY_SETTING = (
    "Airflow 3 names a run by its fire, as Interlock does. Airflow 2, and Airflow 3 with create_cron_data_intervals, "
    "name it by the fire before."
)


def drafts_of_dags(dags: Sequence[Dag], *, url: str | None, zone: str | None, owner: str | None) -> Drafts:
    """One draft for each DAG that has a counterpart.

    url: the address of Airflow, for the jobs. None leaves a variable in its place. zone: the zone of DAGs that name
    none. owner: the owner of the pipelines, in place of those of the DAGs. If DAGs have one id, the first has a draft.
    """
    drafts: list[Draft] = []
    left_out: list[LeftOut] = []
    known: dict[str, str] = {}
    taken = {dag.id for dag in dags if len(dag.id) <= _LONGEST_ID}
    for dag in dags:
        try:
            if dag.id in known:
                raise NoDraft(f"{known[dag.id]} has a DAG of the same id")
            if dag.id:
                known[dag.id] = dag.source
            drafts.append(_draft(dag, _pipeline_id(dag.id, taken), url, zone, owner))
        except NoDraft as reason:
            left_out.append(LeftOut(dag.source, dag.text, str(reason)))
    if not drafts:
        return Drafts((), tuple(left_out), ())
    variables = _VARIABLES.format(url=_AND_URL if url is None else "")
    return Drafts(tuple(drafts), tuple(left_out), (_STILL_STARTS, variables))


def _pipeline_id(dag_id: str, taken: set[str]) -> str:
    """The id of a pipeline: that of the DAG, or its begin with a number if it is too long. `taken` grows by it."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", dag_id)
    if safe == dag_id and len(dag_id) <= _LONGEST_ID:
        return dag_id
    number, found = 1, safe[:_LONGEST_ID]
    while found in taken:
        number += 1
        found = f"{safe[: _LONGEST_ID - len(str(number)) - 1]}-{number}"
    taken.add(found)
    return found


def _draft(dag: Dag, identifier: str, url: str | None, zone: str | None, owner: str | None) -> Draft:
    if dag.schedule is None:
        raise NoDraft(dag.problem)
    named = _zone_of(dag, zone)
    if dag.schedule.assets:
        words, schedule, notes, sla = _by_assets(dag, dag.schedule, identifier)
    else:
        words, schedule, notes, sla = _by_cron(dag, dag.schedule, named, identifier)
    all_notes = (*_id_note(dag, identifier), *notes, *dag.schedule.notes, *dag.notes, _NO_LOOK)
    by = owner or dag.owner
    body = _BODY.format(
        id=quoted(identifier),
        owner=f"\n  owner: {quoted(by)}" if by else "",
        description=f"\n  description: {quoted(dag.description)}" if dag.description else "",
        schedule=schedule,
        zone=quoted(named),
        open=f"\n  maxOpenDates: {dag.max_runs}" if dag.max_runs and 0 < dag.max_runs <= _MOST_OPEN else "",
        sla=sla,
        url=quoted(url or f"${{{URL}}}"),
        dag=quoted(dag.id),
        authorization=quoted(f"${{{AUTHORIZATION}}}"),
        retries=f": {dag.retries} for each of its tasks, unless a task names another number" if dag.retries else "",
        followed=_followed(dag),
    )
    header = (f"Draft from the DAG {dag.id} of Airflow: {dag.source}.", f"It {words}.")
    draft = Draft(
        id=identifier,
        source=dag.source,
        words=words,
        notes=tuple(dict.fromkeys(all_notes)),
        text=write_draft(header, dict.fromkeys(all_notes), body),
    )
    if draft.problem:
        raise NoDraft(draft.problem.partition(": ")[2])
    return draft


def _id_note(dag: Dag, identifier: str) -> Iterator[str]:
    if identifier != dag.id:
        yield f"The id of the DAG has {len(dag.id)} characters. The id of a pipeline has at most {_LONGEST_ID}."


def _zone_of(dag: Dag, zone: str | None) -> str:
    found = dag.zone or zone
    if found is None and dag.schedule is not None and dag.schedule.assets:
        # Rows of assets name their dates, so the zone decides nothing else.
        found = "UTC"
    if found is None:
        raise NoDraft(f"{dag.zone_problem or 'its zone is not known'}: name the default zone of Airflow with --zone")
    try:
        find_zone(found)
    except ZoneError as error:
        raise NoDraft(str(error)) from None
    return found


def _by_cron(dag: Dag, schedule: Schedule, zone: str, identifier: str) -> tuple[str, str, Iterable[str], str]:
    try:
        cron = parse_cron(schedule.cron)
        words = f"fires {cron_words(cron)}, {zone}"
    except CronError as error:
        raise NoDraft(str(error)) from None
    sla, late = _deadline(cron, schedule.naming, dag.deadlines)
    notes = (
        *_naming(cron, schedule.naming, zone),
        *(f"{schedule.cron} {phrase}." for phrase in other_readings(cron)),
        _AS_CALLED,
        *late,
    )
    rule = f"    - {{key: {quoted(f'{identifier[:50]}-input')}, check: exists}}"
    return words, f"cron: {quoted(schedule.cron)}", notes, f"{sla}\nvalidation:\n  rules:\n{rule}"


def _by_assets(dag: Dag, schedule: Schedule, identifier: str) -> tuple[str, str, Iterable[str], str]:
    keys = dict(zip(schedule.assets, _sensor_keys(schedule.assets), strict=True))
    first = next(iter(keys.values()))
    one_of = schedule.any_of and len(keys) > 1
    trigger = f"{identifier[:50]}-input" if one_of else first
    notes = [_BY_ASSET, *(f"The asset {name} is the sensor {key}." for name, key in keys.items() if name != key)]
    if one_of:
        notes.append(
            f"A pipeline has one trigger. Write a row of {trigger} with each update of any asset: it opens the run."
        )
    elif len(keys) > 1:
        notes.append(
            f"A row of {first} opens the run. The other rows must come within schedule.evaluation.window, which is an "
            "hour unless it is set."
        )
    sla, late = _relative_deadline(dag.deadlines)
    mode = "\n  trigger: ANY" if one_of else ""
    rules = "\n".join(f"    - {{key: {quoted(key)}, check: exists}}" for key in keys.values())
    words = f"starts on rows of {' or '.join(keys.values()) if one_of else ' and '.join(keys.values())}"
    return (
        words,
        f"trigger: {{key: {quoted(trigger)}, check: exists}}",
        (*notes, *late),
        f"{sla}\nvalidation:{mode}\n  rules:\n{rules}",
    )


def _sensor_keys(names: Iterable[str]) -> Iterator[str]:
    """A sensor key for each asset: `s3://lake/orders` becomes `asset-s3-lake-orders`."""
    taken: set[str] = set()
    for name in names:
        stem = "asset-" + re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-")
        found, number = stem, 1
        while found in taken:
            number += 1
            found = f"{stem}-{number}"
        taken.add(found)
        yield found


def _naming(cron: Cron, naming: Naming, zone: str) -> Iterator[str]:
    """The difference between the date of a run here and its logical date, with an example."""
    if naming is Naming.SETTING:
        yield _BY_SETTING
    if naming is not Naming.FIRE:
        yield from _example(cron, find_zone(zone))
    if zone != "UTC" and not cron.is_hourly:
        yield _UTC_DAY.format(zone=zone)


_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def _example(cron: Cron, zone: ZoneInfo) -> Iterator[str]:
    try:
        first = cron.next_fire(_MONDAY, zone)
        second = cron.next_fire(first, zone)
    except TimeRangeError:
        return
    yield (
        f"By the begin of its data interval, the run that is due at {second.astimezone(zone):%Y-%m-%d %H:%M} has the "
        f"logical date {first.astimezone(zone):%Y-%m-%d %H:%M}. Here it is {cron.execution_date(second, zone)}."
    )


def _deadline(cron: Cron, naming: Naming, deadlines: Sequence[Deadline]) -> tuple[str, list[str]]:
    """The `sla` of a cron, and notes about deadlines that it does not have. The earliest deadline is the one."""
    moments: list[tuple[timedelta, str]] = []
    notes: list[str] = []
    for one in deadlines:
        after = _after_fire(cron, naming, one)
        text = None if after is None else _clock_text(cron, after)
        if after is None or text is None:
            notes.append(f"The deadline {one.after} after the {_CLOCKS[one.clock]} has no counterpart for this cron.")
        else:
            moments.append((after, text))
        if one.clock is Clock.QUEUED:
            notes.append("Airflow counts the deadline from the queueing of the run. Interlock counts from the fire.")
    if not moments:
        return "", notes
    moments.sort()
    notes += [f"The deadline {after} after the fire is left out: a pipeline has one." for after, _ in moments[1:]]
    return _SLA.format(key="deadline", value=moments[0][1]), notes


_CLOCKS = {Clock.FIRE: "fire", Clock.LOGICAL_DATE: "logical date", Clock.QUEUED: "queueing"}


def _after_fire(cron: Cron, naming: Naming, deadline: Deadline) -> timedelta | None:
    """The length of time from the fire to the deadline. None if it differs from fire to fire."""
    if deadline.clock is not Clock.LOGICAL_DATE or naming is not Naming.INTERVAL:
        return deadline.after
    fields = cron.text.split()
    if fields[2:] != ["*", "*", "*"]:
        return None
    if cron.fires_per_day_max == 1:
        return deadline.after - _DAY
    return deadline.after - _HOUR if fields[1] == "*" and not cron.is_finer_than_hourly else None


def _clock_text(cron: Cron, after: timedelta) -> str | None:
    """The deadline as a clock time. None if `sla.deadline` cannot express it."""
    if not _MINUTE <= after < _DAY or cron.is_finer_than_hourly:
        return None
    fire = cron.fields.times[0]
    minutes = fire + after // _MINUTE
    if not cron.is_hourly:
        return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
    # The hour of a run ends before its deadline.
    passed = fire % 60 + after // _MINUTE
    return f":{passed % 60:02}" if 60 <= passed < 120 else None


def _relative_deadline(deadlines: Sequence[Deadline]) -> tuple[str, list[str]]:
    """The `sla` of a run that sensors open."""
    counted = sorted(one.after for one in deadlines if one.clock is Clock.QUEUED and _MINUTE <= one.after <= _DAY)
    notes = [
        f"The deadline {one.after} after the {_CLOCKS[one.clock]} has no counterpart."
        for one in deadlines
        if one.clock is not Clock.QUEUED or not _MINUTE <= one.after <= _DAY
    ]
    if not counted:
        return "", notes
    notes.append("Airflow counts the deadline from the queueing of the run. Interlock counts from the first row.")
    return _SLA.format(key="maxDuration", value=f"{counted[0] // _MINUTE}m"), notes


def _followed(dag: Dag) -> str:
    if dag.timeout is None:
        return "# jobPollWindowSeconds: 3600 is the default. Raise it for a DAG that runs longer than an hour."
    least, most = _POLLED
    seconds = int(min(max(dag.timeout, least), most).total_seconds())
    return f"jobPollWindowSeconds: {seconds} # dagrun_timeout: {dag.timeout}"


_SLA = '\nsla:\n  {key}: "{value}"\n  # expectedDuration: 20m would warn this long before the deadline.'
_BODY = """
pipeline:
  id: {id}{owner}{description}
schedule:
  {schedule}
  timezone: {zone}{open}{sla}
job:
  type: airflow
  config:
    url: {url}
    dagID: {dag}
    headers: {{Authorization: {authorization}}}
  # Airflow retries the tasks of a run by itself{retries}.
  maxRetries: 0
  maxCodeRetries: 0
  {followed}
"""
