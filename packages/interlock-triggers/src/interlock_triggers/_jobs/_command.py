"""The command type: a program on this machine, run to its end. Its exit code is the outcome."""

import errno
import shlex
import signal
from collections.abc import Mapping

from interlock_triggers._call import Call
from interlock_triggers._process import Ended, run
from interlock_triggers._types import Attempt, Category, Started, Status, failed, over, succeeded

from ._forms import CommandForm

_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.E2BIG)
_NOT_RUNNABLE = {126: "cannot be executed", 127: "not found"}
_OF_SOME_RUNS = ("INTERLOCK_PAR_HOUR", "INTERLOCK_PERIOD_START", "INTERLOCK_PERIOD_END")
"""Variables that a run may lack. An inherited value belongs to another run."""
_SHOWN = 2048
_SHORTEST = 0.05


def start(call: Call[CommandForm], attempt: Attempt) -> Started:
    """Run the command to its end."""
    words = _words(call)
    if attempt.resumed:
        raise call.unknown("an earlier invocation may have run the command")
    seconds = call.deadline.remaining()
    if seconds < _SHORTEST:
        raise call.rejected(Category.TRANSIENT, "no time left to run the command")
    environment = _environment(call.clients.environment, attempt)
    directory = call.config.working_directory or call.clients.working_directory
    try:
        ended = run(words, environment, directory, seconds)
    except (OSError, ValueError) as error:
        raise _not_started(call, words[0], error) from None
    return over(call.type, _status(call, words[0], ended))


def _words(call: Call[CommandForm]) -> list[str]:
    """Program and arguments, split by the quoting rules of a shell, without its other features."""
    try:
        words = shlex.split(call.config.command)
    except ValueError:
        raise call.rejected(Category.PERMANENT, "the command has a quote that is not closed") from None
    if not words or not words[0]:
        raise call.rejected(Category.PERMANENT, "the command has no program")
    return words


def _environment(inherited: Mapping[str, str], attempt: Attempt) -> dict[str, str]:
    """PATH and INTERLOCK_* of the caller, and the variables of the run. The latter replace the caller's."""
    kept = {k: v for k, v in inherited.items() if k == "PATH" or k.startswith("INTERLOCK_")}
    for name in _OF_SOME_RUNS:
        kept.pop(name, None)
    own = {
        "INTERLOCK_PIPELINE_ID": attempt.pipeline_id,
        "INTERLOCK_SCHEDULE_ID": attempt.schedule_id,
        "INTERLOCK_DATE": attempt.date,
        "INTERLOCK_DAY": attempt.date[:10],
        "INTERLOCK_PAR_DAY": attempt.par_day,
        "INTERLOCK_PAR_HOUR": attempt.par_hour or "",
        "INTERLOCK_ATTEMPT": str(attempt.number),
        "INTERLOCK_JOB_KEY": attempt.key,
    }
    return kept | {name: value for name, value in {**attempt.variables, **own}.items() if value}


def _not_started(call: Call[CommandForm], program: str, error: Exception) -> Exception:
    number = getattr(error, "errno", None)
    permanent = number in _NO_PROGRAM or isinstance(error, ValueError)
    why = getattr(error, "strerror", None) or type(error).__name__
    subject = "the working directory" if _is_about_directory(error, program) else repr(program)
    return call.rejected(Category.PERMANENT if permanent else Category.TRANSIENT, f"{subject}: {why}")


def _is_about_directory(error: Exception, program: str) -> bool:
    named = getattr(error, "filename", None)
    return named is not None and str(named) != program


def _status(call: Call[CommandForm], program: str, ended: Ended) -> Status:
    """Exit codes: 0 is success. 126 and 127 are PERMANENT, since shells use them for programs that cannot run."""
    tail = call.redactor.scrub(ended.tail)[-_SHOWN:]
    details = {"output": tail, "exit_code": str(ended.code)}
    if ended.late:
        reason, category = "ended at its deadline", Category.TIMEOUT
    elif ended.code is None:
        reason, category = "its exit code was lost: another part of this program collected it", Category.TRANSIENT
    elif ended.code == 0:
        return succeeded(ended.seconds, **details)
    elif ended.code in _NOT_RUNNABLE:
        reason, category = f"exit code {ended.code} ({_NOT_RUNNABLE[ended.code]})", Category.PERMANENT
    elif ended.code < 0:
        reason, category = f"ended by {_signal_name(-ended.code)}", Category.TRANSIENT
    else:
        reason, category = f"exit code {ended.code}", Category.TRANSIENT
    last = tail.strip().rpartition("\n")[2]
    message = f"{program}: {reason}{f': {last}' if last else ''}"
    return failed(category, call.composed(message), ended.seconds, **details)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
