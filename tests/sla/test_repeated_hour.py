"""The hour that clocks show twice, through the Lambdas' parts: it reruns, and its second part is not late data."""

from sla.test_situations import Play, Situation

# Clocks in Berlin show 02:00 at 00:00 UTC and again at 01:00 UTC. The hour ends at 02:00 UTC.
STORY = "10-25 00:10 start; 10-25 01:00 data 10-25T02; 10-25 02:01 data 10-25T02 more; 10-25 03:20 end"


def test_second_part_of_repeated_hour_runs_again() -> None:
    play = Play(Situation("", "daily in Europe/Berlin", "by :30", "ok 10", STORY, ""))
    play.run()
    reported = [(f"{at:%H:%M}", kind) for at, kind, date in play.stage.events() if date == "2026-10-25T02"]
    assert [at for at, kind in reported if kind == "JOB_COMPLETED"] == ["01:10", "02:11"]
    assert not any(kind == "LATE_DATA_ARRIVAL" for _, kind in reported)
    reruns = play.stage.store.reruns(play.key("10-25T02"))
    assert [rerun.reason for rerun in reruns] == ["repeated-hour"]
