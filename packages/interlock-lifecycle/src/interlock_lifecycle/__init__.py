"""What happens next to a pipeline run: pure decisions and the events they imply."""

__all__: list[str] = []
