"""Declarative rules over sensor readings, with an explanation of every result."""

__all__: list[str] = []
