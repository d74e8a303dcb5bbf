"""Traces, metrics, JSON logs, deadlines, health and profiles for Lambda functions."""

__all__: list[str] = []
