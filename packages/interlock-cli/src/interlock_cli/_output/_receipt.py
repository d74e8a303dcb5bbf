"""The receipt of a validation: the hashes of the files, so that a Terraform plan can compare them."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from interlock_cli._output._console import CliError

RECEIPT = ".interlock-validated.json"
"""The name of the file in each folder. It is hidden, so that it is no pipeline file itself."""


def write_receipts(paths: Iterable[str], files: Mapping[str, bytes]) -> list[Path]:
    """Write one receipt per folder of `paths`, for the valid `files` below it. The result is the receipts' paths.

    A receipt has the hash of each file by its path below the folder, and a digest over the files of all folders. Raises
    CliError for a path that is no folder, and for a receipt that cannot be written.
    """
    folders = list(dict.fromkeys(map(Path, paths)))
    wrong = [str(folder) for folder in folders if not folder.is_dir()]
    if wrong:
        raise CliError(f"--receipt needs folders, got {', '.join(wrong)}")
    hashes = {folder: _hashes_below(folder, files) for folder in folders}
    lines = sorted(f"{digest} {name}" for found in hashes.values() for name, digest in found.items())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return [_write(folder / RECEIPT, {"version": 1, "digest": digest, "files": hashes[folder]}) for folder in folders]


def _hashes_below(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    return {
        Path(name).relative_to(folder).as_posix(): hashlib.sha256(content).hexdigest()
        for name, content in sorted(files.items())
        if Path(name).is_relative_to(folder)
    }


def _write(path: Path, content: Mapping[str, object]) -> Path:
    """Write the whole file or nothing: a plan may read it meanwhile."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CliError(f"{path} cannot be written: {error.strerror}") from None
    return path
