"""Control and joblog stream records in; commits decisions, starts executions and relays events."""
