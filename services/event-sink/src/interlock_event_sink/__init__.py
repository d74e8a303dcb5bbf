"""Writes every event to the events table."""
