"""Times 1,000 pipeline configs: JSON against a pydantic model, and YAML against PyYAML's C loader.

`uv run nox -s bench` prints the figures and asserts nothing. All figures of a table are from one run over one set of
texts.

The pydantic model checks: the same keys and nesting, unknown keys, limits, patterns, enumerations, dates, durations and
crons (with the same parsers), zones (a set of names), job configs by type, values by check, reserved sensor keys, cron
or dates, interval within window, maxDuration and dryRun only with a trigger.
It does not check: values that count as missing, duplicate keys, numbers beyond 64 bits and other odd numbers, very deep
nesting, snake_case spellings of job keys, canonical spellings, open quotes of commands, header names, the largest size
that can be stored.
Neither side compiles the rules, which is done at their first use.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from interlock_config import decode_json, decode_yaml, encode_json
from interlock_sla._cron import _parse

CONFIGS = 1_000
ROUNDS = 5
TARGET_MS = 100
STORED_ONLY = "--print-stored"
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo")
CRONS = (
    "{m} {h} * * *",
    "{m} {h} * * 1-5",
    "{m} * * * *",
    "{m} */{k} * * *",
    "{m} {h}-{h2}/{k} * * mon-fri",
    "{m} {h} 1,15 */3 *",
    "{m} {h} * * fri#2",
    "{m} {h} L * *",
)


def pipeline(number: int, dice: random.Random) -> dict[str, Any]:
    """A plausible config. No two configs are equal."""
    key = f"table-{number}-ready"
    trigger = {"key": key, "check": "equals", "field": "status", "value": "complete", "deadline": "10:30"}
    hour = dice.randrange(20)
    cron = dice.choice(CRONS).format(m=dice.randrange(60), h=hour, h2=hour + 4, k=dice.randrange(2, 9))
    start: dict[str, Any] = dice.choice(({"cron": cron}, {"trigger": trigger}, {"cron": cron, "trigger": trigger}))
    sla = {"deadline": f"{dice.randrange(24):02}:30", "expectedDuration": f"{dice.randrange(5, 50)}m"}
    return {
        "pipeline": {"id": f"pipeline-{number}", "owner": "data-platform", "description": "Loads a table of the day."},
        "schedule": {
            **start,
            "timezone": dice.choice(ZONES),
            "exclude": {"weekends": dice.random() < 0.5, "dates": ["2026-12-25", f"2027-01-{number % 28 + 1:02}"]},
            "evaluation": {"window": f"{dice.randrange(1, 4)}h", "interval": "5m"},
        },
        "sla": {**sla, **({"maxDuration": "4h", "critical": True} if "trigger" in start else {})},
        "validation": {
            "trigger": "ALL",
            "rules": [
                {"key": key, "check": "gte", "field": "row_count", "value": dice.randrange(10**6)},
                {"key": key, "check": "age_lt", "field": "updatedAt", "value": f"{dice.randrange(1, 48)}h"},
                *({"key": f"{key}-{n}", "check": "equals", "field": "ok", "value": True} for n in range(number % 4)),
            ],
        },
        "job": {**job(number), "maxRetries": number % 5, "retryDelay": "1m", "jobPollWindowSeconds": 7200},
        "postRun": {"rules": [{"key": f"{key}-audit", "check": "exists"}], "driftThreshold": number % 10},
    }


def job(number: int) -> dict[str, Any]:
    """A job of one of four types."""
    url = f"https://jobs.example.com/{number}"
    return (
        {"type": "glue", "config": {"jobName": f"load-{number}", "arguments": {"--table": f"t{number}"}}},
        {"type": "http", "config": {"url": url, "headers": {"X-Table": f"t{number}"}, "body": {"table": number}}},
        {"type": "command", "config": {"command": f"python -m load table_{number} --full"}},
        {"type": "airflow", "config": {"url": url, "dagID": f"load_{number}", "timeout": 30}},
    )[number % 4]


def milliseconds(read: Callable[[Any], object], texts: Sequence[object]) -> tuple[float, float]:
    """The first pass over the texts, without caches, and the best of the following passes."""
    _parse.cache_clear()  # both sides read crons with the same parser, which has a cache
    passes = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        for text in texts:
            read(text)
        passes.append((time.perf_counter() - began) * 1_000)
    return passes[0], min(passes[1:])


def print_rows(title: str, rows: Sequence[tuple[str, tuple[float, float]]]) -> None:
    """A table with ratios to its first row."""
    print(f"\n{title:48} {'first pass':>12} {'later':>12} {'ratio':>8} {'ratio':>8}")
    for name, (first, later) in rows:
        base_first, base_later = rows[0][1]
        ratios = f"{first / base_first:8.2f} {later / base_later:8.2f}"
        print(f"{name:48} {first:9.1f} ms {later:9.1f} ms {ratios}")


def as_stored() -> list[bytes]:
    """The configs from `encode_json` in another process, so that this process has no caches."""
    made = subprocess.run([sys.executable, __file__, STORED_ONLY], capture_output=True, check=True)
    return made.stdout.splitlines()


def compare(title: str, texts: Sequence[bytes]) -> None:
    """This reader and pydantic's reader on the same texts."""
    ours = milliseconds(decode_json, texts)
    rows, theirs = [("interlock-config: decode_json", ours)], None
    try:
        from pydantic_model.pipeline import Pipeline
    except ImportError:
        print("pydantic is not installed, so its row is left out")
    else:
        theirs = milliseconds(Pipeline.model_validate_json, texts)
        rows.append(("pydantic: model_validate_json", theirs))
    rows.append(("json.loads alone, nothing checked", milliseconds(json.loads, texts)))
    size = sum(map(len, texts)) / CONFIGS
    print_rows(f"{CONFIGS} configs, JSON {title}, {size:.0f} bytes", rows)
    print(f"target {TARGET_MS} ms for the first pass: {'met' if ours[0] <= TARGET_MS else 'MISSED'}")
    if theirs is not None:
        ahead = "met" if ours[0] <= theirs[0] and ours[1] <= theirs[1] else "MISSED"
        print(f"target ahead of pydantic: {ahead}")


def main() -> None:
    """Make the configs, time all readers on them, print two tables."""
    dice = random.Random(3)
    configs = [pipeline(number, dice) for number in range(CONFIGS)]
    by_hand = [json.dumps(config).encode() for config in configs]
    if STORED_ONLY in sys.argv:
        print("\n".join(encode_json(decode_json(text)) for text in by_hand))
        return
    stored = as_stored()
    as_yaml = [yaml.safe_dump(config, sort_keys=False) for config in configs]
    for title, texts in (("as stored", stored), ("as other tools write it", by_hand)):
        compare(title, texts)
    loader = getattr(yaml, "CSafeLoader", None)
    floor = [] if loader is None else [("PyYAML's C loader alone", lambda text: yaml.load(text, Loader=loader))]
    readers: list[tuple[str, Callable[[Any], object]]] = [*floor, ("interlock-config: decode_yaml", decode_yaml)]
    print_rows(f"{CONFIGS} configs from YAML", [(name, milliseconds(read, as_yaml)) for name, read in readers])
    if not floor:
        print("PyYAML was built without libyaml, so its C loader is left out")


if __name__ == "__main__":
    main()
