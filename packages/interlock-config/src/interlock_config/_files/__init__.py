"""Text becomes documents: `_yaml` and `_json` read text, `_codec` makes pipelines, `_calendars` makes calendars.

`_alerts` makes the routing of alerts.

`_documents` reviews several files together. `_yaml_scalars` and `_yaml_syntax` are parts of `_yaml`, which
`_yaml_on_demand` imports at its first use.
"""

from ._alerts import decode_alerts, decode_alerts_yaml, encode_alerts
from ._calendars import CalendarFile, decode_calendar, decode_calendar_yaml, encode_calendar
from ._codec import decode_json, decode_yaml, encode_json, shown_config
from ._documents import Document, Review, check, read_document, review, validate

__all__ = [
    "CalendarFile",
    "Document",
    "Review",
    "check",
    "decode_alerts",
    "decode_alerts_yaml",
    "decode_calendar",
    "decode_calendar_yaml",
    "decode_json",
    "decode_yaml",
    "encode_alerts",
    "encode_calendar",
    "encode_json",
    "read_document",
    "review",
    "shown_config",
    "validate",
]
