"""Drafts pipelines from the manifest of a dbt project: one for each source with tables that have a freshness."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from interlock_cli._imports._draft import Draft, Drafts, LeftOut, ids_from, quoted, write_draft
from interlock_sla import cron_words, parse_cron

_HOURS = {"minute": "m", "hour": "h", "day": "h"}
_SCHEDULE = "A manifest has no schedule. The cron is that of --cron."
_WARNING = "dbt warns before its error_after. A rule has one limit, and no run starts beyond it."
_ROWS = (
    "The rows come from the artifacts of dbt: run `dbt source freshness`, then `python -m interlock_sensors.dbt target "
    "--environment ENV --pipeline ID --date DATE` of the package interlock-sensors."
)


class ManifestError(ValueError):
    """A document that is no manifest of dbt."""


class _Table(Struct, frozen=True):
    """A source table, and its limit: the text of a duration, or "" without one."""

    source: str
    name: str
    limit: str
    has_warning: bool
    owner: str
    description: str


def drafts_of_dbt(manifest: object, *, cron: str, zone: str, owner: str | None) -> Drafts:
    """One draft for each source of a manifest. `cron` and `zone` are valid. Raises ManifestError.

    A table without a freshness has no rule. A source without a rule has no draft.
    """
    tables = sorted(_tables(manifest), key=lambda table: (table.source, table.name))
    sources = [(name, list(found)) for name, found in groupby(tables, key=lambda table: table.source)]
    known = [(name, [table for table in found if table.limit]) for name, found in sources]
    left_out = [LeftOut(f"source {name}", name, "no table has a freshness") for name, found in known if not found]
    left_out += [
        LeftOut(f"table {table.name}", f"{name}.{table.name}", "it has no freshness, so it has no rule")
        for name, found in sources
        for table in found
        if not table.limit and any(one.limit for one in found)
    ]
    drafted = [(name, found) for name, found in known if found]
    ids = ids_from(f"dbt-{name}" for name, _ in drafted)
    named = zip(ids, drafted, strict=True)
    drafts = tuple(_draft(identifier, found, cron, zone, owner) for identifier, (_, found) in named)
    return Drafts(drafts, tuple(left_out), (_ROWS,) if drafts else ())


def _draft(identifier: str, tables: Sequence[_Table], cron: str, zone: str, owner: str | None) -> Draft:
    source = tables[0].source
    words = cron_words(parse_cron(cron))
    notes = (_SCHEDULE, *((_WARNING,) if any(table.has_warning for table in tables) else ()))
    named = owner or next((table.owner for table in tables if table.owner), "")
    description = next((table.description for table in tables if table.description), "")
    rules = "\n".join(_RULE.format(key=quoted(f"dbt.{source}.{table.name}"), limit=table.limit) for table in tables)
    body = _BODY.format(
        id=quoted(identifier),
        owner=f"\n  owner: {quoted(named)}" if named else "",
        description=f"\n  description: {quoted(description)}" if description else "",
        cron=quoted(cron),
        zone=quoted(zone),
        rules=rules,
        command=quoted(f"dbt build --select source:{source}+"),
    )
    header = (f"Draft from the source {source} of a dbt manifest.", f"It fires {words}, {zone}.")
    return Draft(
        id=identifier, source=f"source {source}", words=words, notes=notes, text=write_draft(header, notes, body)
    )


def _tables(manifest: object) -> Iterator[_Table]:
    sources = manifest.get("sources") if isinstance(manifest, dict) else None
    if not isinstance(sources, dict):
        raise ManifestError("has no sources: is it the manifest.json of a target folder of dbt?")
    for name, source in sources.items():
        if not isinstance(source, dict) or not all(isinstance(source.get(key), str) for key in ("source_name", "name")):
            raise ManifestError(f"sources.{name}: has no source_name and name")
        freshness = source.get("freshness")
        limits = freshness if isinstance(freshness, dict) else {}
        error, warning = (_duration(limits.get(key)) for key in ("error_after", "warn_after"))
        meta = source.get("meta")
        yield _Table(
            source["source_name"],
            source["name"],
            error or warning,
            bool(error and warning),
            str(meta.get("owner") or "") if isinstance(meta, dict) else "",
            str(source.get("source_description") or ""),
        )


def _duration(limit: Any) -> str:
    """A limit of dbt, such as {"count": 1, "period": "day"}, as a duration. dbt writes an absent limit with nulls."""
    count, period = (limit.get("count"), limit.get("period")) if isinstance(limit, Mapping) else (None, None)
    if not isinstance(count, int) or isinstance(count, bool) or count <= 0 or period not in _HOURS:
        return ""
    return f"{count * 24 if period == 'day' else count}{_HOURS[period]}"


_RULE = "    - {{key: {key}, check: age_lt, field: maxLoadedAt, value: {limit}}}"
_BODY = """
pipeline:
  id: {id}{owner}{description}
schedule:
  cron: {cron}
  timezone: {zone}
# dbt has no deadlines.
# sla: {{deadline: "08:00", expectedDuration: 20m}}
validation:
  rules:
{rules}
job:
  # On AWS, choose the job type that runs dbt there: a command runs within the orchestrator, for at most five minutes.
  type: command
  config: {{command: {command}}}
"""
