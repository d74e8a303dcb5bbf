"""Pipeline files: read, validated all at once, described by a JSON Schema."""

__all__: list[str] = []
