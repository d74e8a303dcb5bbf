"""A removed pipeline: its config is gone, and the rows that stay are shown on each page."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from interlock_lifecycle import RunStatus
from interlock_sla import Outcome

from .test_overview import cells, names
from .test_pipeline_page import lines
from .test_run_page import words

REMOVED = "the pipeline has no config (removed)"
RUN, PIPELINE = "/run?pipeline=gone&date=2026-03-03", "/pipeline?id=gone"


def breach(site: Any) -> None:
    site.breach("gone")


def miss(site: Any) -> None:
    site.miss("gone")


def fail(site: Any) -> None:
    site.close(site.begin("gone"), RunStatus.FAILED_FINAL, "exit code 3", outcome=Outcome.BREACH)


def hold(site: Any) -> None:
    site.hold(site.begin("gone"))


def emit(site: Any) -> None:
    site.event("gone", "exit code 3")


@pytest.mark.parametrize(
    ("leave", "state", "text"),
    [
        (breach, "breached", "absolute 2026-03-03 11:00Z breach, judged 2026-03-03 12:00Z"),
        (miss, "missed", "not begun"),
        (fail, "failed", "because exit code 3"),
        (hold, "held", "to change a config that can be read"),
        (emit, "", "RUN_HELD exit code 3"),
    ],
)
def test_rows_of_a_removed_pipeline_are_shown(
    site: Any, client: Any, leave: Callable[[Any], None], state: str, text: str
) -> None:
    site.pipeline("gone")
    leave(site)
    assert site.store.remove_config("gone")
    overview = client.get("/").text
    if state:
        assert names(overview) == ["gone"]
        assert cells(overview, "gone")[0] == state
        assert REMOVED in overview
    for address in (RUN, PIPELINE):
        page = client.get(address)
        assert page.status == 200
        assert f'<p class="problem">{REMOVED}</p>' in page.text
        # Each command would be rejected, since there is no pipeline.
        assert "data-copy" not in page.text
    assert text in words(client.get(RUN).text)


def test_a_breach_without_a_run_is_listed(site: Any, client: Any) -> None:
    site.pipeline("gone")
    site.breach("gone", "2026-02-27")
    fail(site)
    assert site.store.remove_config("gone")
    site.row({"PK": "PIPELINE#gone", "SK": "VERDICT#stream#someday"})
    page = client.get(PIPELINE).text
    assert "deadlines of the newest 2 dates: 0 met, 2 breached" in page
    assert [line[:2] + line[5:6] for line in lines(page)] == [
        ["someday", "unreadable", ""],
        ["2026-03-03", "failed breached", "absolute breach"],
        ["2026-02-27", "not begun breached", "absolute breach"],
    ]


def test_a_new_pipeline_with_a_run_is_not_called_removed(site: Any, client: Any) -> None:
    site.pipeline("old")
    site.begin("gone")
    counted = []
    for name in ("", "new", "newer", ""):
        if name:
            site.pipeline(name)
            site.begin(name)
        site.tables.requests.clear()
        text = client.get("/?days=1").text
        counted.append(site.tables.requests.count("query CONFIG"))
        assert text.count(REMOVED) == 1
    # The configs are read for each unknown name once, and otherwise every 20 seconds.
    assert counted == [2, 1, 1, 0]


def test_a_closed_run_needs_no_config(site: Any, client: Any) -> None:
    site.pipeline("gone")
    fail(site)
    assert site.store.remove_config("gone")
    page = words(client.get(RUN).text)
    assert "to change" not in page
    assert "schedule" not in page
    assert page.count("has no config") == 1
    assert "absolute 2026-03-03 10:00Z breach" in page
    assert re.search(r"2026-03-03 +failed .* absolute breach +exit code 3", words(client.get(PIPELINE).text))


def test_a_pipeline_without_any_row_does_not_exist(site: Any, client: Any) -> None:
    site.pipeline("gone")
    assert site.store.remove_config("gone")
    assert [client.get(address).status for address in (RUN, PIPELINE)] == [404, 404]
