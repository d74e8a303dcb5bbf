"""Takes stream records of the control and joblog tables: commits decisions, starts executions, relays events."""
