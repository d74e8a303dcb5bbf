"""The colours of events in a terminal follow the event catalogue."""

import pytest

from interlock_cli._signals._events import colour_of
from interlock_lifecycle.events import EventType


@pytest.mark.parametrize(
    ("event_type", "colour"),
    [
        (EventType.SLA_BREACH, "red"),
        (EventType.JOB_FAILED, "yellow"),
        (EventType.SENSOR_UNDATED, "yellow"),
        (EventType.DRY_RUN_RERUN_REJECTED, "cyan"),
        (EventType.PIPELINE_EXCLUDED, "cyan"),
        (EventType.SLA_MET, "green"),
        (EventType.VALIDATION_PASSED, "default"),
        ("OF_A_LATER_VERSION", "yellow"),
    ],
)
def test_an_event_has_the_colour_of_its_severity(event_type: str, colour: str) -> None:
    assert colour_of(event_type) == colour
