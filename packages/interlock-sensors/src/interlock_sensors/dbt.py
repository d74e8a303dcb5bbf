"""Reports the artifacts of dbt as sensor rows: the freshness of sources, and the result of a build.

`python -m interlock_sensors.dbt TARGET …` is the command (README, section dbt). It reads manifest.json, sources.json
and run_results.json of a target folder of dbt-core 1.7 and newer. It imports nothing of dbt.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from ._command import run
from ._rows import InvalidRow, Reading
from ._sensors import Sensors

TYPE_CHECKING = False  # the module typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_FRESH = ("pass", "warn")
_GOOD = ("success", "pass", "warn", "no-op")
_MOST_NAMED = 20


class InvalidArtifact(ValueError):
    """A file is no artifact of dbt that this module can read."""


def freshness_readings(
    pipeline: str, manifest: Mapping[str, Any], sources: Mapping[str, Any], *, date: Any, hour: Any = None
) -> list[Reading]:
    """One reading per source with a freshness in the manifest: `dbt.<source>.<table>`.

    Fields: `status` (pass, warn, error or missing), `fresh` (whether the status is pass or warn), `maxLoadedAt` (the
    time of its newest row) and `snapshottedAt`. A source is missing if sources.json has no result for it: dbt leaves
    out a source whose query failed. `maxLoadedAt` is absent then, and for an empty table. Raises InvalidArtifact.
    """
    results = _by_id(sources, "sources.json")
    found = []
    for name, source in sorted(_mapping(manifest, "sources", "manifest.json").items()):
        if has_freshness(source):
            key, fields = f"dbt.{source['source_name']}.{source['name']}", _freshness(results.get(name))
            found.append(Reading(pipeline, key, date=date, hour=hour, **fields))
    return found


def build_reading(pipeline: str, results: Mapping[str, Any], *, date: Any, hour: Any = None) -> Reading:
    """The reading `dbt.build` of run_results.json: `success`, the number of nodes by status, and the failed nodes.

    `success` is true if there is a node, and each has one of the statuses success, pass, warn and no-op. A status that
    is not known here is no success. Raises InvalidArtifact.
    """
    found = _by_id(results, "run_results.json")
    statuses = [str(result.get("status")) for result in found.values()]
    bad = sorted(name for name, result in found.items() if result.get("status") not in _GOOD)
    metadata, elapsed = results.get("metadata") or {}, results.get("elapsed_time")
    return Reading(
        pipeline,
        "dbt.build",
        date=date,
        hour=hour,
        success=bool(statuses) and not bad,
        statuses={status: statuses.count(status) for status in sorted(set(statuses))},
        nodes=len(statuses),
        failed=bad[:_MOST_NAMED],
        invocationId=str(metadata.get("invocation_id", "")),
        **({} if elapsed is None else {"durationSeconds": elapsed}),
    )


def has_freshness(source: Mapping[str, Any]) -> bool:
    """Whether a source of the manifest has a limit. dbt writes absent limits with a count of null."""
    freshness = source.get("freshness") or {}
    return any((freshness.get(name) or {}).get("count") for name in ("warn_after", "error_after"))


def _freshness(result: Mapping[str, Any] | None) -> dict[str, Any]:
    status = str(result.get("status")) if result else "missing"
    fields: dict[str, Any] = {"status": status, "fresh": status in _FRESH}
    if result is None:
        return fields
    for name, field in (("max_loaded_at", "maxLoadedAt"), ("snapshotted_at", "snapshottedAt")):
        moment = _moment(result.get(name))
        if moment is not None:
            fields[field] = moment
    return fields


def _moment(text: object) -> datetime | None:
    """A time with a zone. dbt writes year 1 for a table without a row, which is no time of data."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return None if moment.year == 1 or moment.tzinfo is None else moment


def _by_id(document: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list) or not all(isinstance(one, dict) and "unique_id" in one for one in results):
        raise InvalidArtifact(f"{name}: has no list of results with a unique_id each")
    return {str(one["unique_id"]): one for one in results}


def _mapping(document: Mapping[str, Any], key: str, name: str) -> Mapping[str, Mapping[str, Any]]:
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise InvalidArtifact(f"{name}: has no {key}")
    return found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArtifact(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidArtifact(f"{path}: is not JSON: {error}") from None


def main(arguments: Sequence[str] | None = None, *, sensors: Sensors | None = None) -> int:
    """Write the rows of a target folder. Exit code: 1 for an error of DynamoDB, 2 for invalid input."""
    import argparse

    parser = argparse.ArgumentParser("python -m interlock_sensors.dbt", description="Report a target folder of dbt.")
    parser.add_argument("target", type=Path, help="the target folder of a dbt project")
    parser.add_argument("--environment", required=True, help="the deployment of Interlock")
    parser.add_argument("--pipeline", required=True, help="the id of the pipeline")
    parser.add_argument("--date", required=True, help="the date of the run, YYYY-MM-DD or YYYY-MM-DDTHH")
    parser.add_argument("--endpoint-url", help="the address of DynamoDB, such as that of a local stack")
    chosen = parser.parse_args(arguments)

    def write() -> str:
        readings = _readings(chosen.target, chosen.pipeline, chosen.date)
        target = sensors or Sensors(chosen.environment, endpoint_url=chosen.endpoint_url)
        written = target.put_many(readings)
        return f"{chosen.pipeline} {chosen.date}: {len(readings)} rows read, {written} written"

    return run(write, invalid=(InvalidArtifact, InvalidRow))


def _readings(target: Path, pipeline: str, date: str) -> list[Reading]:
    """The readings of the artifacts that the folder has. sources.json needs manifest.json next to it."""
    found: list[Reading] = []
    if (target / "sources.json").exists():
        manifest, sources = _read(target / "manifest.json"), _read(target / "sources.json")
        found += freshness_readings(pipeline, manifest, sources, date=date)
    if (target / "run_results.json").exists():
        found.append(build_reading(pipeline, _read(target / "run_results.json"), date=date))
    if not found:
        raise InvalidArtifact(f"{target}: has neither run_results.json nor a sources.json whose sources have limits")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
