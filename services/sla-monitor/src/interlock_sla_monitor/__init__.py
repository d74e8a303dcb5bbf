"""Manages SLA timers and fires their alerts."""
