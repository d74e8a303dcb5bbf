"""The command lines that a page offers. A person copies them into a shell, and the page runs none."""

import shlex

from msgspec import Struct

from interlock_lifecycle import Run, RunKey
from interlock_lifecycle.reports import ACCEPTED
from interlock_web._defaults import LOCAL, LOCAL_ENDPOINT


class Shell(Struct, frozen=True):
    """The shell of a person who reads the page. environment: the deployment that a command names.

    program: the words before a command, such as `uv run interlock`. endpoint_url: the address of the AWS API, None for
    AWS itself.
    """

    environment: str
    program: str = "interlock"
    endpoint_url: str | None = None

    def line(self, *words: str) -> str:
        """The command line of a command and its arguments."""
        options = [] if self.environment == LOCAL else ["-e", self.environment]
        if self.endpoint_url not in (None, LOCAL_ENDPOINT if self.environment == LOCAL else None):
            options += ["--endpoint-url", str(self.endpoint_url)]
        # A name that begins with a dash is an argument, and no option.
        guard = ["--"] if any(word.startswith("-") and word[:2] != "--" for word in words) else []
        return f"{self.program} {shlex.join([words[0], *options, *guard, *words[1:]])}"


class CommandLine(Struct, frozen=True):
    """A command line and its purpose."""

    purpose: str
    text: str


def of_run(key: RunKey, run: Run | None, rerun: str, shell: Shell, *, is_paused: bool) -> list[CommandLine]:
    """The commands about one date. rerun: the answer that a rerun request would get now."""
    date, pipeline = str(key.date), key.pipeline_id
    found = [
        CommandLine("explain this date", shell.line("why", pipeline, date)),
        CommandLine("print its events", shell.line("events", pipeline, "--date", date)),
    ]
    if run is not None and (run.job_intent or run.previous_job):
        found.append(CommandLine("print the end of its job's output", shell.line("logs", pipeline, date)))
    if is_paused:
        found.append(CommandLine("end the pause of the pipeline", shell.line("resume", pipeline)))
    elif run is not None and run.is_running:
        found.append(CommandLine("start no job of the pipeline", shell.line("pause", pipeline)))
    if (run is None or not run.is_running) and rerun == ACCEPTED:
        purpose = "run this date again" if run is not None else "run this date"
        found.append(CommandLine(purpose, shell.line("rerun", pipeline, date)))
    return found


def of_pipeline(pipeline: str, shell: Shell, *, is_paused: bool) -> list[CommandLine]:
    """The commands about one pipeline."""
    pause = ("resume", "end the pause") if is_paused else ("pause", "start no job of the pipeline")
    return [
        CommandLine("print its newest dates", shell.line("status", pipeline)),
        CommandLine("print the verdict of each date", shell.line("history", pipeline, "--verdict")),
        CommandLine(pause[1], shell.line(pause[0], pipeline)),
    ]
