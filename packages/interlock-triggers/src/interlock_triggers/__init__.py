"""Nine job types, each started at most once per attempt and followed to its end."""

__all__: list[str] = []
