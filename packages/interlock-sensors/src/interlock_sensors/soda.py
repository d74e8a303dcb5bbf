"""Reports results of Soda as sensor rows: a scan of Soda 3, or a verification of contracts by Soda 4.

`python -m interlock_sensors.soda RESULTS …` reports a results file of the command `soda scan`. The module imports
nothing of Soda.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ._command import run
from ._rows import InvalidRow, Reading
from ._sensors import Sensors

TYPE_CHECKING = False  # as in the other modules
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_MOST_NAMED = 20
_MOST_COUNTS = 100
_LONGEST_TEXT = 200
# The outcomes of Soda 3 and of Soda 4. Another outcome counts as a check that was not evaluated.
_PASSED, _WARNED, _FAILED = ("pass", "PASSED"), ("warn", "WARN"), ("fail", "FAILED")
_SUMMARY = "Scan summary:"
# Soda 3 leaves checks without an outcome out of its results. Only the lines of its summary count them.
_SUMMARY_LINE = r"([0-9]+)/([0-9]+) checks? (?:PASSED|WARNED|FAILED|NOT EVALUATED):\s*"


class InvalidResult(ValueError):
    """A value or a file is no result of Soda that this module can read."""


def scan_reading(pipeline: str, key: str, scan: Any, /, *, date: Any, hour: Any = None) -> Reading:
    """The reading of a finished Scan of Soda 3, or of the mapping that its `get_scan_results()` returns.

    `success` is true if Soda has no error and at least one check, and evaluated all checks, and none failed. A warning
    is no failure. `checks`, `passes`, `warnings`, `failures`, `notEvaluated` and `errors` are numbers. `checks` and
    `notEvaluated` are absent if the scan ended before its summary. `failed` names at most 20 failed checks, and `error`
    is the first error. `count.<dataset>` and `count.<dataset>.<filter>` are the row counts that Soda measured for
    checks of row_count, for at most 100 datasets and filters. Raises InvalidResult.
    """
    results = scan.get_scan_results() if hasattr(scan, "get_scan_results") else scan
    if results == {}:
        raise InvalidResult("the scan has no results. Allowed is a scan after its execute()")
    checks = [*_entries(results, "checks"), *_entries(results, "automatedMonitoringChecks")]
    logs = [(str(log.get("level")).lower(), str(log.get("message"))) for log in _entries(results, "logs")]
    errors = [text for level, text in logs if level == "error"]
    outcomes = [(str(check.get("outcome")), _named(check.get("table"), check.get("name"))) for check in checks]
    fields = _fields(outcomes, _total([text for _, text in logs]), errors, results.get("hasErrors"))
    fields.update(sorted(_counts(results, checks))[:_MOST_COUNTS])
    return Reading(pipeline, key, date=date, hour=hour, **fields)


def contract_reading(pipeline: str, key: str, verification: Any, /, *, date: Any, hour: Any = None) -> Reading:
    """The reading of a ContractVerificationSessionResult of Soda 4, such as that of `verify_contract_locally`.

    The fields are those of `scan_reading`. A check that the call excluded counts as not evaluated. `count.<dataset>` is
    the number of rows that the checks tested. Raises InvalidResult.
    """
    contracts = getattr(verification, "contract_verification_results", None)
    if not isinstance(contracts, list):
        raise InvalidResult(f"{type(verification).__name__} is not a result of a verification of contracts by Soda 4")
    results = [(one.contract.dataset_name, result) for one in contracts for result in one.check_results]
    outcomes = [
        (str(result.outcome.name), _named(dataset, result.check.name, result.check.column_name))
        for dataset, result in results
    ]
    errors = [str(text) for text in verification.get_errors()]
    fields = _fields(outcomes, len(outcomes), errors, verification.has_errors)
    tested: dict[str, set[Any]] = {}
    for dataset, result in results:
        rows = (result.diagnostic_metric_values or {}).get("dataset_rows_tested")
        tested.setdefault(f"count.{dataset}", set()).update(set() if rows is None else {rows})
    fields.update(sorted((name, *rows) for name, rows in tested.items() if len(rows) == 1)[:_MOST_COUNTS])
    return Reading(pipeline, key, date=date, hour=hour, **fields)


def _fields(
    outcomes: list[tuple[str, str]], total: int | None, errors: list[str], has_errors: object
) -> dict[str, Any]:
    """The fields of checks, which have an outcome and a name each. `total` is the number of all checks, if known."""
    if has_errors is not False and not errors:
        errors = ["Soda reports an error without a text"]
    passed, warned, failed = (
        [name for outcome, name in outcomes if outcome in known] for known in (_PASSED, _WARNED, _FAILED)
    )
    evaluated = len(passed) + len(warned) + len(failed)
    success = total is not None and total == evaluated > 0 and not failed and not errors
    return {
        "success": success,
        "passes": len(passed),
        "warnings": len(warned),
        "failures": len(failed),
        "errors": len(errors),
        "failed": sorted(failed)[:_MOST_NAMED],
        **({} if total is None else {"checks": total, "notEvaluated": total - evaluated}),
        **({"error": errors[0][:_LONGEST_TEXT]} if errors else {}),
    }


def _total(messages: list[str]) -> int | None:
    """The number of all checks in the summary of a scan. None if there is no summary, or if it contradicts itself."""
    if _SUMMARY not in messages:
        return None
    start = len(messages) - messages[::-1].index(_SUMMARY)
    found = [match for match in (re.fullmatch(_SUMMARY_LINE, text) for text in messages[start:]) if match]
    totals = {int(match[2]) for match in found} or {0}
    counted = sum(int(match[1]) for match in found)
    return counted if totals == {counted} else None


def _counts(results: Mapping[str, Any], checks: list[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The row counts of the datasets. Soda also gives the name row_count to a count of rows that fail a condition.

    The identity of a real one is `metric-<data source>-<dataset>-row_count`. The name of the scan definition precedes
    the data source, and the name of the filter follows the dataset. `soda scan` always names a scan definition.
    """
    values = {metric.get("identity"): metric.get("value") for metric in _entries(results, "metrics")}
    for check in (one for one in checks if one.get("table")):
        parts = ("metric", results.get("definitionName"), check.get("dataSource"), check.get("table"), "")
        head = "-".join(str(part) for part in parts if part is not None)
        for identity in check.get("metrics") or ():
            match = re.fullmatch(r"(?:(.+)-)?row_count", str(identity)[len(head) :], re.DOTALL)
            if str(identity).startswith(head) and match and type(values.get(identity)) is int:
                yield ".".join(filter(None, ("count", check.get("table"), match[1]))), values[identity]


def _named(dataset: object, name: object, column: object = None) -> str:
    """`orders: missing_count(id) = 0`."""
    text = f"{name} ({column})" if column else str(name)
    return (f"{dataset}: {text}" if dataset else text)[:_LONGEST_TEXT]


def _entries(results: Any, name: str) -> list[Mapping[str, Any]]:
    found = results.get(name) if isinstance(results, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidResult(f"{name}: is not a list of mappings, as in the results of a scan of Soda 3")
    return found


def main(arguments: Sequence[str] | None = None, *, sensors: Sensors | None = None) -> int:
    """Write the row of a results file of `soda scan`. Exit code: 1 for an error of DynamoDB, 2 for invalid input."""
    import argparse

    parser = argparse.ArgumentParser("python -m interlock_sensors.soda", description="Report a scan of Soda 3.")
    parser.add_argument("results", type=Path, help="the file that `soda scan -srf` wrote")
    parser.add_argument("--environment", required=True, help="the deployment of Interlock")
    parser.add_argument("--pipeline", required=True, help="the id of the pipeline")
    parser.add_argument("--key", required=True, help="the key of the row, such as soda.orders")
    parser.add_argument("--date", required=True, help="the date of the run, YYYY-MM-DD or YYYY-MM-DDTHH")
    parser.add_argument("--endpoint-url", help="the address of DynamoDB, such as that of a local stack")
    chosen = parser.parse_args(arguments)

    def write() -> str:
        reading = scan_reading(chosen.pipeline, chosen.key, _read(chosen.results), date=chosen.date)
        target = sensors or Sensors(chosen.environment, endpoint_url=chosen.endpoint_url)
        is_new = target.put_many([reading])
        success = "success" if reading.fields["success"] else "no success"
        written = "row written" if is_new else "row unchanged"
        return f"{chosen.key} of {chosen.pipeline} {chosen.date}: {success}, {written}"

    return run(write, invalid=(InvalidResult, InvalidRow), place=f"{chosen.results}: ")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidResult(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidResult(f"is not JSON: {error}") from None


if __name__ == "__main__":
    raise SystemExit(main())
