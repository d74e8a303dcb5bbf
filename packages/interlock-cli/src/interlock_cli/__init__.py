"""The interlock command: pipelines, sensors, status, events, and a local stack."""

__all__: list[str] = []
