"""The long run's command continues its state, and reports an invalid input in one sentence."""

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
def test_an_invalid_state_is_reported_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = state(tmp_path, content)
    assert main(["--state", str(path)]) == 2
    printed, emitted = capsys.readouterr()
    assert printed == ""
    assert emitted.startswith(f"simulation.long: --state {path}: ")
    assert emitted.count("\n") == 1
    assert path.read_bytes() == content


def test_an_unwritable_state_is_reported_before_the_first_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere" / "state.json"
    assert main(["--state", str(path)]) == 2
    assert capsys.readouterr() == (
        "",
        f"simulation.long: --state {path}: cannot be written: No such file or directory\n",
    )


def test_a_run_continues_its_state_and_prints_its_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = state(tmp_path, msgspec.json.encode(Progress(7, pipeline_days=41, seconds=2.0)))
    assert main(["--state", str(path), "--days", "42"]) == 0
    went_on = msgspec.json.decode(path.read_bytes(), type=Progress)
    assert (went_on.next_seed, went_on.pipeline_days) == (8, 41 + 3 * PIPELINES)
    assert f"({went_on.speed:.1f} pipeline-days/s)" in capsys.readouterr().out


def test_an_invalid_environment_is_reported_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERLOCK_SIMULATION_FIRST_SEED", "first")
    assert main([]) == 2
    assert "INTERLOCK_SIMULATION_FIRST_SEED='first' is not a number of seeds" in capsys.readouterr().err
