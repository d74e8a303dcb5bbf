#!/usr/bin/env bash
# A source table without a row has no newest row. `dbt source freshness` writes the year 1 for it, with an age of 2,000
# years, and not null. A program that subtracts or converts this time overflows, and a chart of ages has one useful point.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==2.0.1

mkdir -p "$folder/shop/models"
cd "$folder/shop"
cat > dbt_project.yml <<'PROJECT'
name: shop
version: "1.0"
profile: shop
flags: {send_anonymous_usage_stats: false}
PROJECT
cat > profiles.yml <<'PROFILES'
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: main}
PROFILES
cat > models/sources.yml <<'SOURCES'
sources:
  - name: raw
    schema: main
    loaded_at_field: loaded_at
    freshness: {error_after: {count: 1, period: day}}
    tables: [{name: orders}]
SOURCES
"$folder/venv/bin/python" - <<'PROGRAM'
import duckdb

with duckdb.connect("shop.duckdb") as database:
    database.execute("create table orders (loaded_at timestamp)")
PROGRAM

"$folder/venv/bin/dbt" --quiet source freshness --profiles-dir . > /dev/null 2>&1 || true
seen=$("$folder/venv/bin/python" - <<'PROGRAM'
import json

[result] = json.load(open("target/sources.json"))["results"]
years = result["max_loaded_at_time_ago_in_s"] / 86400 / 365.25
print(f"dbt-core 1.11.16: {result['status']}, {result['max_loaded_at']}, more than {years // 1000 * 1000:.0f} years ago")
PROGRAM
)
echo "$seen"
expected="dbt-core 1.11.16: error, 0001-01-01T00:00:00+00:00, more than 2000 years ago"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
