"""Jobs that would not receive the date of their run, and commands that are written for a shell."""

import shlex

from msgspec import UNSET

from interlock_config._config import PipelineConfig
from interlock_config._expansion import DATE_VARIABLES, DAY_VARIABLES, is_ours, variables
from interlock_config._fields import JobType
from interlock_config._problems import Findings

# The keys of `job.config` that reach the job. Nothing else names a date to these types.
_READ_BY_THE_JOB: dict[JobType, tuple[str, ...]] = {
    JobType.DATABRICKS: ("arguments",),
    JobType.EMR: ("arguments", "command"),
    JobType.EMR_SERVERLESS: ("jobDriver",),
    JobType.LAMBDA: ("payload",),
    JobType.STEP_FUNCTION: ("arguments",),
}
_OF_A_CONF = ("date", "par_day", "par_hour")
_OF_THE_RUN = {
    "--par_day": "is ignored; the job always gets the day of its run",
    "--par_hour": "is ignored; the job always gets the hour of its run, and no hour in a daily run",
}

_OPERATORS = frozenset({";", "&", "&&", "|", "||", ">", ">>", "<", "2>", "2>&1", "&>"})
"""Words that a shell reads, if they have no quotes."""


def _date_of_the_job(config: PipelineConfig, findings: Findings) -> None:
    """A rerun of such a job would process the current day (docs/reference/pipeline-file.md §8)."""
    keys = _READ_BY_THE_JOB.get(config.job.type, ())
    if not keys or _gets_the_partition(config):
        return
    given = {name for _, name in variables({key: config.job.config.get(key) for key in keys})}
    path = ("job", "config", keys[0])
    if not given & DATE_VARIABLES:
        message = (
            "does not hold the date of the run, so that a rerun of an earlier date would process today's data; "
            "use ${INTERLOCK_DATE} or another variable of the run"
        )
        findings.warning(path, UNSET, message)
    elif given & DATE_VARIABLES <= DAY_VARIABLES and _fires_hourly(config) and "INTERLOCK_PAR_HOUR" not in given:
        message = "holds the day of the run but not its hour, and the cron fires several times a day"
        findings.warning(path, UNSET, f"{message}; use ${{INTERLOCK_DATE}} or ${{INTERLOCK_PAR_HOUR}}")


def _gets_the_partition(config: PipelineConfig) -> bool:
    """Whether the job gets {par_day, par_hour}, since the config gives it no input."""
    job = config.job
    if job.type is JobType.LAMBDA:
        return job.config.get("payload") is None
    return job.type is JobType.STEP_FUNCTION and not job.config.get("arguments")


def _fires_hourly(config: PipelineConfig) -> bool:
    return config.cron is not None and config.cron.is_hourly


def _dates_of_glue(config: PipelineConfig, findings: Findings) -> None:
    arguments = config.job.config.get("arguments") if config.job.type is JobType.GLUE else None
    for name, message in _OF_THE_RUN.items():
        if isinstance(arguments, dict) and name in arguments:
            findings.warning(("job", "config", "arguments", name), arguments[name], message)


def _dates_of_airflow(config: PipelineConfig, findings: Findings) -> None:
    """A DAG run's conf gets the date of the run. A value of the config with the same name replaces it."""
    body = config.job.config.get("body") if config.job.type is JobType.AIRFLOW else None
    conf, path = (body, ("job", "config", "body")) if isinstance(body, dict) else ({}, ())
    if isinstance(conf.get("conf"), dict):
        conf, path = conf["conf"], (*path, "conf")
    for name in _OF_A_CONF:
        if name in conf and not any(is_ours(variable) for _, variable in variables(conf[name])):
            message = "replaces the value of every run; leave it out, or use a variable of the run"
            findings.warning((*path, name), conf[name], message)


def _command_for_a_shell(config: PipelineConfig, findings: Findings) -> None:
    """A command has no shell (docs/reference/triggers.md §7). Such a word is an argument, and the job may end well."""
    command = config.job.config.get("command") if config.job.type is JobType.COMMAND else None
    if not isinstance(command, str):
        return
    word = next((word for word in _words(command) if word in _OPERATORS or word.endswith(";")), None)
    if word is not None:
        message = f"holds {word}, which no shell reads and the program gets as an argument; use sh -c '…'"
        findings.warning(("job", "config", "command"), command, message)


def _words(command: str) -> list[str]:
    """The words of a command with their quotes. Empty for a text with an open quote."""
    try:
        return shlex.split(command, posix=False)
    except ValueError:
        return []


JOB_WARNINGS = (_date_of_the_job, _dates_of_glue, _dates_of_airflow, _command_for_a_shell)
