"""Corrupted rows: the repair of a run's row, and the report about any other row."""

from interlock_lifecycle.rows._corrupted import RepairFacts, decide_repair, report_corrupted

__all__ = ["RepairFacts", "decide_repair", "report_corrupted"]
