"""The smoke test of `interlock deploy` runs one pipeline through the real functions, and removes it."""

from integration.conftest import Outside, await_that

from interlock_local.site import run_smoke_test


def test_smoke_pipeline_runs_to_its_end_and_is_removed(outside: Outside) -> None:
    name = run_smoke_test(outside.store)
    assert not outside.store.config(name).exists
    await_that(lambda: [row for row in outside.store.events(name) if row["eventType"] == "JOB_COMPLETED"], "the event")
