"""Random rows: valid rows of each kind, changed field by field, and at times with other keys.

Each function draws from a `Random`. Hypothesis gives one that it can shrink, or one with a seed for many rows.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from fuzz.seeds import VICTIMS, Seed, seeds
from hostile import HOSTILE
from sla.lambdas import NAMES

_KINDS = (
    "TRIGGER",
    "SENSOR",
    "VERDICT",
    "EVENT",
    "MARKER",
    "KEPT",
    "DRY_RUN",
    "RERUN_REQUEST",
    "JOB",
    "CONFIG",
    "OPEN",
    "WAIT",
    "JOBRUN",
    "X",
)
_PARTS = ("stream", "cron", "2026-03-03", "2026-03-06", "2026-02-30", "2026-03-03T07", "2026-03-03T99", "")
_PARTITIONS = (*(f"PIPELINE#{name}" for name in VICTIMS), "WATCHDOG", "CALENDAR#closed", "PIPELINE#", "PIPELINE#new")
_TIMES = ("2026-03-05T12:00:00.000000Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-03-05")
_KEYS = {"PK", "SK", "GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK"}
"""The attributes that the table requires to be texts."""
_INDEX = ("CONFIG", "PENDING", "RUNNING", "POSTRUN", "DORMANT", "WAITING", "LOOKING", "0", *_TIMES)
_WORDS = (
    *_TIMES,
    *("RUNNING", "COMPLETED", "FAILED_FINAL", "success", "fail", "met", "breach", "true", "", " ", "+1", "-0", "1e9"),
    *("{}", "[]", "null", "NaN", '{"type":"glue"}', '{"pipelineId":1}'),
    *("x" * 5_000, "\x1b[31m" * 500, "[" * 3_000, '{"a":' * 2_000),
)
_NUMBERS = tuple(map(Decimal, ("0", "-1", "1", "1.5", "3", "99999999999999", "9.9E+125", "-9.9E+125", "1E-130")))
_MORE = (
    *HOSTILE,
    "ttl",
    "data",
    "quiet",
    "evaluatedAt",
    "handledAt",
    "jobIntent",
    "startedToken",
    "dormant",
    "absolute",
)
_LETTERS = "ab0 -#/:é\u202e\x1b"


def random_row(random: Random) -> Seed:
    """A row of a random kind with up to three attributes missing or replaced. One row in eight has other keys."""
    by_kind = _by_kind()
    seed = random.choice(by_kind[random.choice(sorted(by_kind))])
    row = dict(seed.row)
    fields = sorted(set(row) - _KEYS)
    for _ in range(random.randint(0, 3)):
        name = random.choice(fields or ["status"])
        row[name] = random_value(random)
        if random.randint(0, 2) == 0:
            del row[name]
    if random.randint(0, 3) == 0:
        row[random.choice(_MORE)] = random_value(random)
    if random.randint(0, 3) == 0:
        # Texts only: DynamoDB rejects an index key of another type.
        row[random.choice(("GSI1PK", "GSI1SK"))] = random.choice(_INDEX) if random.randint(0, 3) else _text(random)
    if random.randint(0, 7) == 0:
        _change_keys(row, random)
    return Seed(seed.table, row)


def random_slot_rows(random: Random) -> list[Seed]:
    """A slot of the pipeline `q` without a run that is under way, and rows in its line that cannot start."""
    end = f"#stream#2026-01-{random.randint(1, 31):02d}{random.choice(('', '', 'x', '#1', _text(random)))}"
    fields = {random.choice(_MORE): random_value(random) for _ in range(random.randint(0, 3))}
    trigger = {**fields, "status": random.choice(("RUNNING", "RUNNING", "COMPLETED", random_value(random)))}
    trigger.pop("runToken", None)
    stray = {**random_row(random).row, "PK": f"PIPELINE#{random.choice(VICTIMS)}", "SK": f"X#{random.random()}"}
    place = {"GSI1PK": "WAITING", "GSI1SK": f"q#{random.choice(_TIMES)}"}
    rows = ({"SK": f"OPEN{end}"}, {**trigger, "SK": f"TRIGGER{end}"}, {**stray, **place})
    return [Seed(NAMES.control, {"PK": "PIPELINE#q", **row}) for row in rows]


def random_value(random: Random, depth: int = 0) -> Any:
    """A value of any DynamoDB type, as the tables return it."""
    draws: Sequence[Callable[[], Any]] = (
        lambda: random.choice(_WORDS),
        lambda: random.choice(HOSTILE),
        lambda: _text(random),
        lambda: random.choice(_NUMBERS),
        lambda: random.choice((True, False, None, b"\x00\xff", {"a", "\x1b[5m"}, {Decimal(1), Decimal(2)})),
        lambda: [random_value(random, depth + 1) for _ in range(random.randint(0, 3))],
        lambda: {_text(random): random_value(random, depth + 1) for _ in range(random.randint(0, 3))},
    )
    return random.choice(draws[:5] if depth >= 3 else draws)()


def random_record(random: Random) -> dict[str, Any]:
    """A stream record whose form is not that of DynamoDB."""
    body: dict[str, Any] = {}
    for name in ("Keys", "NewImage", "ApproximateCreationDateTime"):
        if random.randint(0, 3):
            body[name] = random.choice((None, "x", 1, float("nan"), -1e300, [], _image(random), _image(random)))
    return {"eventID": random.choice((None, 7, "e\x1b[2J")), "dynamodb": body}


def _image(random: Random) -> dict[str, Any]:
    tags = ("S", "N", "B", "M", "L", "SS", "X")
    names = ("PK", "SK", "data", "status")
    values = (None, 1, "1", "PIPELINE#p", "SENSOR#x", "TRIGGER#stream#2026-03-03", {}, [], "\x1b[2J")
    return {name: {random.choice(tags): random.choice(values)} for name in names if random.randint(0, 3)}


def _by_kind() -> dict[str, list[Seed]]:
    found: dict[str, list[Seed]] = {}
    for seed in seeds():
        found.setdefault(seed.kind, []).append(seed)
    return found


def _change_keys(row: dict[str, Any], random: Random) -> None:
    """Keys of another partition, of another kind or with invalid parts. They are never those of the pipeline `q`."""
    if random.randint(0, 1):
        partition = random.choice(_PARTITIONS) if random.randint(0, 2) else f"PIPELINE#{_text(random)}"
        row["PK"] = partition if random.randint(0, 7) else _text(random)
    if random.randint(0, 1):
        parts = [random.choice(_PARTS) if random.randint(0, 3) else _text(random) for _ in range(random.randint(0, 3))]
        row["SK"] = "#".join([random.choice(_KINDS), *parts])


def _text(random: Random) -> str:
    if random.randint(0, 1):
        return random.choice(HOSTILE)
    return "".join(random.choice(_LETTERS) for _ in range(random.randint(1, 8)))
