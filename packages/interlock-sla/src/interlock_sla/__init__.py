"""Deadlines, durations, execution dates, cron fires and calendars for data pipelines."""

__all__: list[str] = []
