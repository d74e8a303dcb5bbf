#!/usr/bin/env bash
# `dbt source freshness` writes target/sources.json, which monitors read. A source whose query fails, here because its
# table does not exist, has no entry in it: no status "error", no status "runtime error". All entries say "pass", and a
# reader that asks whether each of them is fresh sees a healthy project. Only the exit code of the command shows it.
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
    tables: [{name: orders}, {name: customers}]
SOURCES
"$folder/venv/bin/python" - <<'PROGRAM'
import duckdb

with duckdb.connect("shop.duckdb") as database:
    database.execute("create table orders as select now()::timestamp - interval 1 hour as loaded_at")
PROGRAM

code=0
"$folder/venv/bin/dbt" --quiet source freshness --profiles-dir . > /dev/null 2>&1 || code=$?
seen=$("$folder/venv/bin/python" - "$code" <<'PROGRAM'
import json
import sys

manifest = json.load(open("target/manifest.json"))
results = json.load(open("target/sources.json"))["results"]
print("dbt-core 1.11.16, exit code", sys.argv[1])
print("sources with a freshness:", *sorted(manifest["sources"]))
print("results:", *(f"{one['unique_id']} {one['status']}" for one in results))
PROGRAM
)
echo "$seen"
expected="dbt-core 1.11.16, exit code 1
sources with a freshness: source.shop.raw.customers source.shop.raw.orders
results: source.shop.raw.orders pass"
if [ "$seen" != "$expected" ]; then
  echo "changed: expected" >&2
  echo "$expected" >&2
  exit 1
fi
