"""The pages that a new user follows run as they are written, each on a local stack of its own."""

import sys
from pathlib import Path

import tutorial

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = Path(sys.executable).with_name("interlock")


def test_own_pipeline_works_as_the_tutorial_shows() -> None:
    assert tutorial.play(DOCS / "tutorial" / "your-own-pipeline.md", COMMAND) > 20


def test_dry_run_works_as_its_page_shows() -> None:
    assert tutorial.play(DOCS / "how-to" / "onboard-in-dry-run.md", COMMAND, with_stack=True) > 5
