"""The zips: only the closure of each service, reproducible, and built only if needed."""

import hashlib
import importlib
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock_local import LocalStackError
from interlock_local.zips import SERVICES, Target, build_zips
from interlock_local.zips._content import USED_ROOMS, loadable, shipped

ROOT = Path(__file__).resolve().parents[4]

BACKEND = '[build-system]\nrequires = ["uv_build>=0.9,<0.14"]\nbuild-backend = "uv_build"\n'
SIBLINGS = ("interlock-sla", "interlock-dlq")


def project(folder: Path, name: str, *siblings: str, code: str = "") -> None:
    module = folder / "src" / name.replace("-", "_")
    (module / "tests").mkdir(parents=True)
    (module / "__init__.py").write_text('"""A member."""\n')
    (module / "handler.py").write_text(code or f"def handle(event, context):\n    return {name!r}\n")
    (module / "tests" / "test_nothing.py").write_text("")
    (module / "__pycache__").mkdir()
    (module / "__pycache__" / "handler.cpython-39.pyc").write_bytes(b"stale")
    more = ""
    if name == "interlock-sla":
        (folder / "LICENSE").write_text("Free to use.\n")
        (folder / "README.md").write_text("A long description.\n")
        more = 'license-files = ["LICENSE"]\nreadme = "README.md"\n'
    sources = "".join(f"{sibling} = {{ workspace = true }}\n" for sibling in siblings)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n{more}'
        f"dependencies = {list(siblings)}\n"
        f'[project.entry-points."interlock.probe"]\nprobe = "{name.replace("-", "_")}.handler:handle"\n'
        f"[tool.uv.sources]\n{sources}{BACKEND}"
    )


def make_checkout(root: Path) -> Path:
    """A workspace of the real shape without external dependencies, so that nothing is downloaded."""
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "interlock-workspace"\nversion = "0"\nrequires-python = ">=3.11"\n'
        '[tool.uv]\npackage = false\n[tool.uv.workspace]\nmembers = ["packages/*", "services/*"]\n'
    )
    for sibling in SIBLINGS:
        project(root / "packages" / sibling, sibling)
    for service in SERVICES:
        siblings = SIBLINGS if service == "stream-router" else SIBLINGS[:1]
        project(root / "services" / service, f"interlock-{service}", *siblings)
    subprocess.run(["uv", "lock", "--quiet", "--offline"], cwd=root, check=True)
    return root


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkout, and the cache with its zips."""
    root = tmp_path_factory.mktemp("built")
    checkout = make_checkout(root / "checkout")
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(root / "cache"))
        build_zips(checkout, Target.host())
    return checkout, root / "cache"


@pytest.fixture
def checkout(built: tuple[Path, Path], cache: Path) -> Iterator[Path]:
    """The checkout with its zips in the cache of this test. Its sources are restored afterwards."""
    shutil.copytree(built[1], cache)
    handler = built[0] / "packages" / "interlock-dlq" / "src" / "interlock_dlq" / "handler.py"
    before = handler.read_bytes()
    yield built[0]
    handler.write_bytes(before)


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def packing(lines: list[str]) -> list[str]:
    return [line.removeprefix("packing ") for line in lines if line.startswith("packing ")]


def test_a_zip_holds_the_service_and_its_siblings_as_plain_files(checkout: Path) -> None:
    zips = build_zips(checkout, Target.host())
    assert set(zips) == set(SERVICES)
    tag = sys.implementation.cache_tag
    assert sorted(names(zips["event-sink"])) == [
        "interlock_event_sink-0.1.0.dist-info/METADATA",
        "interlock_event_sink-0.1.0.dist-info/entry_points.txt",
        "interlock_event_sink/__init__.py",
        f"interlock_event_sink/__pycache__/__init__.{tag}.pyc",
        f"interlock_event_sink/__pycache__/handler.{tag}.pyc",
        "interlock_event_sink/handler.py",
        "interlock_sla-0.1.0.dist-info/METADATA",
        "interlock_sla-0.1.0.dist-info/entry_points.txt",
        "interlock_sla-0.1.0.dist-info/licenses/LICENSE",
        "interlock_sla/__init__.py",
        f"interlock_sla/__pycache__/__init__.{tag}.pyc",
        f"interlock_sla/__pycache__/handler.{tag}.pyc",
        "interlock_sla/handler.py",
    ]
    assert "interlock_dlq/handler.py" in names(zips["stream-router"])


def test_the_bytecode_of_a_zip_is_used_without_a_look_at_sources(checkout: Path, tmp_path: Path) -> None:
    path = build_zips(checkout, Target.host())["event-sink"]
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
        assert b"A long description" not in archive.read("interlock_sla-0.1.0.dist-info/METADATA")
    handler = tmp_path / "interlock_sla" / "handler.py"
    handler.write_text("raise RuntimeError('the source was compiled')\n")
    code = "import interlock_sla.handler as found; print(found.handle({}, None), found.handle.__code__.co_filename)"
    options = {"env": {"PYTHONPATH": str(tmp_path)}, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-S", "-c", code], **options, check=True)  # type: ignore[call-overload]
    assert done.stdout.split() == ["interlock-sla", str(handler)]


def test_without_a_python_of_the_target_a_zip_has_sources_only(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    target = Target("3.99", "amd64")
    path = build_zips(checkout, target, services=["event-sink"], progress=said.append)["event-sink"]
    assert not any(name.endswith(".pyc") for name in names(path))
    assert said[0] == (
        "no Python 3.99 is installed: the zips have no bytecode, and a cold start takes about twice the CPU"
    )


def test_one_service_is_built_alone_with_its_hash(checkout: Path, tmp_path: Path) -> None:
    out = tmp_path / "dist"
    out.mkdir()
    remains = out / "watchdog.999999999.partial"
    remains.write_bytes(b"of a killed build")
    zips = build_zips(checkout, Target.host(), services=["watchdog"], out=out)
    assert sorted(path.name for path in out.iterdir()) == ["watchdog.zip", "watchdog.zip.sha256"]
    digest = hashlib.sha256(zips["watchdog"].read_bytes()).hexdigest()
    assert (out / "watchdog.zip.sha256").read_text() == f"{digest}  watchdog.zip\n"
    said: list[str] = []
    build_zips(checkout, Target.host(), services=["watchdog"], out=out, progress=said.append)
    assert said == []


def test_zip_is_complete_with_metadata_and_entry_points(checkout: Path) -> None:
    path = build_zips(checkout, Target.host())["event-sink"]
    code = (
        "import importlib, importlib.metadata as metadata\n"
        "print(importlib.import_module('interlock_event_sink.handler').handle({}, None))\n"
        "print(metadata.version('interlock-sla'))\n"
        "print(sorted(point.value for point in metadata.entry_points(group='interlock.probe')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n") == [
        "interlock-event-sink",
        "0.1.0",
        "['interlock_event_sink.handler:handle', 'interlock_sla.handler:handle']",
        "",
    ]


def test_zip_bytes_do_not_depend_on_place_or_time(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_zips(checkout, Target.host())
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(checkout, elsewhere)
    for path in elsewhere.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-cache"))
    second = build_zips(elsewhere, Target.host())
    for service in SERVICES:
        assert second[service] != first[service]
        assert second[service].read_bytes() == first[service].read_bytes()


def test_unchanged_zips_are_not_built_again(checkout: Path) -> None:
    said: list[str] = []
    build_zips(checkout, Target.host(), progress=said.append)
    assert said == []


def test_a_change_builds_the_services_that_use_it_and_no_others(checkout: Path) -> None:
    before = build_zips(checkout, Target.host())
    (checkout / "packages" / "interlock-dlq" / "src" / "interlock_dlq" / "handler.py").write_text("changed = True\n")
    said: list[str] = []
    after = build_zips(checkout, Target.host(), progress=said.append)
    assert packing(said) == ["stream-router"]
    assert {service for service in SERVICES if before[service] != after[service]} == {"stream-router"}


def test_another_target_is_another_zip(checkout: Path) -> None:
    said: list[str] = []
    other = build_zips(checkout, Target.aws("arm64"), progress=said.append)
    assert packing(said) == list(SERVICES)
    assert Target.aws("arm64").runtime == "python3.13"
    assert "interlock_event_sink/handler.py" in names(other["event-sink"])


def test_zips_for_delivery_have_plain_names(checkout: Path, tmp_path: Path) -> None:
    zips = build_zips(checkout, Target.host(), out=tmp_path / "dist")
    assert {path.name for path in zips.values()} == {f"{service}.zip" for service in SERVICES}
    hashes = [f"{service}.zip.sha256" for service in SERVICES]
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == sorted(
        [*[p.name for p in zips.values()], *hashes]
    )


def test_missing_uv_is_reported_with_its_installation(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match="pip install uv"):
        build_zips(checkout, Target.host())


def test_unreachable_registry_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    checkout = make_checkout(tmp_path / "checkout")
    member = checkout / "services" / "event-sink" / "pyproject.toml"
    member.write_text(member.read_text().replace("dependencies = [", "dependencies = ['msgspec', "))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(LocalStackError, match=r"^A package registry cannot be reached") as caught:
        build_zips(checkout, Target.host())
    assert "\n" not in str(caught.value)
    assert list(cache.rglob("*.zip")) == []


def test_libraries_load_without_the_parts_for_debuggers(tmp_path: Path) -> None:
    """Some libraries have such parts. The loaded module stays the same."""
    found = {module: Path(importlib.import_module(module).__file__ or "") for module in ("msgspec._core", "_ctypes")}
    for module, library in found.items():
        copy = tmp_path / library.name
        copy.write_bytes(loadable(library.read_bytes()))
        assert copy.stat().st_size <= library.stat().st_size
        sections_at, _, _ = section_table(copy.read_bytes())
        assert sections_at == 0
        code = (
            "import importlib.machinery as m, importlib.util as u, sys\n"
            "spec = u.spec_from_file_location(*sys.argv[1:]); found = u.module_from_spec(spec)\n"
            "spec.loader.exec_module(found); print(found.__file__, len(dir(found)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, module, str(copy)], capture_output=True, text=True, check=True
        )
        path, names = done.stdout.split()
        assert (path, int(names)) == (str(copy), len(dir(importlib.import_module(module))))


def section_table(content: bytes) -> tuple[int, int, int]:
    """Where a library has its table of sections, their number, and the one with their names."""
    return (*struct.unpack_from("<Q", content, 40), *struct.unpack_from("<HH", content, 60))


def test_content_behind_the_last_segment_is_left_out() -> None:
    header = bytearray(b"\x7fELF\x02\x01" + bytes(58))
    struct.pack_into("<QQ", header, 32, 64, 500)  # the segments, and the sections
    struct.pack_into("<HHHHH", header, 54, 56, 2, 64, 7, 6)
    segments = [struct.pack("<IIQQQQQQ", 1, 5, offset, 0, 0, size, size, 8) for offset, size in ((200, 50), (176, 10))]
    content = bytes(header) + b"".join(segments) + bytes(range(74)) + b"symbols" * 40
    kept = loadable(content)
    assert len(kept) == 250
    assert section_table(kept) == (0, 0, 0)
    assert kept[64:] == content[64:250]


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(80), b"\x7fELF\x02\x02" + bytes(80), b"MZ" + bytes(80)]
)
def test_other_files_stay_as_they_are(content: bytes) -> None:
    assert loadable(content) == content


ROOM = re.compile(r"(?:from|import) interlock_controller\.([a-z]\w*)")


def rooms_named_in(folder: Path) -> set[str]:
    """The rooms of the controller that the modules below a folder import, at once or later."""
    texts = [path.read_text() for path in folder.rglob("*.py")]
    assert texts, folder
    return {room for text in texts for room in ROOM.findall(text)}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_zip_has_each_room_of_the_controller_that_it_uses(service: str) -> None:
    controller = ROOT / "packages" / "interlock-controller" / "src" / "interlock_controller"
    used, waiting = set(), rooms_named_in(ROOT / "services" / service / "src")
    while waiting:
        used |= waiting
        waiting = {name for room in waiting for name in rooms_named_in(controller / room)} - used
    assert used - {"effects"} == USED_ROOMS.get(service, frozenset())


def test_a_zip_leaves_out_the_rooms_of_other_services(tmp_path: Path) -> None:
    for room in ("effects", "records", "runs", "slas", "watch"):
        (tmp_path / "interlock_controller" / room).mkdir(parents=True)
        (tmp_path / "interlock_controller" / room / "__init__.py").touch()
    kept = {path.parent.name for path in shipped("orchestrator", tmp_path)}
    assert kept == {"effects", "runs"}


def test_a_zip_has_the_licence_of_interlock_once(tmp_path: Path) -> None:
    for name, text in (
        ("interlock_sla", "ours"),
        ("interlock_rules", "ours"),
        ("urllib3", "ours"),
        ("interlock_x", "y"),
    ):
        folder = tmp_path / f"{name}-1.dist-info" / "licenses"
        folder.mkdir(parents=True)
        (folder / "LICENSE").write_text(text)
    kept = [path.relative_to(tmp_path).parts[0] for path in shipped("orchestrator", tmp_path)]
    assert kept == ["interlock_rules-1.dist-info", "interlock_x-1.dist-info", "urllib3-1.dist-info"]
