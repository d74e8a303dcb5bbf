"""The pages in Chromium: filtered, scrolled, followed live, with the keyboard, without a script, on three widths.

`uv run nox -s web` installs playwright and runs these tests. With INTERLOCK_PICTURES they write the docs' pictures.
"""

import io
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from interlock_lifecycle import Pause, RunStatus
from interlock_web import PageServer, Reader, export_pages

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_IS_REQUIRED = os.environ.get("INTERLOCK_BROWSER") == "1"
_PICTURES = os.environ.get("INTERLOCK_PICTURES", "")
_WIDTHS = (390, 820, 1280)
_PATHS = ("/", "/day?until=2026-03-03", "/run?pipeline=held&date=2026-03-03", "/pipeline?id=late")

if not _IS_REQUIRED:
    pytest.importorskip("playwright", reason="playwright is not installed: uv run nox -s web")
    if _CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert _CHROMIUM is not None, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def server(site: Any, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageServer]:
    monkeypatch.setattr("interlock_web._app.make_app.__kwdefaults__", {"hosts": None, "poll_seconds": 0.2})
    found = PageServer(reader, "demo", port=0)
    found.start()
    yield found
    found.stop()


class Problems:
    """The errors of a page's scripts, and the violations of its policy."""

    def __init__(self, page: Any) -> None:
        self.texts: list[str] = []
        page.on("pageerror", lambda error: self.texts.append(str(error)))
        page.on("console", lambda said: self.texts.append(said.text) if said.type in ("error", "warning") else None)


@pytest.fixture
def opened(chromium: Any, server: PageServer) -> Iterator[Any]:
    """A page whose scripts must raise no error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, base_url=server.url)
    page = context.new_page()
    problems = Problems(page)
    yield page
    context.close()
    assert problems.texts == []


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("#rows th.name > a").all_inner_texts()
    return found


def test_an_overview_is_filtered(site: Any, opened: Any) -> None:
    site.all_states()
    opened.goto("/")
    assert names(opened)[:4] == ["failed", "breached", "missed", "held"]
    opened.get_by_label("Owner").select_option("team-b")
    opened.get_by_role("button", name="Show").click()
    opened.wait_for_url("**/?**owner=team-b**")
    assert names(opened) == ["held"]


def test_further_rows_come_as_the_page_is_scrolled(site: Any, opened: Any) -> None:
    for number in range(120):
        site.pipeline(f"p{number:03d}")
    opened.goto("/")
    assert len(names(opened)) == 50
    for wanted in (100, 120):
        opened.locator("tr.more").scroll_into_view_if_needed()
        opened.locator("#rows th.name").nth(wanted - 1).wait_for()
    assert names(opened) == [f"p{number:03d}" for number in range(120)]
    assert opened.locator("tr.more").count() == 0


def test_an_open_page_follows_a_change(site: Any, opened: Any) -> None:
    site.all_states()
    with opened.expect_response("**/events?**"):
        opened.goto("/")
    opened.wait_for_timeout(500)
    assert opened.locator("a.cell.failed").count() == 1
    site.close(site.begin("quiet"), RunStatus.FAILED_FINAL, "exit code 9")
    opened.wait_for_selector("tr.changed a.cell.failed")
    assert "exit code 9 (2026-03-03)" in opened.locator("tr.changed").inner_text()
    assert opened.locator("#summary a.count.failed").inner_text() == "2 failed"


def many(site: Any) -> None:
    for number in range(120):
        site.pipeline(f"p{number:03d}")


def fail(site: Any, name: str) -> None:
    site.close(site.begin(name), RunStatus.FAILED_FINAL, "exit code 9")


def row_of(page: Any, name: str) -> Any:
    return page.locator("#rows tr", has=page.get_by_role("link", name=name, exact=True))


def test_a_failure_comes_to_the_top_of_an_open_page(site: Any, opened: Any) -> None:
    many(site)
    opened.goto("/")
    for name in ("p040", "p110"):
        fail(site, name)
        row_of(opened, name).locator("a.cell.failed").wait_for()
    # The first one was loaded, and the other one was not.
    assert names(opened)[:3] == ["p040", "p110", "p000"]
    assert opened.locator("#rows tr").first.bounding_box()["y"] < 400
    for wanted in (100, 120):
        opened.locator("tr.more").scroll_into_view_if_needed()
        opened.locator("#rows th.name").nth(wanted - 1).wait_for()
    assert sorted(names(opened)) == [f"p{number:03d}" for number in range(120)]


def test_a_repaired_row_leaves_no_hole_and_no_repetition(site: Any, opened: Any) -> None:
    many(site)
    fail(site, "p119")
    opened.goto("/")
    assert names(opened) == ["p119", *(f"p{number:03d}" for number in range(49))]
    row = site.tables.get(site.store.names.control, "PIPELINE#p119", "TRIGGER#stream#2026-03-03")
    site.row({**row, "status": "COMPLETED", "GSI2SK": "9#p119"})
    row_of(opened, "p119").locator("a.cell.completed").wait_for()
    # It stays where it is, and the row that took its place in the first part has come.
    assert names(opened) == ["p119", *(f"p{number:03d}" for number in range(50))]
    for wanted in (101, 120):
        opened.locator("tr.more").scroll_into_view_if_needed()
        opened.locator("#rows th.name").nth(wanted - 1).wait_for()
    assert names(opened) == [f"p{number:03d}" for number in range(120)]


def test_a_repaired_row_leaves_the_filter(site: Any, opened: Any) -> None:
    site.all_states()
    opened.goto("/?state=failed")
    assert names(opened) == ["failed"]
    row = site.tables.get(site.store.names.control, "PIPELINE#failed", "TRIGGER#stream#2026-03-03")
    site.row({**row, "status": "COMPLETED", "GSI2SK": "9#failed"})
    opened.locator("#empty").wait_for()
    assert names(opened) == []
    fail(site, "quiet")
    row_of(opened, "quiet").wait_for()
    assert opened.locator("#empty").is_hidden()


def test_the_keyboard_keeps_its_cell_as_its_row_changes(site: Any, opened: Any) -> None:
    many(site)
    opened.goto("/")
    cell = row_of(opened, "p010").locator("a.cell").first
    cell.focus()
    fail(site, "p010")
    row_of(opened, "p010").locator("a.cell.failed").wait_for()
    assert opened.evaluate("document.activeElement.getAttribute('aria-label')").startswith("p010 2026-03-03: failed")
    assert names(opened).index("p010") == 10


def test_the_columns_follow_a_new_day(site: Any, opened: Any) -> None:
    site.all_states()
    opened.goto("/")
    assert opened.locator("thead th.day").first.inner_text().split() == ["03", "Mar"]
    site.now += timedelta(days=1)
    opened.locator("thead th.day", has_text="04").first.wait_for()
    assert opened.locator("#rows a.cell.failed").get_attribute("title").startswith("2026-03-03: ")
    column = opened.locator("#rows tr").first.locator("td").nth(1)
    assert column.locator("a.cell.failed").count() == 1


_LEFT = ("pagehide", "pageshow")
_HIDDEN = ("true", "false")


@pytest.mark.parametrize(("away", "back"), [_LEFT, _HIDDEN])
def test_a_page_that_was_hidden_goes_on(site: Any, server: PageServer, opened: Any, away: str, back: str) -> None:
    def turn(state: str) -> None:
        if state in _LEFT:
            opened.evaluate(f"window.dispatchEvent(new PageTransitionEvent('{state}', {{persisted: true}}))")
            return
        opened.evaluate(f"Object.defineProperty(document, 'hidden', {{value: {state}, configurable: true}})")
        opened.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    site.all_states()
    opened.goto("/")
    turn(away)
    for _ in range(50):
        if server._app.state.streams._open == 0:
            break
        opened.wait_for_timeout(100)
    assert server._app.state.streams._open == 0
    fail(site, "quiet")
    turn(back)
    row_of(opened, "quiet").locator("a.cell.failed").wait_for()


def test_a_full_server_is_asked_again(site: Any, server: PageServer, chromium: Any) -> None:
    site.all_states()
    streams = server._app.state.streams
    streams._open += 100
    page = chromium.new_page(base_url=server.url)
    page.clock.install()
    page.goto("/")
    alarm = page.locator("#live-problem[role=alert]")
    alarm.filter(has_text="too many viewers").wait_for()
    streams._open -= 100
    with page.expect_response(lambda answer: "/events" in answer.url and answer.status == 200):
        page.clock.fast_forward(10_000)
    fail(site, "quiet")
    row_of(page, "quiet").locator("a.cell.failed").wait_for()
    assert alarm.text_content() == ""
    page.close()


def test_an_empty_page_gets_its_first_pipeline(site: Any, opened: Any) -> None:
    opened.goto("/")
    assert opened.locator("#empty").is_visible()
    site.pipeline("first")
    opened.wait_for_selector("#rows tr.changed", timeout=10_000)
    assert names(opened) == ["first"]
    assert opened.locator("#empty").is_hidden()


def test_an_open_page_says_that_it_follows_no_changes(
    site: Any, server: PageServer, chromium: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.all_states()
    page = chromium.new_page(base_url=server.url)
    page.goto("/")
    query = site.tables.query

    def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(site.tables, "query", fail)
    alarm = page.locator("#live-problem[role=alert]")
    alarm.filter(has_text="the tables cannot be read: ConnectionError").wait_for()
    monkeypatch.setattr(site.tables, "query", query)
    site.close(site.begin("quiet"), RunStatus.FAILED_FINAL)
    page.wait_for_selector("tr.changed")
    assert alarm.text_content() == ""
    server.stop()
    alarm.filter(has_text="the server is away").wait_for()
    page.close()


def test_a_cell_leads_to_its_explanation(site: Any, opened: Any) -> None:
    site.all_states()
    opened.goto("/")
    opened.locator("a.cell.held").first.click()
    opened.wait_for_selector("h1 .state.held")
    assert "landing: count gte 1000" in opened.locator("main").inner_text()
    opened.get_by_role("navigation", name="Place").get_by_role("link", name="held").click()
    opened.wait_for_selector("#config")
    assert "hunter2" not in opened.content()


def test_the_keyboard_reaches_the_search_and_each_cell(site: Any, opened: Any) -> None:
    site.all_states()
    opened.goto("/")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    opened.keyboard.press("Control+/")
    assert opened.evaluate("document.activeElement.className") == "skip"
    opened.keyboard.press("/")
    assert opened.evaluate("document.activeElement.id") == "search"
    opened.keyboard.type("h*d")
    opened.keyboard.press("Enter")
    opened.wait_for_url("**/?pipeline=h*d**")
    assert names(opened) == ["held"]
    opened.get_by_role("link", name="all pipelines").press("Enter")
    opened.wait_for_url("**/")
    opened.locator("#rows th.name > a").first.focus()
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("document.activeElement.getAttribute('aria-label')").startswith("failed 2026-03-03: failed")
    opened.keyboard.press("ArrowDown")
    assert opened.evaluate("document.activeElement.getAttribute('aria-label')").startswith("breached 2026-03-03")


def test_a_command_is_copied(site: Any, server: PageServer, chromium: Any) -> None:
    site.all_states()
    context = chromium.new_context(base_url=server.url, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto("/run?pipeline=failed&date=2026-03-03")
    page.get_by_role("button", name="copy").last.click()
    page.get_by_role("button", name="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "interlock rerun -e demo failed 2026-03-03"
    context.close()


def test_the_page_is_readable_without_a_script(site: Any, server: PageServer, chromium: Any) -> None:
    for number in range(60):
        site.pipeline(f"p{number:03d}")
    context = chromium.new_context(java_script_enabled=False, base_url=server.url)
    page = context.new_page()
    page.goto("/")
    assert page.get_by_text("The page follows changes only with scripts.").is_visible()
    assert page.locator("#rows th.name").count() == 50
    page.get_by_role("link", name="the next pipelines, from 51 of 60").click()
    assert page.locator("#rows th.name").count() == 10
    page.get_by_role("link", name="p055", exact=True).click()
    assert "p055" in page.locator("h1").inner_text()
    context.close()


def test_exported_files_are_read_without_a_server(site: Any, reader: Reader, chromium: Any, tmp_path: Path) -> None:
    site.all_states()
    export_pages(reader, "demo", tmp_path / "pages", days=7)
    page = chromium.new_page()
    problems = Problems(page)
    page.goto((tmp_path / "pages" / "index.html").as_uri())
    assert page.evaluate("getComputedStyle(document.querySelector('a.cell.failed')).height") == "26px"
    page.locator("#rows th.name > a").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 .state.failed")
    assert page.get_by_role("button", name="copy").first.is_visible()
    page.get_by_role("link", name="Interlock").click()
    page.locator("thead a").first.click()
    page.wait_for_selector("svg.day")
    assert problems.texts == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", _PATHS)
def test_texts_have_the_contrast_of_wcag_aa(
    site: Any, server: PageServer, chromium: Any, path: str, scheme: str
) -> None:
    site.all_states()
    context = chromium.new_context(base_url=server.url, color_scheme=scheme)
    page = context.new_page()
    page.goto(path)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    weak = page.evaluate(_CONTRAST)
    assert weak["checked"] > 20
    assert weak["weak"] == []
    context.close()


_CONTRAST = """() => {
  const number = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = number(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  let checked = 0;
  for (const one of document.querySelectorAll("body *:not(svg *):not(option)")) {
    const text = [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    if (!text || one.closest(".hidden, .skip") || !one.getClientRects().length) continue;
    const [a, b] = [light(number(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    checked += 1;
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(`${one.className}: ${text} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return { checked, weak };
}"""


@pytest.mark.parametrize("path", _PATHS)
def test_links_and_fields_have_names(site: Any, opened: Any, path: str) -> None:
    site.all_states()
    opened.goto(path)
    nameless = opened.evaluate(
        """() => [...document.querySelectorAll('a, button, input, select')].filter((one) =>
          !(one.innerText || '').trim() && !one.getAttribute('aria-label') && !(one.labels || []).length
          && !one.querySelector('title')).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert opened.locator("main").count() == opened.locator("h1").count() == 1
    assert opened.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("path", _PATHS)
def test_a_page_fits_its_width(site: Any, opened: Any, path: str, width: int) -> None:
    site.all_states()
    site.begin(f"a-long-name-{'x' * 60}", "2025-09-01")
    # Days without a date have a hidden text. It must scroll with its table.
    site.pipeline("bare", text=BARE)
    opened.set_viewport_size({"width": width, "height": 800})
    opened.goto(path)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


BARE = """
pipeline: {id: NAME, owner: OWNER}
schedule: {trigger: {key: landing, check: exists}}
validation: {rules: [{key: landing, check: exists}]}
job: {type: command, config: {command: "true"}}
"""


def test_an_open_overview_follows_the_runs_of_other_days(site: Any, opened: Any) -> None:
    site.all_states()
    runs = [site.begin("quiet", date) for date in ("2025-09-01", "2025-09-02")]
    opened.goto("/")
    others = opened.locator("#elsewhere a")
    others.nth(1).focus()
    site.close(runs[0])
    others.nth(1).wait_for(state="detached")
    assert "2025-09-02" in opened.evaluate("document.activeElement.href")
    site.close(runs[1])
    opened.locator("#elsewhere").wait_for(state="hidden")


LAST = "2026-03-02"


def flights(site: Any) -> None:
    """A deployment for the pictures: three weeks of twelve pipelines."""
    teams = {"bronze": "ingest", "silver": "platform", "gold": "analytics"}
    kinds = ("departures", "arrivals", "weather", "bookings")
    pipelines = [f"{layer}-{kind}" for layer in teams for kind in kinds]
    for name in pipelines:
        site.pipeline(name, teams[name.partition("-")[0]])
    done = ("bronze-departures", "bronze-arrivals", "bronze-bookings", "silver-arrivals", "silver-departures")
    for place, name in enumerate(pipelines):
        for back in range(21):
            if back == 0 and name not in done:
                continue
            # A date runs on the morning after it, and is due at 08:00.
            morning = site.now.replace(hour=5) - timedelta(days=back)
            begun, took = (
                morning + timedelta(minutes=(place * 17 + back * 29) % 60),
                timedelta(minutes=15 + back % 7 * 7),
            )
            late = timedelta(minutes=80) * ((place * 5 + back) % 19 == 1)
            run = site.begin(name, f"{morning - timedelta(days=1):%Y-%m-%d}", begun)
            site.start_job(run)
            site.close(site.run(run.key), at=begun + took + late, deadline=morning + timedelta(hours=2))
    held = site.begin("silver-bookings", LAST, at=site.now - timedelta(minutes=40))
    site.hold(held)
    row = {"date": LAST, "count": 703, "updatedAt": "2026-03-03T11:20:00Z"}
    site.store.put_sensor("silver-bookings", "landing", row)
    site.event("silver-bookings", f"silver-bookings {LAST} is held: landing count is 703, must be gte 1000", LAST)
    site.close(site.begin("bronze-weather", LAST), RunStatus.FAILED_FINAL, "exit code 3: no file of KJFK")
    site.breach("gold-arrivals", LAST)
    site.miss("silver-weather", LAST)
    site.start_job(site.begin("gold-departures", LAST, at=site.now - timedelta(minutes=12)))
    assert site.store.pause("gold-weather", Pause(None, "on-call", "the station is replaced"))


_SHOWN = (
    ("overview", f"/?until={LAST}", _WIDTHS),
    ("date", f"/run?pipeline=silver-bookings&date={LAST}", (820,)),
    ("day", f"/day?until={LAST}", (1280,)),
    ("pipeline", "/pipeline?id=gold-bookings", (1280,)),
)
"""The pictures: a name, an address, and the widths."""


@pytest.mark.skipif(not _PICTURES, reason="INTERLOCK_PICTURES names no folder")
def test_the_pictures_of_the_docs_are_taken(site: Any, server: PageServer, chromium: Any) -> None:
    from PIL import Image

    flights(site)
    for name, path, widths in _SHOWN:
        for width in widths:
            scheme = "dark" if width == 820 else "light"
            size = {"width": width, "height": 860 if width < 600 else 760}
            context = chromium.new_context(base_url=server.url, color_scheme=scheme, viewport=size)
            page = context.new_page()
            page.goto(path)
            picture = Image.open(io.BytesIO(page.screenshot(full_page=name == "date")))
            assert picture.width == width
            # A palette makes the files of the repository small.
            picture.convert("RGB").quantize(128).save(Path(_PICTURES) / f"web-{name}-{width}.png", optimize=True)
            context.close()
