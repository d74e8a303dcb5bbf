"""The two declarations of a job type agree on each key, its types, its default and its spellings."""

from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from interlock_config import JobType
from interlock_config._job_types import JOB_TYPES, aliases
from interlock_triggers import job_types
from interlock_triggers._jobs import KINDS, read_form, spellings

REQUIRED = "required"

# The value of config, then that of triggers. Everything else is equal.
_TEXT = ("bool int str", "bool float int str")  # config rejects a float, because it has several texts
_SECONDS = ("None float", "float str")  # config converts a duration to seconds
_LIMIT = (None, 30.0)  # config does not store a key that a file leaves out
DIFFERENCES: dict[str, tuple[object, object]] = {
    "http.headers: types": (f"dict[{_TEXT[0]}]", f"dict[{_TEXT[1]}]"),
    "http.timeout: types": _SECONDS,
    "http.timeout: default": _LIMIT,
    "airflow.headers: types": (f"dict[{_TEXT[0]}]", f"dict[{_TEXT[1]}]"),
    "airflow.timeout: types": _SECONDS,
    "airflow.timeout: default": _LIMIT,
    "glue.arguments: types": (f"dict[{_TEXT[0]}]", f"dict[{_TEXT[1]}]"),
    "emr.arguments: types": (f"dict[{_TEXT[0]}] list[{_TEXT[0]}]", f"dict[{_TEXT[1]}] list[{_TEXT[1]}]"),
    "databricks.headers: types": (f"dict[{_TEXT[0]}]", f"dict[{_TEXT[1]}]"),
}


class Key(NamedTuple):
    """One key of a job's config."""

    types: str
    default: object


def type_names(hint: Any) -> set[str]:
    """The plain types of a hint, without constraints. An enum counts as the type of its values."""
    origin = get_origin(hint)
    if origin is Annotated:
        return type_names(get_args(hint)[0])
    if origin in (Union, UnionType):
        return {name for part in get_args(hint) for name in type_names(part)}
    if origin in (dict, list):
        return {f"{origin.__name__}[{written(get_args(hint)[-1])}]"}
    if hint in (None, NoneType):
        return {"None"}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {type(member.value).__name__ for member in hint}
    return {getattr(hint, "__name__", str(hint))}


def written(hint: Any) -> str:
    return " ".join(sorted(type_names(hint)))


def default_of(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return REQUIRED if field.default is msgspec.NODEFAULT else field.default


def keys(form: type[msgspec.Struct]) -> dict[str, Key]:
    hints = get_type_hints(form, include_extras=True)
    fields = msgspec.structs.fields(form)
    return {field.encode_name: Key(written(hints[field.name]), default_of(field)) for field in fields}


def differences(name: str, file: type[msgspec.Struct], job: type[msgspec.Struct]) -> Iterator[tuple[str, Any]]:
    """Each part of each key that one side lacks, or has otherwise."""
    ours, theirs = keys(file), keys(job)
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours or key not in theirs:
            yield f"{name}.{key}", (key in ours, key in theirs)
            continue
        for part, one, other in zip(Key._fields, ours[key], theirs[key], strict=True):
            if one != other:
                yield f"{name}.{key}: {part}", (one, other)


def test_both_packages_know_the_same_job_types() -> None:
    assert list(job_types()) == [str(name) for name in JOB_TYPES]
    assert set(JOB_TYPES) == set(JobType)


def test_both_declare_the_same_keys() -> None:
    found = dict(pair for name, form in JOB_TYPES.items() for pair in differences(name, form, KINDS[name].form))
    assert found == DIFFERENCES


@pytest.mark.parametrize("name", JOB_TYPES)
def test_both_accept_the_same_spellings(name: JobType) -> None:
    assert spellings(KINDS[name].form) == aliases(name.value)


def example(form: type[msgspec.Struct], *, only_required: bool) -> dict[str, Any]:
    """A config of the examples that describe the keys in the JSON Schema."""
    found = {}
    for field in msgspec.structs.fields(form):
        if not only_required or default_of(field) is REQUIRED:
            found[field.encode_name] = examples(get_type_hints(form, include_extras=True)[field.name])[0]
    return found


def examples(hint: Any) -> list[Any]:
    for part in (hint, *get_args(hint)):
        for meta in get_args(part)[1:] if get_origin(part) is Annotated else ():
            if isinstance(meta, msgspec.Meta) and meta.examples:
                return meta.examples
    raise AssertionError(f"{hint} has no example")


@pytest.mark.parametrize("only_required", [True, False])
@pytest.mark.parametrize("name", JOB_TYPES)
def test_the_examples_of_the_keys_are_a_config_of_the_trigger(name: JobType, only_required: bool) -> None:
    form = KINDS[name].form
    assert isinstance(read_form(form, example(JOB_TYPES[name], only_required=only_required)), form)


class _File(msgspec.Struct, rename="camel"):
    same: str
    renamed_key: str
    typed: Annotated[int, msgspec.Meta(ge=1)]
    optional: str = "a"
    extra: str | None = None


class _Job(msgspec.Struct, rename="camel"):
    same: str
    other_key: str
    typed: str
    optional: str = "b"


def test_a_difference_of_any_part_is_found() -> None:
    assert dict(differences("x", _File, _Job)) == {
        "x.extra": (True, False),
        "x.optional: default": ("a", "b"),
        "x.otherKey": (False, True),
        "x.renamedKey": (True, False),
        "x.typed: types": ("int", "str"),
    }
