"""The store's contract against the local stack's DynamoDB, with as many tests as against the twin."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from interlock_local.stack import LocalStack

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "packages" / "interlock-store" / "tests"
_KIND = re.compile(r"\[(memory|moto|stack|stack_direct)[\]-]")


def test_contract_holds_on_stack(stack: LocalStack, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    run = [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "-p", "no:cacheprovider", "-k", "memory or stack"]
    done = subprocess.run(
        [*run, f"--junitxml={report}", f"--endpoint-url={stack.endpoint_url}", str(SUITE)],
        cwd=ROOT,
        env={**os.environ, "STACK_ACCESS_KEY": stack.key.access_key, "STACK_SECRET": stack.key.secret},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    passed = passed_by_kind(report)
    assert passed["memory"] > 150
    # A few tests name only the kind of tables. They run once on the stack.
    assert passed["stack"] == passed["memory"], passed
    assert passed["stack_direct"] > 150


def passed_by_kind(report: Path) -> Counter[str]:
    """The number of passed tests on each kind of tables. A skipped test has not passed."""
    found: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        kind = _KIND.search(case.get("name", ""))
        if kind is not None and not list(case):
            found[kind[1]] += 1
    return found
