"""Write the CycloneDX SBOM of a wheel or of a Lambda's zip, as JSON. The same file and commit give the same bytes.

The SBOM of a zip lists the packages in the zip. The SBOM of a wheel lists the packages of an environment that holds the
wheel with the locked versions of its dependencies.

Examples:
  python -m releases.sbom dist/watchdog.zip --unit watchdog
  python -m releases.sbom dist/interlock_sla-0.2.0-py3-none-any.whl --unit interlock-sla --environment SITE_PACKAGES
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from releases.git import git
from releases.workspace import Workspace


class SbomError(Exception):
    """The SBOM cannot be written. The text is its message."""


def sbom(file: Path, root: str, found: Iterable[Distribution], moment: datetime) -> str:
    """The SBOM of a file.

    root: the distribution that the file is. found: the distributions with it. moment: the time of the SBOM.
    Raises SbomError if the root is not among the distributions.
    """
    by_name = {canonicalize_name(one.name): one for one in found}
    name_of_root = canonicalize_name(root)
    if name_of_root not in by_name:
        raise SbomError(f"{file}: no metadata of {root}, only of {', '.join(sorted(by_name)) or 'no package'}")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    components = {name: _component(one) for name, one in by_name.items()}
    bom = Bom(metadata=None, serial_number=uuid5(NAMESPACE_URL, f"sha256:{digest}"))
    bom.metadata.timestamp = moment
    bom.metadata.component = components[name_of_root]
    components[name_of_root].hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=digest))
    bom.components.update(component for name, component in components.items() if name != name_of_root)
    for name, component in components.items():
        bom.register_dependency(component, [components[one] for one in _needs(by_name[name]) if one in components])
    return json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=2, sort_keys=True) + "\n"


def _component(found: Distribution) -> Component:
    name, metadata = canonicalize_name(found.name), found.metadata.json
    licence = _text(metadata.get("license_expression")) or _short(_text(metadata.get("license")))
    licences = [LicenseFactory().make_from_string(licence, license_acknowledgement=LicenseAcknowledgement.DECLARED)]
    address = PackageURL(type="pypi", name=name, version=found.version)
    return Component(
        name=name,
        version=found.version,
        type=ComponentType.LIBRARY,
        purl=address,
        bom_ref=str(address),
        licenses=licences if licence else None,
        description=_text(metadata.get("summary")),
    )


def _text(value: str | list[str] | None) -> str:
    return value if isinstance(value, str) else ""


def _short(licence: str) -> str:
    """The name of a licence. Some packages have its whole text in this field."""
    return licence if "\n" not in licence and len(licence) < 80 else ""


def _needs(found: Distribution) -> set[NormalizedName]:
    """The distributions that a distribution names, also those of its extras."""
    return {canonicalize_name(Requirement(line).name) for line in found.requires or ()}


def moment_of(root: Path) -> datetime:
    """The time of the release: SOURCE_DATE_EPOCH in seconds, else the time of the commit."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git(root, "log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), UTC)


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Exit code 2: the file is not that of a unit of the workspace."""
    parser = argparse.ArgumentParser(
        prog="python -m releases.sbom", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="a wheel or a zip")
    parser.add_argument("--unit", required=True, help="folder of its package or service, such as watchdog")
    parser.add_argument(
        "--environment", type=Path, help="site-packages with the wheel (default: the packages in a zip)"
    )
    given = parser.parse_args(arguments)
    workspace = Workspace.read(root or Path.cwd())
    unit = workspace.units.get(given.unit)
    if unit is None:
        parser.error(f"no unit {given.unit!r}, expected one of {', '.join(sorted(workspace.units))}")
    found = distributions(path=[str(given.environment or given.file)])
    try:
        text = sbom(given.file, unit.distribution, found, moment_of(workspace.root))
    except (SbomError, OSError) as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 2
    out = given.file.with_name(f"{given.file.name}.cdx.json")
    out.write_text(text)
    print(f"wrote {out}: {len(json.loads(text).get('components', []))} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
