"""Posts the alerts of the queue to Slack threads."""
