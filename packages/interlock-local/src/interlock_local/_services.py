"""The names of the services, for commands that do not load the builder of their zips."""

SERVICES = ("stream-router", "orchestrator", "sla-monitor", "watchdog", "event-sink", "alert-dispatcher")
