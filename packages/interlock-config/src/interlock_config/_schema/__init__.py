"""The JSON Schemas: `_schema` makes the documents, `_types` the schema of one type."""

from ._schema import alerts_schema, calendar_schema, json_schema

__all__ = [
    "alerts_schema",
    "calendar_schema",
    "json_schema",
]
