#!/usr/bin/env bash
# All Scan objects of a process share one log, and Scan() empties it. A scan that is prepared before another one is created
# loses the errors of its own checks: a check that Soda cannot read is absent from the results, has_error_logs() is False,
# and the exit code is 0 instead of 3. A program that first prepares its scans and then executes them gets a success.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install \
  soda-core==3.5.6 soda-core-duckdb==3.5.6 duckdb==1.0.0 "setuptools<81" 2>"$folder/progress"

mkdir "$folder/.soda"
echo "send_anonymous_usage_stats: false" > "$folder/.soda/config.yml"

cat > "$folder/ask.py" <<'PROGRAM'
import duckdb
from soda.scan import Scan

CHECKS = """
checks for orders:
  - row_count = 3
  - missing_count(id) is small
"""


def prepared():
    scan = Scan()
    scan.set_data_source_name("shop")
    scan.add_duckdb_connection(shop, data_source_name="shop")
    scan.add_sodacl_yaml_str(CHECKS)
    return scan


shop = duckdb.connect(":memory:")
shop.execute("create table orders as select * from range(3) as numbers(id)")
for before in ("alone", "another scan is created first"):
    scan = prepared()
    if before != "alone":
        Scan()
    code = scan.execute()
    results = scan.get_scan_results()
    print(f"{before}: exit {code}, errors {results['hasErrors']}, {len(results['checks'])} check with an outcome")
PROGRAM
seen=$(HOME="$folder" "$folder/venv/bin/python" -W ignore "$folder/ask.py" 2>"$folder/log" | grep "exit " || true)
echo "soda-core 3.5.6"
echo "$seen"
expected="alone: exit 3, errors True, 1 check with an outcome
another scan is created first: exit 0, errors False, 1 check with an outcome"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  cat "$folder/log" >&2
  exit 1
fi
