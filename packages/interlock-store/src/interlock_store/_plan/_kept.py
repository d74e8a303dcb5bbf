"""The writes of the sensor rows that a date keeps."""

from datetime import datetime

from interlock_lifecycle import KeepRows, KeptRows, NoteDormant, RunKey
from interlock_store._rows import UNREADABLE_VERSION, kept_row, marker_row, pipeline_pk, run_sk
from interlock_store._write import ANYTHING, NOTHING_THERE, Check, Expect, Put, Write


def open_kept_rows(key: RunKey, kept: KeptRows, at: datetime, control: str) -> list[Write]:
    """The kept rows of a new date. They replace those of an earlier run of the date.

    A date that waited on an excluded day begins on the version of its kept rows by which it was judged.
    """
    if kept.version > 1:
        return [kept_version(key, kept, at, control)]
    return [Put(control, kept_row(key, kept, at))] if kept.rows else []


def kept_version(key: RunKey, kept: KeptRows, at: datetime, control: str) -> Put:
    """The next version of the rows that a date keeps. The write fails if another version exists."""
    before = kept.version - 1
    expect = Expect(equals={"version": before}) if before else NOTHING_THERE
    if before == UNREADABLE_VERSION:
        expect = ANYTHING
    return Put(control, kept_row(key, kept, at), expect)


def keep_rows(decision: KeepRows, control: str) -> Put:
    """The next version of the rows that a date keeps."""
    return kept_version(decision.key, decision.kept, decision.at, control)


def note_dormant(decision: NoteDormant, control: str) -> list[Write]:
    """The kept rows of a date that waits. The write fails if the date has begun."""
    key, marker = decision.key, decision.marker
    begun = Check(control, pipeline_pk(key.pipeline_id), run_sk("TRIGGER", key), NOTHING_THERE)
    writes: list[Write] = [kept_version(key, decision.kept, decision.at, control), begun]
    if marker is not None:
        writes.append(Put(control, marker_row(key.pipeline_id, marker, decision.at), NOTHING_THERE))
    return writes
