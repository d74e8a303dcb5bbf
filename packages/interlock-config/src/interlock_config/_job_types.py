"""The keys of `job.config` for each job type, and the accepted spellings of these keys."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ._fields import DURATION_PATTERN, JobType, any_case


class Method(StrEnum):
    """The HTTP methods that a request may use."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


Text = str | int | bool
"""A value that is sent as text. Numbers and booleans are written out."""


class JobConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """Common settings of the job types: camelCase on the wire, no unknown keys."""


def _text(description: str, example: str) -> Meta:
    return Meta(
        min_length=1,
        description=description,
        examples=[example],
        extra={"allowed": "must be text, not empty"},
    )


_VARIABLE = r"\$\{[^{}\s]*\}"
_HOST = rf"(\[[0-9A-Fa-f:.]+\]|([^\s/?#@:${{}}\[\]]|{_VARIABLE})+)"
_PORT = "0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"


def _url(description: str, example: str) -> Meta:
    return Meta(
        pattern=rf"^(https?://([^\s/?#]*@)?{_HOST}(:({_PORT}|{_VARIABLE})?)?([/?#][^\s]*)?"
        r"|\$\{(INTERLOCK_[A-Za-z0-9_]+|secret:[^{}\s]+)\}[^\s]*)$(?!\n)",
        description=description,
        examples=[example],
        extra={"allowed": "must be a URL that begins with https:// or http:// and a host"},
    )


def _arn(service: str, description: str, example: str) -> Meta:
    return Meta(
        pattern=rf"^(arn:[a-z0-9-]+:{service}:[^\s]+|\$\{{INTERLOCK_[A-Za-z0-9_]+\}}[^\s]*)$(?!\n)",
        description=description,
        examples=[example],
        extra={"allowed": f"must be an ARN such as {example}"},
    )


Headers = Annotated[
    dict[str, Text],
    Meta(
        description="Request headers.",
        examples=[{"Authorization": "Bearer ${INTERLOCK_TOKEN}"}],
        extra={"allowed": "must be a mapping of header names to text"},
    ),
]
TextArguments = Annotated[
    dict[str, Text],
    Meta(
        description="Arguments: names with texts.",
        examples=[{"--table": "orders"}],
        extra={"allowed": "must be a mapping of names to text"},
    ),
]
Payload = Annotated[
    str | dict[str, Any] | list[Any],
    Meta(
        description="Text that is sent unchanged, or a structure that is sent as JSON.",
        examples=[{"table": "orders"}],
        extra={"allowed": "must be text, a mapping or a list"},
    ),
]
Structure = Annotated[
    dict[str, Any],
    Meta(
        description="Arguments, sent as JSON.",
        examples=[{"table": "orders"}],
        extra={"allowed": "must be a mapping"},
    ),
]
Timeout = Annotated[
    float,
    Meta(
        gt=0,
        le=900,
        description="Seconds, or a duration such as 30s.",
        examples=[30],
        extra={
            "allowed": "must be a number of seconds above 0, at most 900, or a duration such as 30s",
            "schema": {
                "anyOf": [
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 900},
                    {"type": "string", "pattern": DURATION_PATTERN},
                ]
            },
        },
    ),
]


class HttpJob(JobConfig, frozen=True):
    """One HTTP request. The response is the outcome."""

    url: Annotated[str, _url("Address of the request.", "https://jobs.example.com/run")]
    method: Annotated[
        Method,
        Meta(description="HTTP method, in any letter case.", examples=["POST"], extra={"schema": any_case(Method)}),
    ] = Method.POST
    headers: Headers = {}
    body: Payload | None = None
    timeout: Timeout | None = None


class CommandJob(JobConfig, frozen=True):
    """A local command, started without a shell."""

    command: Annotated[str, _text("Program and arguments, quoted as for a shell.", "python -m load orders")]
    working_directory: Annotated[str, _text("Directory that the command runs in.", "/opt/jobs")] | None = None


class AirflowJob(JobConfig, frozen=True):
    """A DAG run."""

    url: Annotated[str, _url("Base address of Airflow.", "https://airflow.example.com")]
    dag_id: Annotated[str, _text("Id of the DAG.", "load_orders")] = msgspec.field(name="dagID")
    headers: Headers = {}
    body: Payload | None = None
    timeout: Timeout | None = None


class GlueJob(JobConfig, frozen=True):
    """A Glue job run."""

    job_name: Annotated[str, _text("Name of the Glue job.", "load-orders")]
    arguments: TextArguments = {}


class EmrJob(JobConfig, frozen=True):
    """A step of a running EMR cluster."""

    cluster_id: Annotated[str, _text("Id of the cluster.", "j-2AXXXXXXGAPLF")]
    step_name: Annotated[str, _text("Name of the step.", "load-orders")]
    command: Annotated[str, _text("Jar or command of the step.", "command-runner.jar")]
    arguments: Annotated[
        list[Text] | dict[str, Text],
        Meta(
            description="Arguments of the step.",
            examples=[["spark-submit", "s3://code/load.py"]],
            extra={"allowed": "must be a list of text, or a mapping of names to text"},
        ),
    ] = []


class EmrServerlessJob(JobConfig, frozen=True):
    """A job run of an EMR Serverless application."""

    application_id: Annotated[str, _text("Id of the application.", "00f1abcdexample")]
    execution_role_arn: Annotated[str, _arn("iam", "Role of the job.", "arn:aws:iam::123456789012:role/emr-jobs")]
    job_driver: Annotated[
        dict[str, Any],
        Meta(
            min_length=1,
            description="The API's jobDriver.",
            examples=[{"sparkSubmit": {"entryPoint": "s3://code/load.py"}}],
            extra={"allowed": "must be a mapping such as {sparkSubmit: {entryPoint: s3://…}}"},
        ),
    ]
    job_name: Annotated[str, _text("Name of the run.", "load-orders")] | None = None


class StepFunctionJob(JobConfig, frozen=True):
    """An execution of a Standard state machine."""

    state_machine_arn: Annotated[
        str,
        _arn("states", "The state machine.", "arn:aws:states:eu-central-1:123456789012:stateMachine:load"),
    ]
    arguments: Structure = {}


class DatabricksJob(JobConfig, frozen=True):
    """A run of a Databricks job, started with run-now."""

    workspace_url: Annotated[str, _url("The workspace.", "https://example.cloud.databricks.com")]
    job_id: Annotated[
        Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^([0-9]+|\$\{INTERLOCK_[A-Za-z0-9_]+\})$(?!\n)")],
        Meta(
            description="Number of the job.",
            examples=[620],
            extra={"allowed": "must be the job's number"},
        ),
    ]
    headers: Headers = {}
    arguments: Structure = {}


class LambdaJob(JobConfig, frozen=True):
    """A synchronous invocation of a Lambda function."""

    function_name: Annotated[str, _text("Name or ARN of the function.", "load-orders")]
    payload: Payload | None = None


JOB_TYPES: dict[JobType, type[JobConfig]] = {
    JobType.HTTP: HttpJob,
    JobType.COMMAND: CommandJob,
    JobType.AIRFLOW: AirflowJob,
    JobType.GLUE: GlueJob,
    JobType.EMR: EmrJob,
    JobType.EMR_SERVERLESS: EmrServerlessJob,
    JobType.STEP_FUNCTION: StepFunctionJob,
    JobType.DATABRICKS: DatabricksJob,
    JobType.LAMBDA: LambdaJob,
}

_ALIASES = {
    job_type.value: {
        snake: camel
        for snake, camel in zip(form.__struct_fields__, form.__struct_encode_fields__, strict=True)
        if snake != camel
    }
    for job_type, form in JOB_TYPES.items()
}
_ALIASES[JobType.AIRFLOW.value]["dagId"] = "dagID"  # both letter cases are found in configs


def aliases(job_type: object) -> dict[str, str]:
    """The other spellings of a type's keys, each with its canonical name. An unknown type has no spellings."""
    return _ALIASES.get(job_type, {}) if isinstance(job_type, str) else {}
