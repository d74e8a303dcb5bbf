"""The common parts of the flights jobs: the period of a run, atomic writes, the records of starts and ends."""

import datetime as dt
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BAD_ENVIRONMENT = 2
MISSING_INPUT = 3
FAULT = 4

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOUR = re.compile(r"[01]\d|2[0-3]")
_HOURS = re.compile(r"([01]\d|2[0-3])-([01]\d|2[0-3])")


class JobError(Exception):
    """The job cannot do its work. `code` is its exit code, and the text states the cause and the file."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Run:
    """One start of one job. `day` is `YYYY-MM-DD`. `hour` has two digits and is None for a daily job."""

    job: str
    home: Path
    day: str
    hour: str | None
    pipeline: str
    attempt: str
    key: str

    @property
    def date(self) -> str:
        """The execution date as Interlock writes it: `2013-02-07` or `2013-02-07T05`."""
        return self.day if self.hour is None else f"{self.day}T{self.hour}"


def main(job: str, *, hourly: bool, work: Callable[[Run], str]) -> int:
    """Run `work` for the period in the environment and return the exit code.

    The start is recorded in `starts.jsonl` before the work, so that the record of a killed job exists. The end is
    recorded in `jobs.jsonl`. `work` returns the sentence that is printed on success.
    """
    try:
        run = _run(job, hourly, os.environ)
    except JobError as error:
        print(f"{job}: {error}", file=sys.stderr)
        return error.code
    started = _now()
    _record(run, "starts.jsonl", {"started": started})
    outcome, code, message = "fail", 1, "the job ended with an unexpected error"
    try:
        _fail_if_injected(run)
        message = work(run)
        outcome, code = "success", 0
    except JobError as error:
        code, message = error.code, str(error)
    finally:
        end = {"started": started, "ended": _now(), "outcome": outcome, "message": message}
        _record(run, "jobs.jsonl", end)
    print(f"{job} {run.date}: {message}", file=sys.stderr if code else sys.stdout)
    return code


def expected_hours() -> tuple[str, ...]:
    """The hours that gold needs, with two digits: INTERLOCK_FLIGHTS_HOURS, by default 05-23."""
    text = os.environ.get("INTERLOCK_FLIGHTS_HOURS") or "05-23"
    match = _HOURS.fullmatch(text)
    if match is None or match[1] > match[2]:
        raise JobError(BAD_ENVIRONMENT, f"INTERLOCK_FLIGHTS_HOURS is {text!r}, expected FIRST-LAST such as 05-23")
    return tuple(f"{hour:02}" for hour in range(int(match[1]), int(match[2]) + 1))


def read_input(path: Path) -> str:
    """The text of an input file. A missing file or one that is not UTF-8 raises a JobError with code 3."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise JobError(MISSING_INPUT, f"input is missing: {path}") from None
    except UnicodeDecodeError as error:
        raise JobError(MISSING_INPUT, f"input is not UTF-8: {path}: {error.reason}") from None


def write_atomically(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the old file or the new file, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def to_json(value: object) -> str:
    """Indented JSON that is the same for the same value."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _run(job: str, hourly: bool, environment: Mapping[str, str]) -> Run:
    home = environment.get("INTERLOCK_FLIGHTS_HOME", "")
    if not home:
        raise JobError(BAD_ENVIRONMENT, "INTERLOCK_FLIGHTS_HOME is not set")
    if not Path(home).is_dir():
        raise JobError(BAD_ENVIRONMENT, f"INTERLOCK_FLIGHTS_HOME must be a folder, got {home}")
    day, hour = _period(environment)
    if hourly != (hour is not None):
        wanted = "an hourly date such as 2013-02-07T05" if hourly else "a daily date such as 2013-02-07"
        raise JobError(BAD_ENVIRONMENT, f"{job} needs {wanted}, got {day if hour is None else f'{day}T{hour}'}")
    return Run(
        job=job,
        home=Path(home),
        day=day,
        hour=hour,
        pipeline=environment.get("INTERLOCK_PIPELINE_ID", f"{job}-flights"),
        attempt=environment.get("INTERLOCK_ATTEMPT", ""),
        key=environment.get("INTERLOCK_JOB_KEY", ""),
    )


def _period(environment: Mapping[str, str]) -> tuple[str, str | None]:
    """Day and hour from INTERLOCK_DATE, else from INTERLOCK_PAR_DAY (YYYYMMDD) and INTERLOCK_PAR_HOUR."""
    text = environment.get("INTERLOCK_DATE", "")
    compact, par_hour = environment.get("INTERLOCK_PAR_DAY", ""), environment.get("INTERLOCK_PAR_HOUR", "")
    par_day = f"{compact[:4]}-{compact[4:6]}-{compact[6:]}" if compact else ""
    day, _, hour = text.partition("T") if text else (par_day, "", par_hour)
    if not day:
        raise JobError(BAD_ENVIRONMENT, "neither INTERLOCK_DATE nor INTERLOCK_PAR_DAY is set")
    if (compact and par_day != day) or (par_hour and par_hour != hour):
        given = f"INTERLOCK_DATE is {text!r}, INTERLOCK_PAR_DAY {compact!r}, INTERLOCK_PAR_HOUR {par_hour!r}"
        raise JobError(BAD_ENVIRONMENT, f"{given}: not the same period")
    if not _is_day(day) or (hour and not _HOUR.fullmatch(hour)):
        raise JobError(BAD_ENVIRONMENT, f"{day}{hour and 'T'}{hour} is not an execution date")
    return day, hour or None


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and dt.date.fromisoformat(text) is not None
    except ValueError:
        return False


def _fail_if_injected(run: Run) -> None:
    """Fail if `faults/<job>-<date>` exists. Only the content `lasting` stays, any other file is removed."""
    fault = run.home / "faults" / f"{run.job}-{run.date}"
    try:
        if fault.read_text(encoding="utf-8") != "lasting":
            fault.unlink()
    except FileNotFoundError:
        return
    raise JobError(FAULT, "injected fault: the connection to the warehouse was lost")


def _record(run: Run, name: str, fields: Mapping[str, str]) -> None:
    """Append one line in one write. O_APPEND separates the lines of parallel jobs."""
    who = {"pipeline": run.pipeline, "date": run.date, "attempt": run.attempt, "key": run.key}
    line = json.dumps({**who, **fields}, sort_keys=True) + "\n"
    descriptor = os.open(run.home / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
