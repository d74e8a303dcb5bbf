import interlock_triggers
from interlock_triggers import Capability, capability, job_types


def test_every_exported_name_exists_and_the_list_is_sorted() -> None:
    names = interlock_triggers.__all__
    assert names == sorted(names)
    assert all(getattr(interlock_triggers, name).__doc__ for name in names)


def test_the_capability_of_each_type() -> None:
    assert {name: capability(name) for name in job_types()} == {
        "http": Capability(deduplicates=True, findable=False, synchronous=True),
        "command": Capability(deduplicates=False, findable=False, synchronous=True),
        "airflow": Capability(deduplicates=True, findable=True, synchronous=False),
        "glue": Capability(deduplicates=False, findable=True, synchronous=False),
        "emr": Capability(deduplicates=False, findable=True, synchronous=False),
        "emr-serverless": Capability(deduplicates=True, findable=False, synchronous=False),
        "step-function": Capability(deduplicates=True, findable=True, synchronous=False),
        "databricks": Capability(deduplicates=True, findable=False, synchronous=False),
        "lambda": Capability(deduplicates=False, findable=False, synchronous=True),
    }
