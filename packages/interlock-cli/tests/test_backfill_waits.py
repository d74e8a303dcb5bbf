"""`interlock rerun` while nothing changes: the dates under way with their reasons, pauses, and Ctrl-C."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pyte
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from interlock_cli import main
from interlock_cli._output._console import Output
from interlock_cli._runs import _sign_of_life
from interlock_cli._runs._backfill import Result as DateResult
from interlock_cli._runs._backfill import Standing, Waiting
from interlock_cli._runs._sign_of_life import SignOfLife
from interlock_lifecycle import Pause

MONTH = "2026-03-10..2026-03-19"
HELD = "landing: no such sensor has arrived, needs exists"


def invoke(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["rerun", "p", *words], env={"NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def clock(controller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause of the command takes a second."""
    monkeypatch.setattr(_sign_of_life, "monotonic", lambda: float(controller.naps))


@pytest.mark.usefixtures("clock")
def test_held_dates_are_named_with_their_reason(controller: Any) -> None:
    controller.stalls, controller.interrupted_at = True, 95
    done = invoke(MONTH, "--pace", "3", code=130)
    *waits, last = done.stderr.splitlines()
    assert [line.partition(" (")[0] for line in waits] == [
        f"waiting for {span}: 0 of 10 dates ended, 3 under way, 7 left; 2026-03-10 and 2 more  held: {HELD}"
        for span in ("31s", "1m01s", "1m31s")
    ]
    left = "3 under way go on by themselves, 7 left"
    assert last == f"interrupted: {left}; the same command goes on with p {MONTH}"


@pytest.mark.usefixtures("clock")
def test_lines_of_changes_are_signs_of_life_too(controller: Any) -> None:
    done = invoke("2026-03-10..2026-04-20", "--wait", "--pace", "2")
    assert controller.naps > 40
    assert done.stderr == ""


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_one_date_that_is_held_is_named(more: tuple[str, ...], controller: Any) -> None:
    controller.stalls, controller.interrupted_at = True, 40
    done = invoke("2026-03-10", "--wait", *more, code=130)
    wait, last = done.stderr.splitlines()
    assert f"s: 1 date under way; 2026-03-10  held: {HELD}" in wait
    assert last == "interrupted: a request that was written stays; its answer: interlock why p 2026-03-10"


@pytest.mark.usefixtures("clock")
def test_date_without_an_answer_is_named(controller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "answer_all", lambda: None)
    controller.interrupted_at = 40
    said = invoke(MONTH, code=130).stderr
    assert "2026-03-10 and 3 more  requested: waits for its answer\n" in said


def test_interrupted_dry_run_has_requested_nothing(controller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("interlock_cli._runs._backfill.read_date", interrupt)
    assert invoke(MONTH, "--dry-run", code=130).stderr == "interrupted: nothing was requested\n"


PAUSED = (
    "warning: the pipeline is paused until it is resumed by ada; accepted dates wait for its end (`interlock resume p`)"
)
STUCK = "10 dates wait for the end of the pause, and --pace 4 lets 4 wait at once"
WAYS = "end the pause with `interlock resume p`, or let all dates wait with --pace 10"


def test_pause_without_an_end_rejects_more_dates_than_the_pace(controller: Any) -> None:
    controller.store.pause("p", Pause(None, "ada"))
    for more in ((), ("--wait",)):
        assert invoke(MONTH, *more, code=2).stderr.splitlines() == [PAUSED, f"error: {STUCK}: {WAYS}"]
    assert controller.attempts() == {}
    rehearsed = invoke(MONTH, "--dry-run")
    assert rehearsed.stderr.splitlines() == [PAUSED, f"warning: without --dry-run this is an error: {STUCK}; {WAYS}"]
    assert rehearsed.stdout.endswith("10 would be accepted; nothing was requested\n")


@pytest.mark.parametrize("words", [(MONTH, "--pace", "10"), ("2026-03-10..2026-03-13",), ("2026-03-10",)])
def test_pause_lets_as_many_dates_wait_as_the_pace(words: tuple[str, ...], controller: Any) -> None:
    controller.store.pause("p", Pause(None, "ada"))
    assert invoke(*words).stderr.splitlines() == [PAUSED]


def test_pause_counts_only_dates_that_need_a_place(controller: Any) -> None:
    """The rest of an interrupted backfill fits in, and so does a range of rejected dates."""
    controller.killed_at = 8
    with pytest.raises(controller.Killed):
        CliRunner().invoke(main, ["rerun", "p", MONTH, "--wait"])
    controller.killed_at = 0
    controller.store.pause("p", Pause(None, "ada"))
    assert invoke(MONTH).stderr.splitlines() == [PAUSED]
    assert invoke(MONTH, "--name", "again", code=1).stdout.splitlines()[-1] == "10 rejected"


def test_pause_with_an_end_is_waited_for(controller: Any) -> None:
    controller.store.pause("p", Pause(datetime.now(UTC) + timedelta(hours=1), "ada"))
    done = invoke(MONTH, "--wait", "--json")
    assert "; accepted dates wait for its end" in done.stderr
    assert '"paused": "the pipeline is paused until ' in done.stdout


class Paper:
    """A terminal of 80x24 that shows a console, and the number of reads of the states."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")
        self.text = StringIO()
        console = Console(file=self.text, force_terminal=True, width=80, height=24, legacy_windows=False)
        self.out, self.reads, self.now = Output(console), 0, 0.0
        monkeypatch.setattr(_sign_of_life, "monotonic", lambda: self.now)

    def standings(self, most: int) -> list[Standing]:
        self.reads += 1
        return [Standing(f"2026-03-{day}", "held", f"{HELD} 3 of 4") for day in range(10, 10 + most)]

    def shown(self) -> list[str]:
        screen = pyte.Screen(80, 24)
        screen.set_mode(pyte.modes.LNM)
        pyte.Stream(screen).feed(self.text.getvalue())
        return [line.rstrip() for line in screen.display if line.strip()]


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Paper:
    return Paper(monkeypatch)


def waiting(result: str = "accepted") -> Waiting:
    return Waiting(tuple(DateResult(f"2026-03-{day}", result) for day in range(10, 22)), 18, 40)


def wait(sign: SignOfLife, paper: Paper, seconds: int, look: Callable[[], Waiting] = waiting) -> list[str]:
    for _ in range(seconds):
        paper.now += 1
        sign.show(look())
    return paper.shown()


def test_terminal_has_a_picture_that_is_renewed_in_place(paper: Paper) -> None:
    with SignOfLife(paper.out, paper.standings) as sign:
        paper.out.line("2026-03-09  completed")
        assert wait(sign, paper, 1) == [
            "2026-03-09  completed",
            "10 of 40 dates ended, 12 under way, 18 left (1s)",
            "2026-03-10 and 7 more  accepted",
            "4 more under way",
        ]
        assert wait(sign, paper, 70) == [
            "2026-03-09  completed",
            "10 of 40 dates ended, 12 under way, 18 left (1m11s)",
            "2026-03-10 and 7 more  held: landing: no such sensor has arrived, needs exists",
            "3 of 4",
            "4 more under way",
        ]
    assert paper.shown() == ["2026-03-09  completed"]


def test_terminal_that_renews_no_line_gets_lines(
    paper: Paper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with SignOfLife(paper.out, paper.standings) as sign:
        paper.now = 31
        sign.show(waiting())
    assert paper.text.getvalue() == ""
    assert capsys.readouterr().err.startswith("waiting for 31s: 10 of 40 dates ended, ")


def test_states_are_read_less_and_less_often(paper: Paper) -> None:
    with SignOfLife(paper.out, paper.standings) as sign:
        wait(sign, paper, 600)
        assert 20 <= paper.reads <= 35
        reads = paper.reads
        wait(sign, paper, 300)
        assert paper.reads - reads == 10


def test_states_of_dates_that_go_on_are_not_read(paper: Paper) -> None:
    results = iter(range(100))
    with SignOfLife(paper.out, paper.standings) as sign:
        lines = wait(sign, paper, 50, lambda: waiting(f"step {next(results)}"))
    assert lines[-2] == "2026-03-10 and 7 more  step 49"
    assert paper.reads == 0
