"""The expected type of a value, with the words and examples of its annotations."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec.inspect as shape
from msgspec import Meta

from interlock_config._fields import OFFSET_ALLOWED, CheckName, Field, SensorKey
from interlock_config._structs import Section
from interlock_rules import FARTHEST_OFFSET, Rule


class RuleForm(Section, frozen=True):
    """One condition on one sensor."""

    # Replaces interlock_rules.Rule, which has no descriptions and does not reject unknown keys.

    key: SensorKey
    check: CheckName
    field: Field = None
    value: Annotated[Any, Meta(description="Value that the field is compared with.", examples=[100])] = None
    any_date: Annotated[
        bool,
        Meta(description="true for reference data with its own date: the row counts for every run.", examples=[True]),
    ] = False
    date_offset: Annotated[
        int,
        Meta(
            description="The row must name the run's date plus this number of days, or of hours for an hourly run.",
            examples=[-1],
            extra={
                "allowed": OFFSET_ALLOWED,
                "schema": {"type": "integer", "minimum": -FARTHEST_OFFSET, "maximum": FARTHEST_OFFSET},
            },
        ),
    ] = 0


_DESCRIBED_BY: dict[type, type] = {Rule: RuleForm}


class Expected:
    """A type with the words of its annotations. The innermost annotation counts, except for the description."""

    def __init__(self, declared: shape.Type) -> None:
        self.allowed = ""
        self.is_time = False
        self.longest: timedelta | None = None
        self.description = ""
        self.examples: list[Any] = []
        self.schema: dict[str, Any] | None = None
        while isinstance(declared, shape.Metadata | shape.UnionType):
            inner = self._unwrapped(declared)
            if inner is declared:
                break
            declared = inner
        if isinstance(declared, shape.StructType) and declared.cls in _DESCRIBED_BY:
            declared = shape.type_info(_DESCRIBED_BY[declared.cls])
        self.type = declared

    def _unwrapped(self, declared: shape.Metadata | shape.UnionType) -> shape.Type:
        if isinstance(declared, shape.UnionType):
            left = choices(declared)
            return left[0] if len(left) == 1 else declared
        said = declared.extra or {}
        self.allowed = said.get("allowed", self.allowed)
        self.is_time = said.get("time", self.is_time)
        self.longest = said.get("longest", self.longest)
        self.schema = said.get("schema", self.schema)
        shown = declared.extra_json_schema or {}
        self.description = self.description or shown.get("description", "")
        self.examples = shown.get("examples", self.examples)
        return declared.type


def choices(union: shape.UnionType) -> list[shape.Type]:
    """The types of a union except null: a file leaves out a key without a value."""
    return [choice for choice in union.types if not isinstance(choice, shape.NoneType)]


def stand_in(declared: shape.Type) -> Any:
    """A fitting value for a required place whose own value is missing or wrong."""
    expected = Expected(declared)
    if expected.examples:
        return expected.examples[0]
    assert isinstance(expected.type, shape.StructType), declared  # every required leaf carries an example
    return {field.encode_name: stand_in(field.type) for field in expected.type.fields if field.required}


def allowed_words(expected: Expected) -> str:
    """The allowed values as the end of a sentence, `must be …`. Empty if the type does not define them."""
    kind = expected.type
    if expected.allowed:
        return expected.allowed
    if isinstance(kind, shape.IntType) and kind.ge is not None:
        return f"must be {kind.ge}" if kind.ge == kind.le else f"must be a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, shape.FloatType):
        return f"must be a number, {kind.ge or 0} or more"
    if isinstance(kind, shape.EnumType):
        return f"must be one of {', '.join(str(member.value) for member in kind.cls)}"
    if isinstance(kind, shape.StructType):
        required = [field.encode_name for field in kind.fields if field.required]
        return f"must be a mapping with {', '.join(required)}" if required else "must be a mapping"
    return ""
