"""The export to a bucket: the overview last, an earlier export replaced, and no foreign object touched."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interlock_web import Reader
from interlock_web._bucket import Bucket, read_bucket
from interlock_web.commands import web

from .test_command import Terminal


class FakeS3:
    """A bucket in memory, which lists two keys a page and fails on demand."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.written: list[str] = []
        self.fails_at = ""
        self._lock = threading.Lock()

    def put_object(self, *, Bucket: str, Key: str, **values: Any) -> None:  # noqa: N803 (the names of S3)
        if self.fails_at and self.fails_at in Key:
            raise ConnectionError("away")
        with self._lock:
            self.objects[Key] = values
            self.written.append(Key)

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "0") -> Any:  # noqa: N803
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        begin = int(ContinuationToken)
        page = {"Contents": [{"Key": key} for key in keys[begin : begin + 2]]}
        more = begin + 2 < len(keys)
        return {**page, "IsTruncated": more, **({"NextContinuationToken": str(begin + 2)} if more else {})}

    def delete_objects(self, *, Bucket: str, Delete: Any) -> Any:  # noqa: N803
        for one in Delete["Objects"]:
            del self.objects[one["Key"]]
        return {}


@pytest.fixture
def bucket(site: Any) -> FakeS3:
    site.bucket = FakeS3()
    found: FakeS3 = site.bucket
    return found


@pytest.fixture
def run(site: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr("interlock_store.DynamoTables", lambda client: client.tables)
    monkeypatch.setattr("interlock_web.Reader", partial(Reader, clock=lambda: site.now))
    return lambda target: CliRunner().invoke(web, ["-e", "test", "--export", target], obj=Terminal(site))


def test_the_overview_comes_last_with_the_types_of_files(site: Any, bucket: FakeS3, run: Callable[..., Result]) -> None:
    site.all_states()
    done = run("s3://reports/interlock")
    assert done.exit_code == 0, done.output
    assert bucket.written[0] == "interlock/.interlock-web"
    assert bucket.written[-1] == "interlock/index.html"
    assert bucket.objects["interlock/index.html"]["ContentType"] == "text/html; charset=utf-8"
    assert bucket.objects["interlock/static/page.css"]["ContentType"] == "text/css; charset=utf-8"
    assert b"exit code 3" in bucket.objects["interlock/run-failed-2026-03-03.html"]["Body"]


def test_an_earlier_export_is_replaced_and_others_stay(site: Any, bucket: FakeS3, run: Callable[..., Result]) -> None:
    site.all_states()
    bucket.objects["other/letter.txt"] = {}
    assert run("s3://reports/pages/").exit_code == 0
    bucket.objects["pages/run-old-2020-01-01.html"] = {}
    assert run("s3://reports/pages").exit_code == 0
    assert "pages/run-old-2020-01-01.html" not in bucket.objects
    assert "other/letter.txt" in bucket.objects


def test_foreign_objects_are_never_replaced(site: Any, bucket: FakeS3, run: Callable[..., Result]) -> None:
    site.all_states()
    bucket.objects["pages/letter.txt"] = {}
    done = run("s3://reports/pages")
    assert done.exit_code == 2
    assert "has objects and is no earlier export" in done.output
    assert bucket.objects == {"pages/letter.txt": {}}


def test_an_interrupted_upload_is_completed_by_the_next(site: Any, bucket: FakeS3, run: Callable[..., Result]) -> None:
    site.all_states()
    bucket.fails_at = "pipeline-held"
    assert run("s3://reports/pages").exit_code == 2
    assert "pages/index.html" not in bucket.objects
    bucket.fails_at = ""
    assert run("s3://reports/pages").exit_code == 0
    assert "pages/index.html" in bucket.objects


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("s3://a", Bucket("a", "")),
        ("s3://a/", Bucket("a", "")),
        ("s3://a/b/c/", Bucket("a", "b/c/")),
        ("./pages", None),
    ],
)
def test_the_place_of_an_address(text: str, found: Bucket | None) -> None:
    assert read_bucket(text) == found


@pytest.mark.parametrize("text", ["s3://", "s3:///a", "s3://a?b", "s3://a/b#c"])
def test_an_invalid_address_is_rejected(site: Any, bucket: FakeS3, run: Callable[..., Result], text: str) -> None:
    done = run(text)
    assert done.exit_code == 2
    assert "is not s3://BUCKET/PREFIX" in done.output
