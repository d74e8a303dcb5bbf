"""The page is safe to open: reads only, its own host, nothing inline, every foreign text escaped, no secret."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import interlock_web
from interlock_lifecycle import Pause, RunStatus
from interlock_web._security import host_of
from interlock_web._shown import shown

HOSTILE = '<b onmouseover="pwned()">"&\'</b><script>pwned()</script>\u202ereversed'
PAGES = ("/", "/rows", "/day?until=2026-03-03", "/run?pipeline={name}&date=2026-03-03", "/pipeline?id={name}")
STATIC = Path(interlock_web.__file__).parent / "static"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"])
@pytest.mark.parametrize("path", ["/", "/run", "/static/page.css", "/none"])
def test_a_request_that_is_no_read_is_rejected(client: Any, method: str, path: str) -> None:
    answer = client.get(path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_head_is_answered_as_a_read(client: Any) -> None:
    assert client.get("/healthz", method="HEAD").status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:4580", 200),
        ("localhost", 200),
        ("[::1]:4580", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
        ("attacker.example:4580", 421),
        ("localhost@attacker.example", 421),
        ("localhost:x", 421),
        ("localhost/attacker.example", 421),
        ("", 421),
    ],
)
def test_a_page_of_this_machine_answers_its_own_host_only(client: Any, host: str, status: int) -> None:
    assert client.get("/healthz", host=host).status == status


def test_a_page_for_others_answers_any_host(open_page: Any) -> None:
    assert open_page(hosts=None).get("/healthz", host="interlock.example").status == 200


@pytest.mark.parametrize(
    ("header", "host"), [("a:80", "a"), ("[::1]:80", "::1"), ("[::1", ""), ("a:99999", ""), ("u@a", ""), ("a/b", "")]
)
def test_the_host_of_a_header(header: str, host: str) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize("path", ["/", "/run?pipeline=x&date=2026-03-03", "/none", "/static/page.js", "/?days=99"])
def test_each_answer_has_the_headers_of_a_safe_page(client: Any, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_script_and_no_style_inline(site: Any, client: Any, path: str) -> None:
    site.all_states()
    page = client.get(path.format(name="held")).text
    found = markup(page)
    assert (found.handlers, found.styles) == ([], [])
    assert found.scripts <= {"/static/htmx.min.js", "/static/page.js"}
    assert not re.findall(r'(?:src|href)="(?:[a-z]+:)?//', page)
    assert "javascript:" not in page


class Markup(HTMLParser):
    """The scripts, the inline styles and the inline handlers of a page, as a browser reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: set[str] = set()
        self.styles: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.add(dict(attrs).get("src") or "inline")
        self.styles += [tag] * (tag == "style") + [name for name, _ in attrs if name == "style"]
        self.handlers += [name for name, _ in attrs if name.startswith(("on", "hx-on"))]


def markup(text: str) -> Markup:
    found = Markup()
    found.feed(text)
    return found


def test_the_check_of_markup_finds_inline_scripts() -> None:
    found = markup('<b onclick="x" hx-on:click="x"><script>x</script><i style="x"></i>')
    assert (found.handlers, found.scripts, found.styles) == (["onclick", "hx-on:click"], {"inline"}, ["style"])


def hostile_site(site: Any) -> None:
    site.pipeline("plain", owner="team")
    site.row(
        {
            "PK": f"PIPELINE#{HOSTILE}",
            "SK": "CONFIG",
            "config": json.dumps({"pipeline": {"id": HOSTILE}}),
            "GSI1PK": "CONFIG",
            "GSI1SK": HOSTILE,
        }
    )
    run = site.begin(HOSTILE)
    site.hold(run, rule=HOSTILE)
    failed = site.begin("plain")
    site.close(failed, RunStatus.FAILED_FINAL, HOSTILE)
    assert site.store.pause(HOSTILE, Pause(None, HOSTILE, HOSTILE))
    for name in (HOSTILE, "plain"):
        site.event(name, HOSTILE, kind=HOSTILE)
        site.store.put_sensor(name, "landing", {"date": "2026-03-03", "count": HOSTILE})


@pytest.mark.parametrize("name", [HOSTILE, "plain"])
@pytest.mark.parametrize("path", PAGES)
def test_hostile_texts_stay_texts(site: Any, client: Any, path: str, name: str) -> None:
    hostile_site(site)
    answer = client.get(path.format(name=quote(name)))
    assert answer.status == 200
    assert "&lt;script&gt;pwned()" in answer.text
    assert "<script>pwned" not in answer.text
    found = markup(answer.text)
    assert found.handlers == []
    assert found.scripts <= {"/static/htmx.min.js", "/static/page.js"}
    assert "\u202e" not in answer.text
    assert "\\u202ereversed" in answer.text


def test_hostile_queries_stay_texts(site: Any, client: Any) -> None:
    site.all_states()
    for name in ("owner", "state", "pipeline", "until", "days"):
        text = client.get(f"/?{name}={quote(HOSTILE)}").text
        assert "<script>pwned" not in text
        assert markup(text).handlers == []
    text = client.get(f"/{quote(HOSTILE)}").text
    assert "&lt;script&gt;" in text
    assert "<script>pwned" not in text


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_the_secret_of_a_job(site: Any, client: Any, path: str) -> None:
    site.all_states()
    for name in ("held", "running"):
        assert "hunter2" not in client.get(path.format(name=name)).text


def test_the_pages_write_nothing(site: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.all_states()

    def fail(*_: Any) -> Any:
        raise AssertionError("a page wrote a row")

    monkeypatch.setattr(site.tables, "transact", fail)
    for path in PAGES:
        assert client.get(path.format(name="held")).status == 200


@pytest.mark.parametrize(
    "path", ["/static/../_app.py", "/static/%2e%2e/_app.py", "/static/..%2f_app.py", "/static//etc/passwd", "/static/"]
)
def test_only_static_files_are_served(client: Any, path: str) -> None:
    assert client.get(path).status == 404


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain text", "plain text"),
        ("Zürich ✓ 東京", "Zürich ✓ 東京"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("a\u200bb", "a\\u200bb"),
        ("a\ud800", "a\\ud800"),
        ("x" * 4001, "x" * 4000 + "… (4,001 characters)"),
    ],
)
def test_invisible_signs_are_escaped(text: str, found: str) -> None:
    assert shown(text) == found


def test_the_vendored_script_is_the_published_one() -> None:
    table = (STATIC / "VENDORED.md").read_text()
    digest = hashlib.sha256((STATIC / "htmx.min.js").read_bytes()).hexdigest()
    assert f"`{digest}`" in table
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE").read_text()
