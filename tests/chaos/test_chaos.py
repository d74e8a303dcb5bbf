"""Three short days with kills. `nox -s chaos` plays them, and `-- --minutes N` plays longer ones."""

from pathlib import Path

import pytest
from chaos.day import Day, Size

SHORT = Size(pipelines=8, kills=4, seconds=16.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_kill_loses_work_or_starts_a_job_twice(seed: int, tmp_path: Path) -> None:
    report = Day(seed, SHORT, tmp_path, say=print).play()
    print(report)
    assert report.broken == []
    assert sum(report.kills.values()) >= SHORT.kills
    assert report.stack_starts > 1
