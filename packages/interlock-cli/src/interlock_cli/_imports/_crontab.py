"""Drafts pipelines from a crontab, as Vixie cron and cronie read it (crontab(5))."""

import re
import shlex
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from interlock_cli._imports._draft import Draft, Drafts, LeftOut, ids_from, quoted, write_draft
from interlock_sla import CronError, ZoneError, cron_words, other_readings, parse_cron
from interlock_sla import zone as find_zone

_NICKNAMES: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_ZONE = "CRON_TZ"
_OF_COMMANDS = ("MAILTO", "MAILFROM", "CRON_TZ", "RANDOM_DELAY", "CRON_WITHIN")
"""Settings that are no variables of the commands."""

_SHELLS = ("sh", "bash", "zsh", "dash", "env", "nice", "ionice", "timeout", "flock", "sudo", "time", "exec")
_INTERPRETERS = ("python", "python3", "perl", "ruby", "node", "java", "Rscript", "php", "uv", "run")
_BEFORE = frozenset(_SHELLS + _INTERPRETERS)
"""Programs that start another one, which names the job."""

_SCRIPT = re.compile(r"\.(sh|py|pl|rb|js|jar|R|php|sql)$")
_NO_NAME = re.compile(r"=|\.lock$")
"""A setting, or the lock file of flock."""

_CLOCK = re.compile(r"(\$\(|`)\s*date\b")
"""A command substitution of the program date."""

_NO_LOOK = (
    "cron started the job without a look at its data. The rule below holds each run until a row of its sensor exists: "
    "name the real sensor and its rules."
)
_ON_A_MACHINE = (
    "The job ran on a machine of its own. On AWS, choose the job type that runs it there: a command runs within the "
    "orchestrator, for at most five minutes."
)
_DOES_NOT_OVERLAP = "cron starts a job although the last one still runs. Interlock follows the job of each date."
_AFTER_DOWNTIME = "cron forgets the fires of a stopped machine. Interlock reports a date without a run."


class CrontabForm(StrEnum):
    """The form of the file: a user's crontab, or /etc/crontab and /etc/cron.d, whose lines name a user."""

    USER = "user"
    SYSTEM = "system"


class _Line(Struct, frozen=True):
    number: int
    text: str
    settings: Mapping[str, str]
    comment: str


class _Job(Struct, frozen=True):
    line: _Line
    expression: str
    command: str
    user: str

    @property
    def source(self) -> str:
        return f"line {self.line.number}"


class _NoJob(Exception):
    """The reason why a line has no draft."""


def drafts_of_crontab(text: str, *, zone: str | None, form: CrontabForm, owner: str | None) -> Drafts:
    """One draft for each line of a crontab that has a counterpart.

    zone: the zone of the machine, for lines without a CRON_TZ above them. A crontab does not name it. Lines with
    neither are left out. owner: the owner of the pipelines.
    """
    jobs: list[_Job] = []
    left_out: list[LeftOut] = []
    for line in _job_lines(text):
        try:
            jobs.append(_read_job(line, form))
        except _NoJob as reason:
            left_out.append(LeftOut(f"line {line.number}", line.text, str(reason)))
    drafts: list[Draft] = []
    for job, identifier in zip(jobs, ids_from(_name_of(job.command) for job in jobs), strict=True):
        try:
            drafts.append(_draft(job, identifier, zone, owner))
        except _NoJob as reason:
            left_out.append(LeftOut(job.source, job.line.text, str(reason)))
    left_out.sort(key=lambda one: int(one.source.split()[1]))
    return Drafts(tuple(drafts), tuple(left_out), (_ON_A_MACHINE, _DOES_NOT_OVERLAP, _AFTER_DOWNTIME) if drafts else ())


def _job_lines(text: str) -> Iterator[_Line]:
    """The lines of jobs, each with the settings above it and the comment directly above it."""
    settings: dict[str, str] = {}
    comment = ""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line.startswith("#"):
            comment = line.lstrip("# ")
        elif not line:
            comment = ""
        elif found := _SETTING.fullmatch(line):
            settings = {**settings, found[1]: _unquoted(found[2])}
        else:
            yield _Line(number, line, settings, comment)
            comment = ""


def _read_job(line: _Line, form: CrontabForm) -> _Job:
    text = line.text.removeprefix("-")
    if text.startswith("@"):
        nickname, _, rest = text.partition(" ") if " " in text else text.partition("\t")
        if nickname not in _NICKNAMES:
            raise _NoJob(_WITHOUT_TIME.get(nickname, f"{nickname} is not a time of the calendar"))
        expression = _NICKNAMES[nickname]
    else:
        fields = text.split(None, 5)
        if len(fields) < 6:
            raise _NoJob("it has no five fields and a command")
        expression, rest = " ".join(fields[:5]), fields[5]
    user = ""
    if form is CrontabForm.SYSTEM:
        user, rest = [*rest.split(None, 1), "", ""][:2]
    command = rest.strip()
    if not command:
        raise _NoJob("it has no command")
    if re.search(r"(?<!\\)%", command):
        raise _NoJob("its command has a % without a backslash: cron passes the text after it as standard input")
    return _Job(line, expression, command.replace("\\%", "%"), user)


_WITHOUT_TIME = {"@reboot": "a start of the machine is no time, and Interlock starts nothing at one"}


def _draft(job: _Job, identifier: str, zone: str | None, owner: str | None) -> Draft:
    named = job.line.settings.get(_ZONE, zone)
    if named is None:
        raise _NoJob("the zone of the machine is not known: name it with --zone")
    try:
        find_zone(named)
        cron = parse_cron(job.expression)
        words = cron_words(cron)
    except (ZoneError, CronError) as error:
        raise _NoJob(str(error)) from None
    settings = {name: value for name, value in job.line.settings.items() if name not in _OF_COMMANDS}
    shell = settings.pop("SHELL", "/bin/sh")
    notes = [*_notes(job, settings), *(f"{job.expression} {phrase}." for phrase in other_readings(cron)), _NO_LOOK]
    variables = ["env", *(f"{name}={value}" for name, value in settings.items())] if settings else []
    command = shlex.join([*variables, shell, "-c", job.command])
    body = _BODY.format(
        id=quoted(identifier),
        owner=f"\n  owner: {quoted(owner)}" if owner else "",
        description=f"\n  description: {quoted(job.line.comment)}" if job.line.comment else "",
        cron=quoted(job.expression),
        zone=quoted(named),
        sensor=quoted(f"{identifier[:50]}-input"),
        command=quoted(command),
    )
    header = (f"Draft from {job.source} of a crontab: {job.line.text}", f"It fires {words}, {named}.")
    draft = Draft(
        id=identifier, source=job.source, words=words, notes=tuple(notes), text=write_draft(header, notes, body)
    )
    if draft.problem:
        raise _NoJob(draft.problem.partition(": ")[2])
    return draft


def _notes(job: _Job, settings: Mapping[str, str]) -> Iterator[str]:
    if job.line.text.startswith("-"):
        yield "The leading - kept cron from logging the start. Interlock logs each run."
    if job.user:
        yield f"The job ran as the user {job.user}."
    receiver = job.line.settings.get("MAILTO")
    if receiver:
        yield f"cron mailed the output to {receiver}. Interlock alerts of failures: route them in alerts.yaml."
    if "RANDOM_DELAY" in job.line.settings:
        yield f"cron delayed the start by up to {job.line.settings['RANDOM_DELAY']} minutes. Interlock does not."
    if settings:
        subject = "variable" if len(settings) == 1 else "variables"
        yield f"The command sets the {subject} {', '.join(sorted(settings))} of the crontab by env."
    if _CLOCK.search(job.command):
        yield (
            "The command asks the clock for a date. In a rerun that is the day of the rerun: use the date of the run, "
            "$INTERLOCK_DATE."
        )
    if "${" in job.command:
        yield (
            "The command has variables in braces. Interlock expands those whose names begin with INTERLOCK_, and "
            "removes all others: write $NAME for a variable of the shell."
        )


def _name_of(command: str) -> str:
    """A name for the job: its first script or program, without its folder and the ending of a script."""
    command = re.sub(r"^cd\s+\S+\s*(&&|;)\s*", "", command)
    try:
        words = shlex.split(command, comments=False)
    except ValueError:
        words = command.split()
    programs = [word for word in words if re.search(r"[A-Za-z]", word) and not word.startswith(("-", ">", "$"))]
    scripts = [word for word in programs if _SCRIPT.search(word)]
    plain = [word for word in programs if not _NO_NAME.search(word) and word.rpartition("/")[2] not in _BEFORE]
    chosen = next(iter([*scripts, *plain, *programs]), "job")
    return _SCRIPT.sub("", chosen.rpartition("/")[2])


def _unquoted(text: str) -> str:
    """The value of a setting. Matching quotes around it are no part of it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


_BODY = """
pipeline:
  id: {id}{owner}{description}
schedule:
  cron: {cron}
  timezone: {zone}
validation:
  rules:
    - {{key: {sensor}, check: exists}}
job:
  type: command
  config: {{command: {command}}}
  # cron starts a failed job at its next time only.
  maxCodeRetries: 0
"""
