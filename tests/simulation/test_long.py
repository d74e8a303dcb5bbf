"""The long run's command: it goes on where it ended, and what it cannot use is one sentence."""

from pathlib import Path

import msgspec
import pytest
from simulation.long import Progress, main
from simulation.stories import PIPELINES


def state(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"next_seed": -1}', b'{"next_seed": 1, "name": "another program"}'],
)
def test_a_state_that_no_long_run_wrote_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = state(tmp_path, content)
    assert main(["--state", str(path)]) == 2
    printed, told = capsys.readouterr()
    assert printed == ""
    assert told.startswith(f"simulation.long: --state {path}: ")
    assert told.count("\n") == 1
    assert path.read_bytes() == content


def test_a_state_that_cannot_be_written_is_told_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere" / "state.json"
    assert main(["--state", str(path)]) == 2
    assert capsys.readouterr() == (
        "",
        f"simulation.long: --state {path}: cannot be written: No such file or directory\n",
    )


def test_a_run_goes_on_where_it_ended_and_tells_its_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = state(tmp_path, msgspec.json.encode(Progress(7, pipeline_days=41, seconds=2.0)))
    assert main(["--state", str(path), "--days", "42"]) == 0
    went_on = msgspec.json.decode(path.read_bytes(), type=Progress)
    assert (went_on.next_seed, went_on.pipeline_days) == (8, 41 + 3 * PIPELINES)
    assert f"({went_on.speed:.1f} pipeline-days/s)" in capsys.readouterr().out


def test_a_broken_environment_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERLOCK_SIMULATION_FIRST_SEED", "first")
    assert main([]) == 2
    assert "INTERLOCK_SIMULATION_FIRST_SEED='first' is not a number of seeds" in capsys.readouterr().err
