"""The fates of records, and the report on them."""

import threading

import pytest

from interlock_dlq import AuditError, AuditReport, AuditTracker, Fate

FINAL = [Fate.ACKNOWLEDGED, Fate.REJECTED, Fate.RETURNED]


def test_report_counts_fates_and_lists_pending_records() -> None:
    audit = AuditTracker()
    for identifier in "abcde":
        audit.expect(identifier)
    audit.settle("a", Fate.ACKNOWLEDGED)
    audit.settle("b", Fate.REJECTED)
    audit.settle("c", Fate.RETURNED)
    report = audit.reconcile()
    assert report == AuditReport(expected=5, acknowledged=1, rejected=1, returned=1, pending=("d", "e"), duplicates=())
    assert not report.balanced
    audit.settle("d", Fate.ACKNOWLEDGED)
    audit.settle("e", Fate.ACKNOWLEDGED)
    assert audit.reconcile().balanced


def test_record_expected_twice_is_duplicate_and_counts_once() -> None:
    audit = AuditTracker()
    assert audit.expect("a") is True
    audit.settle("a", Fate.ACKNOWLEDGED)
    assert audit.expect("a") is False
    report = audit.reconcile()
    assert (report.expected, report.acknowledged, report.duplicates) == (1, 1, ("a",))


@pytest.mark.parametrize("first", FINAL)
@pytest.mark.parametrize("second", FINAL)
def test_a_record_ends_once(first: Fate, second: Fate) -> None:
    audit = AuditTracker()
    audit.expect("a")
    audit.settle("a", first)
    with pytest.raises(AuditError, match=f"is {first} already"):
        audit.settle("a", second)
    assert audit.fate("a") is first


def test_record_that_was_never_expected_cannot_end() -> None:
    audit = AuditTracker()
    with pytest.raises(AuditError, match="was never expected"):
        audit.settle("a", Fate.ACKNOWLEDGED)
    assert audit.fate("a") is None


def test_pending_is_not_final() -> None:
    audit = AuditTracker()
    audit.expect("a")
    with pytest.raises(AuditError, match="cannot end as pending"):
        audit.settle("a", Fate.PENDING)


def test_only_one_of_many_threads_settles_record() -> None:
    audit = AuditTracker()
    audit.expect("a")
    gate = threading.Barrier(8)
    rejected: list[AuditError] = []

    def settle() -> None:
        gate.wait(300)
        try:
            audit.settle("a", Fate.ACKNOWLEDGED)
        except AuditError as error:
            rejected.append(error)

    threads = [threading.Thread(target=settle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len(rejected) == 7
