"""The hour that clocks show twice, through the Lambdas' handlers: it runs again, and its second part is not late."""

from sla.test_situations import Play, Situation

# 02:00 in Berlin is 00:00 UTC, and again 01:00 UTC. The hour is over at 02:00 UTC.
STORY = "10-25 00:10 start; 10-25 01:00 data 10-25T02; 10-25 02:01 data 10-25T02 more; 10-25 03:20 end"


def test_the_second_part_of_an_hour_is_run_again() -> None:
    play = Play(Situation("", "daily in Europe/Berlin", "by :30", "ok 10", STORY, ""))
    play.run()
    told = [(f"{at:%H:%M}", kind) for at, kind, date in play.stage.events() if date == "2026-10-25T02"]
    assert [at for at, kind in told if kind == "JOB_COMPLETED"] == ["01:10", "02:11"]
    assert not any(kind == "LATE_DATA_ARRIVAL" for _, kind in told)
    reruns = play.stage.store.reruns(play.key("10-25T02"))
    assert [rerun.reason for rerun in reruns] == ["repeated-hour"]
