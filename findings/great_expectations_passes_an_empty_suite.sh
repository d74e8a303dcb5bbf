#!/usr/bin/env bash
# A suite without expectations checks nothing. Great Expectations reports it as a success, for the validation and for the
# checkpoint, while its share of fulfilled expectations is None. A gate that reads `success` lets any data pass until the
# first expectation is added.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install great_expectations==1.24.1 pandas==2.3.3

cat > "$folder/ask.py" <<'PROGRAM'
import great_expectations as gx
import pandas
from great_expectations.checkpoint import Checkpoint

orders = pandas.DataFrame({"id": [1, None]})
context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("memory").add_dataframe_asset("orders")
batch = asset.add_batch_definition_whole_dataframe("all")


def checked(name, *expectations):
    suite = context.suites.add(gx.ExpectationSuite(name, expectations=list(expectations)))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(Checkpoint(name=name, validation_definitions=[definition]))
    done = checkpoint.run(batch_parameters={"dataframe": orders})
    (result,) = done.run_results.values()
    found = result.statistics
    print(
        f"{name}: {found['evaluated_expectations']} evaluated, checkpoint {done.success}, validation {result.success}, "
        f"percent {found['success_percent']}"
    )


checked("empty")
checked("strict", gx.expectations.ExpectColumnValuesToNotBeNull(column="id"))
PROGRAM

seen=$("$folder/venv/bin/python" -W ignore "$folder/ask.py" 2>"$folder/progress")
echo "great_expectations 1.24.1"
echo "$seen"
expected="empty: 0 evaluated, checkpoint True, validation True, percent None
strict: 1 evaluated, checkpoint False, validation False, percent 0.0"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  cat "$folder/progress" >&2
  exit 1
fi
