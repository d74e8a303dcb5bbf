"""A project of Great Expectations as a program: it validates a CSV file, and its checkpoint writes sensor rows.

python orders.py FILE DATE ENDPOINT_URL
"""

import sys

import great_expectations as gx
import pandas
from great_expectations.core.run_identifier import RunIdentifier

from interlock_sensors.great_expectations import PutSensorAction


def main(file: str, date: str, endpoint_url: str) -> bool:
    """Validate the orders of a file for a date."""
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("files").add_dataframe_asset("orders")
    suite = context.suites.add(gx.ExpectationSuite("orders"))
    suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column="id"))
    suite.add_expectation(gx.expectations.ExpectTableRowCountToBeBetween(min_value=2))
    batch = asset.add_batch_definition_whole_dataframe("all")
    orders = context.validation_definitions.add(gx.ValidationDefinition(name="orders", data=batch, suite=suite))
    action = PutSensorAction(name="interlock", environment="local", pipeline="validated", endpoint_url=endpoint_url)
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="daily", validation_definitions=[orders], actions=[action]))
    result = checkpoint.run(batch_parameters={"dataframe": pandas.read_csv(file)}, run_id=RunIdentifier(run_name=date))
    return bool(result.success)


if __name__ == "__main__":
    main(*sys.argv[1:])
