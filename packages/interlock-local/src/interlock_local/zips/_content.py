"""The files that a zip gets of the installed packages of a service, and their content."""

import struct
from collections.abc import Iterator
from pathlib import Path

_KEPT_METADATA = frozenset({"METADATA", "entry_points.txt"})
_FOR_COMPILERS = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h"})
_LICENCES = ("licen", "copying", "notice", "authors")
"""The beginnings of the names of files that libraries must be passed on with."""

_CONTROLLER = "interlock_controller"
_ROOMS = frozenset({"records", "runs", "slas", "watch"})
USED_ROOMS = {
    "orchestrator": frozenset({"runs"}),
    "sla-monitor": frozenset({"slas"}),
    "stream-router": frozenset({"records"}),
    "watchdog": frozenset({"records", "slas", "watch"}),
}
"""The rooms of interlock-controller that a service imports, of those that do not belong to every service."""


def shipped(service: str, content: Path) -> Iterator[Path]:
    """The files of an installed service that its zip gets, in one order."""
    left_out = _ROOMS - USED_ROOMS.get(service, _ROOMS)
    own_licences: set[bytes] = set()
    for file in sorted(content.rglob("*")):
        if not file.is_file():
            continue
        parts = file.relative_to(content).parts
        if parts[0] in {"bin", ".lock"} or "tests" in parts or file.suffix in _FOR_COMPILERS:
            continue
        if parts[0].endswith(".dist-info") and not (file.name in _KEPT_METADATA or _is_licence(parts)):
            continue
        if parts[0] == _CONTROLLER and parts[1] in left_out:
            continue
        if parts[0].startswith("interlock_") and _is_licence(parts):
            # The packages of Interlock have one licence text.
            if file.read_bytes() in own_licences:
                continue
            own_licences.add(file.read_bytes())
        yield file


def content_of(file: Path) -> bytes:
    """The content of a file in a zip.

    METADATA is without the long description, which is a whole README, and a library without what only debuggers read.
    """
    content = file.read_bytes()
    if file.name == "METADATA":
        return content.partition(b"\n\n")[0] + b"\n"
    return loadable(content) if file.suffix == ".so" else content


def _is_licence(parts: tuple[str, ...]) -> bool:
    return "licenses" in parts or parts[-1].lower().startswith(_LICENCES)


_ELF_64_LITTLE = b"\x7fELF\x02\x01"
_SECTIONS_AT, _SECTIONS_SIZE = 40, "<Q"
_SECTION_COUNT_AT, _SECTION_COUNT_SIZE = 60, "<HH"
_HEADER_LENGTH = 64


def loadable(content: bytes) -> bytes:
    """A shared library up to the end of its last segment, which is all that the dynamic loader reads.

    The linker puts symbols for debuggers behind it: they are three quarters of httptools. Each processor of Lambda has
    64-bit ELF files with the lowest byte first. Any other content stays as it is.
    """
    if len(content) < _HEADER_LENGTH or not content.startswith(_ELF_64_LITTLE):
        return content
    [segments] = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    ends = [segments + size * count]
    for number in range(count):
        offset, _, _, length = struct.unpack_from("<QQQQ", content, segments + size * number + 8)
        ends.append(offset + length)
    kept = bytearray(content[: max(ends)])
    # The table of sections was behind the segments. A file without one has neither a place nor a count.
    struct.pack_into(_SECTIONS_SIZE, kept, _SECTIONS_AT, 0)
    struct.pack_into(_SECTION_COUNT_SIZE, kept, _SECTION_COUNT_AT, 0, 0)
    return bytes(kept)
