"""The JSON Schemas: `_schema` makes the documents, `_types` the schema of one type."""

from ._schema import calendar_schema, json_schema

__all__ = [
    "calendar_schema",
    "json_schema",
]
