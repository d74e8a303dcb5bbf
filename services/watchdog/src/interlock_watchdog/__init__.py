"""Finds missing runs, timers and sensors every few minutes."""
