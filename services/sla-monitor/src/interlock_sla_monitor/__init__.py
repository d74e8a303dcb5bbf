"""SLA timers and the alerts they fire."""
