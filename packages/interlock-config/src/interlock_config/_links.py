"""The pages of a job at its provider, and the place of its output in CloudWatch Logs, from the job's config."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from msgspec import Struct

from ._expansion import expand_known
from ._job_types import aliases

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""The console of each partition. Other partitions have no address that everyone can open."""

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-iso", ""), ("eu-iso", ""), ("eusc-", ""))
"""The partitions by the begin of their regions. All other regions are those of `aws`."""

_GLUE_GROUPS = ("/aws-glue/jobs/output", "/aws-glue/jobs/error", "/aws-glue/jobs/logs-v2")
_GLUE_GROUP_ARGUMENT = "--continuous-log-logGroup"
_EMR_SERVERLESS_GROUP = "/aws/emr-serverless"
_AIRFLOW_API = re.compile(r"/api/(v[0-9]+)$")
_WITHOUT_ID = (None, "", "sync")
"""Run ids of jobs that have no page of their own: not started, or over within their start."""


class Link(Struct, frozen=True):
    """A page for a person: its name, such as `Glue run`, and its https or http address."""

    label: str
    url: str


class LogPlace(Struct, frozen=True):
    """A place in CloudWatch Logs. stream: the begin of the names of its streams, "" for all of the group."""

    region: str
    group: str
    stream: str = ""


class JobLinks(Struct, frozen=True):
    """The pages of one job.

    run: the run at its provider. logs: its output there. places: the places in CloudWatch Logs that may have its
    output, the likeliest first.
    """

    run: Link | None = None
    logs: Link | None = None
    places: tuple[LogPlace, ...] = ()


def job_links(
    job_type: str,
    config: Mapping[str, Any],
    run_id: str | None,
    *,
    region: str | None = None,
    details: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> JobLinks:
    """The pages of a job. Whatever is unknown or cannot be an address has no page. It raises no error.

    config: `job.config`, as written. run_id, details: the answer to the job's start. region: the region in which the
    job was started. None outside of AWS, where no job has a page at AWS. An ARN in the config or in the run id has its
    own region and partition.
    variables: the values of `${INTERLOCK_…}` that are known. A value with another variable has no page. begin, end:
    the time of the job (UTC), for logs that several jobs share.
    """
    find = _FINDERS.get(job_type)
    if find is None:
        return JobLinks()
    spellings = aliases(job_type)
    known = {spellings.get(key, key): expand_known(value, variables or {}) for key, value in config.items()}
    return find(_Job(known, run_id, region, details or {}, begin, end))


def execution_name(pipeline_id: str, schedule_id: str, date: str, run_token: str) -> str:
    """The name of a run's execution, at most 80 characters: pipeline, schedule and date, then the token."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{pipeline_id}-{schedule_id}-{date}")
    return f"{readable[: 79 - len(run_token)]}-{run_token}"


def execution_arn(region: str, account: str, machine: str, name: str) -> str | None:
    """The ARN of an execution of the state machine `machine`. None for a region or an account of another form."""
    if not _REGION.fullmatch(region) or not _ACCOUNT.fullmatch(account):
        return None
    partition = _partition(region)
    return f"arn:{partition}:states:{region}:{account}:execution:{machine}:{name}" if partition else None


def execution_link(arn: str) -> Link | None:
    """The page of a Step Functions execution. None for a text that is not the ARN of one."""
    parts = arn.split(":")
    if len(parts) < 8 or parts[0] != "arn" or parts[2] != "states" or parts[5] != "execution":
        return None
    base = _console(parts[3], parts[1], "states")
    return (
        None
        if base is None
        else Link("Step Functions execution", f"{base}#/v2/executions/details/{quote(arn, safe=':')}")
    )


def alarm_link(region: str, alarm: str) -> Link | None:
    """The page of a CloudWatch alarm, by its name."""
    base = _console(region, None, "cloudwatch")
    return None if base is None else Link("alarm", f"{base}#alarmsV2:alarm/{_quoted(alarm)}")


def log_link(place: LogPlace, begin: datetime | None = None, end: datetime | None = None) -> Link | None:
    """The page of a place in CloudWatch Logs. begin, end: the shown time (UTC) of a whole group."""
    base = _console(place.region, None, "cloudwatch")
    if base is None:
        return None
    address = f"{base}#logsV2:log-groups/log-group/{_twice(place.group)}"
    if place.stream:
        return Link("CloudWatch logs", f"{address}$3FlogStreamNameFilter$3D{_twice(place.stream)}")
    times = (f"{name}$3D{int(at.timestamp() * 1000)}" for name, at in (("start", begin), ("end", end)) if at)
    shown = "$26".join(times)
    return Link("CloudWatch logs", f"{address}/log-events$3F{shown}" if shown else address)


class _Job(Struct, frozen=True):
    config: Mapping[str, Any]
    run_id: str | None
    region: str | None
    details: Mapping[str, str]
    begin: datetime | None
    end: datetime | None

    def text(self, name: str) -> str | None:
        """A value of the config as text. None without one, and for one with an unknown variable."""
        value = self.config.get(name)
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        return None if not text or "${" in text else text

    @property
    def id(self) -> str | None:
        return None if self.run_id in _WITHOUT_ID else self.run_id

    def pages(self, run: Link | None, *places: LogPlace) -> JobLinks:
        return JobLinks(run, log_link(places[0], self.begin, self.end) if places else None, places)


def _glue(job: _Job) -> JobLinks:
    base, name = _console(job.region, None, "gluestudio"), job.text("jobName")
    if base is None or name is None or job.region is None or job.id is None:
        return JobLinks()
    arguments = job.config.get("arguments")
    own = arguments.get(_GLUE_GROUP_ARGUMENT) if isinstance(arguments, Mapping) else None
    groups = ((own,) if isinstance(own, str) and own and "${" not in own else ()) + _GLUE_GROUPS
    run = Link("Glue run", f"{base}#/job/{_quoted(name)}/run/{_quoted(job.id)}")
    return job.pages(run, *(LogPlace(job.region, group, job.id) for group in groups))


def _emr(job: _Job) -> JobLinks:
    base, cluster = _console(job.region, None, "emr"), job.text("clusterId")
    return job.pages((base and cluster and Link("EMR cluster", f"{base}#/clusterDetails/{_quoted(cluster)}")) or None)


def _emr_serverless(job: _Job) -> JobLinks:
    base, application = _console(job.region, None, "emr"), job.text("applicationId")
    if base is None or application is None or job.region is None:
        return JobLinks()
    run = Link("EMR Serverless application", f"{base}#/serverless/applications/{_quoted(application)}")
    if job.id is None:
        return job.pages(run)
    # The console's own name of a stream has no slash before it. A prefix of the application's logging may end with one.
    stream = f"applications/{application}/jobs/{job.id}/"
    return job.pages(run, *(LogPlace(job.region, _EMR_SERVERLESS_GROUP, lead + stream) for lead in ("", "/")))


def _step_function(job: _Job) -> JobLinks:
    return job.pages(execution_link(job.id) if job.id and job.region else None)


def _lambda(job: _Job) -> JobLinks:
    given = job.text("functionName")
    # A name, name:alias, an ARN, or a partial ARN (account:function:name).
    found = given and re.fullmatch(
        r"(?:(?:arn:(?P<partition>[a-z-]+):lambda:(?P<region>[a-z0-9-]+):)?[0-9]{12}:function:)?"
        r"(?P<name>[A-Za-z0-9_-]+)(?::[A-Za-z0-9_$-]+)?",
        given,
    )
    if not found or job.region is None:
        return JobLinks()
    region, name = found["region"] or job.region, found["name"]
    base = _console(region, found["partition"], "lambda")
    if base is None or region is None:
        return JobLinks()
    run = Link("Lambda function", f"{base}#/functions/{name}")
    return job.pages(run, LogPlace(region, f"/aws/lambda/{name}"))


def _databricks(job: _Job) -> JobLinks:
    base, number = _web_address(job.text("workspaceUrl")), job.text("jobId")
    if base is None or number is None or job.id is None:
        return JobLinks()
    return job.pages(Link("Databricks run", f"{base}/jobs/{_quoted(number)}/runs/{_quoted(job.id)}"))


def _airflow(job: _Job) -> JobLinks:
    base, dag = _web_address(job.text("url")), job.text("dagID")
    if base is None or dag is None or job.id is None:
        return JobLinks()
    named = _AIRFLOW_API.search(base)
    version = named[1] if named else job.details.get("api")
    page = f"{_AIRFLOW_API.sub('', base)}/dags/{_quoted(dag)}"
    # Airflow 2 shows a run within the grid of its DAG. Both versions know the page of a DAG.
    pages = {"v1": f"/grid?dag_run_id={_quoted(job.id)}", "v2": f"/runs/{_quoted(job.id)}"}
    return job.pages(Link("Airflow run", page + pages.get(version or "", "")))


_FINDERS: Mapping[str, Callable[[_Job], JobLinks]] = {
    "airflow": _airflow,
    "databricks": _databricks,
    "emr": _emr,
    "emr-serverless": _emr_serverless,
    "glue": _glue,
    "lambda": _lambda,
    "step-function": _step_function,
}
"""The job types with pages. A command has none, and the address of an http job may contain a secret."""


def _console(region: str | None, partition: str | None, service: str) -> str | None:
    """The address of a service's console. partition: that of an ARN, None for that of the region."""
    if region is None or not _REGION.fullmatch(region):
        return None
    if partition is None:
        partition = _partition(region)
    host = _CONSOLES.get(partition)
    return None if host is None else f"https://{region}.{host}/{service}/home?region={region}"


def _partition(region: str) -> str:
    """The partition of a region, "" for one whose console is not open to everyone."""
    return next((name for begin, name in _PARTITIONS if region.startswith(begin)), "aws")


def _web_address(text: str | None) -> str | None:
    """An address without user name, query and fragment. None unless it is one of http or https."""
    if text is None or not text.isascii() or not text.isprintable() or re.search(r"[\s\\\"<>]", text):
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _twice(text: str) -> str:
    """A name as the console of CloudWatch Logs has it in a fragment: quoted twice, with $ for %."""
    return _quoted(_quoted(text)).replace("%", "$")
