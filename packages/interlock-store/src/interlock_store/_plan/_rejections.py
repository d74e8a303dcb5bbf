"""The writes of counted rejections."""

from interlock_lifecycle import CountedRejections, Rejections, RejectSensor
from interlock_store._rows import REJECTIONS_READ, counter_row, marker_row
from interlock_store._write import NOTHING_THERE, Expect, Put, Write


def reject_sensor(decision: RejectSensor, control: str) -> Put:
    """The counter of rejected rows of a kind."""
    row = marker_row(decision.pipeline_id, decision.marker, decision.after.reported_at)
    return Put(control, {**row, "count": decision.after.count}, _rejections_as_read(decision.before))


def _rejections_as_read(before: Rejections | None) -> Expect:
    if before is None:
        return NOTHING_THERE
    absent = tuple(name for name in REJECTIONS_READ if name not in before.as_read) if before.as_read else ()
    return Expect(exists=True, equals=before.as_read, absent=absent)


def count_rejection(counted: CountedRejections | None, control: str) -> list[Write]:
    """The counter of rejections, on condition that it is as it was read."""
    if counted is None:
        return []
    return [Put(control, counter_row(counted), _rejections_as_read(counted.before))]
