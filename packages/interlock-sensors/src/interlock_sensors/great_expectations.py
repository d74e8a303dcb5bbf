"""An action of Great Expectations 1.3 and newer that writes one sensor row for each validation of a checkpoint.

The import of this module registers the action, so that Great Expectations can load a stored checkpoint that has it.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Optional

from great_expectations.checkpoint import ValidationAction

from ._rows import InvalidRow, Reading
from ._sensors import Sensors

TYPE_CHECKING = False  # as in the other modules
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_NAMED = 20
_LONGEST_NAME = 200
_NO_RESULT = "Great Expectations kept no result: another validation has the same suite and the same batch"


class PutSensorAction(ValidationAction):  # type: ignore[misc]
    """Writes the row `<key>.<name of the validation definition>` for each validation definition of the checkpoint.

    environment: the deployment of Interlock. pipeline: the id of the pipeline. key: the first part of the keys.
    region, endpoint_url: of DynamoDB, if they are not those of the process.

    The date of the rows is that of the batch parameters `year`, `month` and `day`. Without them it is the name of the
    run: `checkpoint.run(run_id=RunIdentifier(run_name="2026-03-03"))`. The time of the run is never a date.

    `run` raises InvalidRow for an invalid date or name, and the errors of DynamoDB.
    """

    type: Literal["interlock_sensor"] = "interlock_sensor"
    environment: str
    pipeline: str
    key: str = "gx"
    region: Optional[str] = None  # noqa: UP045 - Great Expectations evaluates the annotation, also on Python 3.9
    endpoint_url: Optional[str] = None  # noqa: UP045

    def sensors(self) -> Sensors:
        """The sensors that the rows go to. A subclass can give others, such as those of another role."""
        return Sensors(self.environment, region=self.region, endpoint_url=self.endpoint_url)

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict[str, Any]:
        """Write the rows. The result has each key, and whether its row was changed."""
        sensors = self.sensors()
        problems: list[str] = []
        readings = list(self._readings(checkpoint_result, problems))
        if problems:
            raise InvalidRow(problems)
        return {
            reading.key: sensors.put(self.pipeline, reading.key, date=reading.date, **reading.fields)
            for reading in readings
        }

    def _readings(self, checkpoint_result: Any, problems: list[str]) -> Iterator[Reading]:
        results = list(checkpoint_result.run_results.values())
        by_id = {result.meta.get("validation_id"): result for result in results}
        date = _date(results, checkpoint_result.run_id.run_name, problems)
        for definition in checkpoint_result.checkpoint_config.validation_definitions:
            result = by_id.get(definition.id)
            fields = {"success": False, "error": _NO_RESULT} if result is None else fields_of(result)
            yield Reading(self.pipeline, f"{self.key}.{definition.name}", date=date, **fields)


def fields_of(result: Any) -> dict[str, Any]:
    """The fields of a validation's result, an ExpectationSuiteValidationResult.

    `success` is true if there is an expectation, and each one holds. `expectations`, `failures` and `exceptions` are
    numbers. An expectation that raises an exception is also a failure. `failed` names at most 20 failed expectations.
    """
    failed = [one for one in result.results if not one.success]
    total = int(result.statistics["evaluated_expectations"])
    return {
        # A suite without expectations is a success for Great Expectations.
        "success": result.success is True and total > 0 and not failed,
        "expectations": total,
        "failures": len(failed),
        "exceptions": sum(_raised(one.exception_info) for one in failed),
        "failed": sorted(map(_name, failed))[:_MOST_NAMED],
        "suite": str(result.suite_name),
        "asset": str(result.asset_name),
    }


def _name(result: Any) -> str:
    """`expect_column_values_to_not_be_null(id)`."""
    config = result.expectation_config
    columns = [config.kwargs[name] for name in ("column", "column_A", "column_B") if name in config.kwargs]
    text = ", ".join(map(str, [*columns, *config.kwargs.get("column_list", ()), *config.kwargs.get("column_set", ())]))
    return f"{config.type}({text})"[:_LONGEST_NAME]


def _raised(info: Any) -> bool:
    """Whether an expectation raised an exception. The information is flat, or has one entry per metric."""
    entries = [info, *info.values()] if isinstance(info, dict) else []
    return any(isinstance(entry, dict) and entry.get("raised_exception") is True for entry in entries)


def _date(results: list[Any], run_name: Any, problems: list[str]) -> str:
    """The date of the rows, in the form of `Sensors.put`. `put` checks the date itself."""
    found = {_day(result.meta.get("batch_parameters") or {}) for result in results} - {None}
    if len(found) > 1:
        problems.append(f"date: the batches have several dates: {', '.join(sorted(map(str, found)))}")
    if found:
        return str(min(map(str, found)))
    if run_name is None:
        problems.append(
            "date: the run has neither the batch parameters year, month and day nor a name. "
            'Allowed is checkpoint.run(run_id=RunIdentifier(run_name="2026-03-03"))'
        )
    return str(run_name)


def _day(parameters: Mapping[str, Any]) -> str | None:
    """The date of batch parameters, which are numbers for a table and texts for a path."""
    if not {"year", "month", "day"} <= set(parameters):
        return None
    try:
        year, month, day = (int(parameters[name]) for name in ("year", "month", "day"))
    except (TypeError, ValueError):
        return json.dumps(dict(parameters), default=str)
    return f"{year:04}-{month:02}-{day:02}"
