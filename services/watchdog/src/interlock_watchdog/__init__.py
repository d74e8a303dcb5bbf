"""Finds what did not happen, every few minutes."""
