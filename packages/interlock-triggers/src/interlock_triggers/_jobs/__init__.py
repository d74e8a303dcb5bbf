"""The job types: one module each, named after the type, and the helpers that several of them use.

`_kinds` is the table of all types, `_forms` has the keys of `job.config`. `_airflow_api` and `_glue_logs` belong to
one type. `_json_api` is used by airflow and databricks, `_aws` by all AWS types, `_found_or_sent` by those AWS types
whose target has no idempotency key.
"""

from ._aws import AwsTrouble, check_error
from ._forms import BadConfig, read_form, spellings
from ._kinds import KINDS, Kind

__all__ = ["KINDS", "AwsTrouble", "BadConfig", "Kind", "check_error", "read_form", "spellings"]
