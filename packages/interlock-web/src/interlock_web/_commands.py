"""The command lines that a page offers. A person copies them into a shell, and the page runs none."""

import shlex

from msgspec import Struct

from interlock_lifecycle import RunKey, RunStatus

LOCAL = "local"


class CommandLine(Struct, frozen=True):
    """A command line and its purpose."""

    purpose: str
    text: str


def of_run(key: RunKey, status: RunStatus | None, environment: str) -> list[CommandLine]:
    """The commands about one date."""
    date, pipeline = str(key.date), key.pipeline_id
    found = [
        CommandLine("explain this date", _line(environment, "why", pipeline, date)),
        CommandLine("print its events", _line(environment, "events", pipeline, "--date", date)),
    ]
    if status is RunStatus.RUNNING:
        found.append(CommandLine("start no job of the pipeline", _line(environment, "pause", pipeline)))
    if status in (RunStatus.COMPLETED, RunStatus.FAILED_FINAL):
        found.append(CommandLine("run this date again", _line(environment, "rerun", pipeline, date)))
    return found


def of_pipeline(pipeline: str, environment: str, *, is_paused: bool) -> list[CommandLine]:
    """The commands about one pipeline."""
    pause = ("resume", "end the pause") if is_paused else ("pause", "start no job of the pipeline")
    return [
        CommandLine("print its newest dates", _line(environment, "status", pipeline)),
        CommandLine("print the verdict of each date", _line(environment, "history", pipeline, "--verdict")),
        CommandLine(pause[1], _line(environment, pause[0], pipeline)),
    ]


def _line(environment: str, *words: str) -> str:
    named = () if environment == LOCAL else ("-e", environment)
    # A name that begins with a dash is an argument, and no option.
    guard = ("--",) if any(word.startswith("-") and word[:2] != "--" for word in words) else ()
    return shlex.join(["interlock", words[0], *named, *guard, *words[1:]])
