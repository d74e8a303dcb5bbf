"""The table of job types by name: the form, the functions, and whether the target deduplicates starts."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from interlock_triggers._call import Call
from interlock_triggers._types import Attempt, Started, Status

from . import (
    _airflow,
    _command,
    _databricks,
    _emr,
    _emr_serverless,
    _glue,
    _http,
    _lambda,
    _step_function,
)
from ._forms import (
    AirflowForm,
    CommandForm,
    DatabricksForm,
    EmrForm,
    EmrServerlessForm,
    Form,
    GlueForm,
    HttpForm,
    LambdaForm,
    StepFunctionForm,
)


class Kind(Struct, frozen=True):
    """A job type. `check` is None for types whose jobs end within their start."""

    form: type[Form]
    deduplicates: bool
    start: Callable[[Call[Any], Attempt], Started]
    check: Callable[[Call[Any], str, Mapping[str, str]], Status] | None = None
    find: Callable[[Call[Any], Attempt], str | None] | None = None


def _without_details(check: Callable[[Call[Any], str], Status]) -> Callable[..., Status]:
    return lambda call, run_id, details: check(call, run_id)


KINDS: Mapping[str, Kind] = {
    "http": Kind(HttpForm, True, _http.start),
    "command": Kind(CommandForm, False, _command.start),
    "airflow": Kind(AirflowForm, True, _airflow.start, _airflow.check, _airflow.find),
    "glue": Kind(GlueForm, False, _glue.start, _without_details(_glue.check), _glue.find),
    "emr": Kind(EmrForm, False, _emr.start, _without_details(_emr.check), _emr.find),
    "emr-serverless": Kind(EmrServerlessForm, True, _emr_serverless.start, _without_details(_emr_serverless.check)),
    "step-function": Kind(
        StepFunctionForm,
        True,
        _step_function.start,
        _without_details(_step_function.check),
        _step_function.find,
    ),
    "databricks": Kind(DatabricksForm, True, _databricks.start, _without_details(_databricks.check)),
    "lambda": Kind(LambdaForm, False, _lambda.start),
}
