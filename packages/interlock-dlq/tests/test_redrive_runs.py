"""A redrive ends, counts letters, and can be killed and resumed."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dlq_queue import START, FakeQueue
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_dlq import (
    DeadLetter,
    Entry,
    FileLedger,
    Ledger,
    LedgerError,
    RedriveReport,
    RedriveStopped,
    ResendFailed,
    Step,
    decode_letter,
    encode_letter,
    list_letters,
    make_letter,
    read_letters,
    redrive,
)

URL = "https://sqs/letters"


def letter(number: int, **more: Any) -> DeadLetter:
    record = {"n": number, **more}
    return make_letter(record, KeyError("PK"), source="arn:stream", now=START, correlation_id=f"e-{number}")


def filled(count: int, **options: Any) -> FakeQueue:
    queue = FakeQueue(**options)
    for number in range(count):
        queue.put(encode_letter(letter(number)))
    return queue


def run(queue: FakeQueue, resend: Any, **options: Any) -> RedriveReport:
    return redrive(URL, resend, client=queue, now=queue.now, wait_seconds=0, **options)


@pytest.mark.parametrize("skew", [-3600, 0, 3600])
@pytest.mark.parametrize("obeys_hold", [True, False])
def test_record_that_dies_again_is_resent_once(skew: int, obeys_hold: bool) -> None:
    """Whatever the difference between the clocks of the redrive and of the queue."""
    queue, resent = filled(3, obeys_hold=obeys_hold), Counter[int]()

    def die_again(one: DeadLetter) -> None:
        resent[one.payload["n"]] += 1
        queue.put(encode_letter(letter(one.payload["n"])))

    redrive(
        URL, die_again, client=queue, now=lambda: queue.moment + timedelta(seconds=skew), wait_seconds=0, limit=1000
    )
    assert max(resent.values(), default=0) <= 1
    assert len(queue.bodies) == 3
    assert resent == (Counter(dict.fromkeys(range(3), 1)) if skew >= 0 else Counter())


def test_further_letter_of_resent_record_is_counted() -> None:
    """The clock of the redrive is ahead, so that the new letter is not newer."""
    queue = filled(1)

    def clock() -> datetime:
        return queue.moment + timedelta(hours=1)

    report = redrive(URL, lambda one: queue.put(encode_letter(letter(0))), client=queue, now=clock, wait_seconds=0)
    assert (report, len(queue.bodies)) == (RedriveReport(resent=1, again=1), 1)


def test_record_that_dies_again_is_no_newer_letter() -> None:
    queue = filled(2)

    def die_again(one: DeadLetter) -> None:
        queue.moment += timedelta(minutes=1)
        queue.put(encode_letter(letter(one.payload["n"])))

    assert run(queue, die_again) == RedriveReport(resent=2, again=2)
    assert len(queue.bodies) == 2


def fail(one: DeadLetter) -> None:
    raise ResendFailed("still broken")


def test_failing_letters_count_once_however_often_they_come() -> None:
    queue = filled(3, obeys_hold=False)
    report = run(queue, fail)
    assert (report.failed, report.letters, len(queue.bodies)) == (3, 3, 3)


def test_letter_in_two_messages_is_resent_once_and_never_lost() -> None:
    """The second message may be the answer of a resend that puts the same letter into the queue again."""
    queue, resent, twin = FakeQueue(), [], encode_letter(letter(1))
    queue.put(twin)
    queue.put(twin)
    assert run(queue, resent.append) == RedriveReport(resent=1, again=1)
    assert (len(resent), len(queue.bodies)) == (1, 1)


def test_newer_letters_stay_and_do_not_keep_redrive_alive() -> None:
    queue = filled(2)
    began = Ledger(queue.moment)
    queue.moment += timedelta(minutes=1)
    queue.put(encode_letter(letter(7)))
    assert run(queue, lambda one: None, ledger=began) == RedriveReport(resent=2, newer=1)
    assert len(queue.bodies) == 1


def test_failing_delete_keeps_report_and_ledger_settles_it() -> None:
    failing = True

    def fails(request: str) -> None:
        if request == "delete" and failing:
            raise TimeoutError("slow")

    queue, ledger, resent = filled(3, fails=fails), Ledger(START), []
    first = run(queue, resent.append, ledger=ledger)
    assert (first.resent, len(first.undeleted), len(queue.bodies)) == (3, 3, 3)
    failing = False
    queue.show_all()
    assert run(queue, resent.append, ledger=ledger) == RedriveReport(settled=3)
    assert (len(resent), queue.bodies) == (3, {})


def test_queue_that_cannot_be_read_stops_with_report() -> None:
    receives = 0

    def fails(request: str) -> None:
        nonlocal receives
        receives += request == "receive"
        if receives == 2:
            raise TimeoutError("slow")

    with pytest.raises(RedriveStopped, match="cannot be read: TimeoutError: slow") as stopped:
        run(filled(12, fails=fails), lambda one: None)
    assert stopped.value.report == RedriveReport(resent=10, is_complete=False)


def test_failing_release_does_not_lose_report() -> None:
    def fails(request: str) -> None:
        if request == "release":
            raise TimeoutError("slow")

    assert run(filled(2, fails=fails), fail) == RedriveReport(failed=2)


def test_dry_run_resends_nothing_and_writes_nothing(tmp_path: Path) -> None:
    queue, resent = filled(12), []
    with FileLedger(tmp_path / "ledger", URL, START) as ledger:
        report = run(queue, resent.append, dry_run=True, choose=lambda one: one.payload["n"] < 10, ledger=ledger)
        assert ledger.entries() == ()
    assert (report, resent, len(queue.bodies)) == (RedriveReport(planned=10, skipped=2), [], 12)


def test_dry_run_plans_one_letter_of_each_record() -> None:
    def two_of_one() -> FakeQueue:
        queue = FakeQueue()
        for number in (1, 1, 2):
            queue.put(encode_letter(letter(number)))
        return queue

    assert run(two_of_one(), fail, dry_run=True) == RedriveReport(planned=2, again=1)
    assert run(two_of_one(), lambda one: None) == RedriveReport(resent=2, again=1)


def test_failed_letter_holds_back_its_fifo_group() -> None:
    queue, resent = FakeQueue(), []
    for number, group in enumerate("aabab"):
        queue.put(encode_letter(letter(number)), group)

    def resend(one: DeadLetter) -> None:
        resent.append(one.payload["n"])
        if one.payload["n"] == 1:
            raise ResendFailed("still broken")

    assert run(queue, resend) == RedriveReport(resent=3, failed=1, skipped=1)
    assert resent == [0, 1, 2, 4]


def grouped(count: int, **options: Any) -> FakeQueue:
    queue = FakeQueue(**options)
    for number in range(count):
        queue.put(encode_letter(letter(number)), "a")
    return queue


def run_fifo(queue: FakeQueue, resend: Any, **options: Any) -> RedriveReport:
    return redrive(f"{URL}.fifo", resend, client=queue, now=queue.now, wait_seconds=0, **options)


@pytest.mark.parametrize(("count", "is_complete"), [(10, True), (11, False), (15, False)])
def test_dry_run_is_not_complete_behind_a_held_group(count: int, is_complete: bool) -> None:
    assert run_fifo(grouped(count), fail, dry_run=True) == RedriveReport(planned=10, is_complete=is_complete)


def test_resent_group_is_read_to_its_end() -> None:
    queue, resent = grouped(15), []
    assert run_fifo(queue, lambda one: resent.append(one.payload["n"])) == RedriveReport(resent=15)
    assert (resent, queue.bodies) == (list(range(15)), {})


def test_letters_behind_a_failed_group_are_reported() -> None:
    queue = grouped(15)
    assert run_fifo(queue, fail) == RedriveReport(failed=1, skipped=9, is_complete=False)
    assert len(queue.bodies) == 15


def test_group_that_another_reader_holds_is_not_complete() -> None:
    queue = grouped(3)
    queue.receive_message(MaxNumberOfMessages=1, VisibilityTimeout=600)
    assert run_fifo(queue, fail) == RedriveReport(is_complete=False)


@pytest.mark.parametrize(
    ("count", "limit", "found", "is_complete"), [(10, 100, 10, True), (11, 100, 10, False), (5, 5, 5, False)]
)
def test_read_letters_reports_whether_they_are_all(count: int, limit: int, found: int, is_complete: bool) -> None:
    queue = grouped(count)
    read = read_letters(f"{URL}.fifo", client=queue, limit=limit, wait_seconds=0)
    assert (len(read.messages), read.is_complete) == (found, is_complete)
    assert len(list_letters(f"{URL}.fifo", client=queue, limit=limit, wait_seconds=0)) == found


def test_uncountable_fifo_queue_stops_with_report() -> None:
    def fails(request: str) -> None:
        if request == "count":
            raise TimeoutError("slow")

    with pytest.raises(RedriveStopped, match="cannot be read: TimeoutError: slow") as stopped:
        run_fifo(grouped(2, fails=fails), lambda one: None)
    assert stopped.value.report == RedriveReport(resent=2, is_complete=False)


def test_only_named_messages_of_each_kind_are_resent() -> None:
    queue, resent, others = filled(2), [], []
    other = queue.put("no letter")
    queue.put("another one")
    report = run(queue, resent.append, resend_other=others.append, only={other})
    assert (report, resent, [message.body for message in others]) == (
        RedriveReport(resent=1, skipped=3),
        [],
        ["no letter"],
    )


class Killed(BaseException):
    """A kill between two steps."""


class Plant:
    """Handles records, and dies at the given steps of a redrive. It counts what really happened to each record."""

    def __init__(self, queue: FakeQueue, kills: set[int]) -> None:
        self.queue, self.kills, self.steps = queue, kills, 0
        self.handled: Counter[int] = Counter()

    def step(self) -> None:
        self.steps += 1
        if self.steps in self.kills:
            raise Killed

    def resend(self, one: DeadLetter) -> None:
        self.step()
        self.handled[one.payload["n"]] += 1
        self.step()


@settings(max_examples=12, deadline=None)
@given(kills=st.sets(st.integers(1, 26), max_size=5))
def test_killed_redrive_resumes_without_loss_or_double(
    tmp_path_factory: pytest.TempPathFactory, kills: set[int]
) -> None:
    queue, path = filled(6), tmp_path_factory.mktemp("ledger") / "ledger"
    plant = Plant(queue, kills)
    ids = {one.payload["n"]: one.id for one in (decode_letter(body) for body in queue.bodies.values())}
    queue.fails = lambda request: plant.step() if request == "delete" else None
    repeated: set[str] = set()
    for _ in range(len(kills) + 1):
        queue.show_all()
        try:
            with FileLedger(path, URL, START) as ledger:
                begun = {entry.letter for entry in ledger.entries() if entry.step is Step.BEGUN}
                repeated |= begun
                report = run(queue, plant.resend, ledger=ledger)
        except Killed:
            continue
    assert queue.bodies == {}
    assert set(plant.handled) == set(range(6))
    assert {ids[number] for number, count in plant.handled.items() if count > 1} <= repeated
    assert set(report.repeated) <= repeated
    with FileLedger(path, URL) as ledger:
        assert {entry.step for entry in ledger.entries()} == {Step.DELETED}
        assert len(ledger.entries()) == 6


def test_report_names_letter_of_unknown_result() -> None:
    queue, ledger, one = FakeQueue(), Ledger(START), letter(1)
    queue.put(encode_letter(one))
    ledger.write(Entry(one.id, "m-0000", Step.BEGUN, START))
    assert run(queue, lambda _: None, ledger=ledger) == RedriveReport(resent=1, repeated=(one.id,))


def test_cut_last_line_of_ledger_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with FileLedger(path, URL, START) as ledger:
        ledger.write(Entry("a", "m", Step.BEGUN, START, "record"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"letter":"a","step":"res')
    with FileLedger(path, URL) as ledger:
        assert (ledger.began, ledger.step("m"), ledger.has_begun("record")) == (START, Step.BEGUN, True)
        assert path.read_bytes() == whole
        ledger.write(Entry("a", "m", Step.RESENT, START))
    with FileLedger(path, URL) as ledger:
        assert ledger.step("m") is Step.RESENT


@pytest.mark.parametrize("content", [b"[]\n", b'{"queue": 1}\n', b"\xff\n", b'{"queue":"q","began":"x"}\n'])
def test_other_file_is_not_a_ledger(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger").write_bytes(content)
    with pytest.raises(LedgerError, match="is not the ledger of a redrive"):
        FileLedger(tmp_path / "ledger", URL)
    assert (tmp_path / "ledger").read_bytes() == content


def test_ledger_belongs_to_one_queue(tmp_path: Path) -> None:
    FileLedger(tmp_path / "ledger", URL, START).close()
    with pytest.raises(LedgerError, match="is the ledger of https://sqs/letters, not of https://sqs/others"):
        FileLedger(tmp_path / "ledger", "https://sqs/others")


def test_ledger_is_open_in_one_redrive(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with FileLedger(path, URL, START) as ledger:
        with pytest.raises(LedgerError, match="ledger is open in another redrive, which has not ended"):
            FileLedger(path, URL)
        ledger.write(Entry("a", "m", Step.RESENT, START))
    with FileLedger(path, URL) as ledger:
        assert ledger.step("m") is Step.RESENT


def test_steady_flow_of_new_letters_does_not_keep_redrive_alive() -> None:
    def arrive(request: str) -> None:
        queue.moment += timedelta(seconds=1)
        queue.put(encode_letter(letter(len(queue.bodies) + 100)))

    queue = filled(1, fails=arrive)
    report = run(queue, lambda one: None, limit=10_000)
    assert (report.resent, report.is_complete, report.newer < 100) == (1, False, True)
