"""Alerts from the queue to Slack threads."""
