"""Writes the rows by which producers of data report to Interlock (docs/reference/rows.md §2.2, §2.4 and §3)."""

from ._load import Load
from ._recorded import RecordedSensors
from ._rows import InvalidRow, Reading
from ._sensors import Sensors
from ._tables import NotWritten

__all__ = ["InvalidRow", "Load", "NotWritten", "Reading", "RecordedSensors", "Sensors"]
