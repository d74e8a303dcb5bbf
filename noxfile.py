"""Every check of the workspace, as sessions: `uv run nox` runs the default ones, `uv run nox -l` lists all."""

import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import nox

ROOT = Path(__file__).parent
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir() if (path / "pyproject.toml").exists())
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())

nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests", "floor", "simulation", "integration", "examples", "infra", "docs"]


def _sync(session: nox.Session, *arguments: str) -> None:
    """Make the session's environment exactly what the lock file says for `arguments`."""
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


@nox.session
def lint(session: nox.Session) -> None:
    """Style, banned APIs, formatting and the layer contract."""
    _sync_workspace(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Strict typing of every package, service and shared test tool."""
    _sync_workspace(session)
    modules = [_distribution(unit).replace("-", "_") for unit in PACKAGES + SERVICES]
    session.run("mypy", *(argument for module in modules for argument in ("-p", module)))


@nox.session
@nox.parametrize("unit", PACKAGES + SERVICES)
def tests(session: nox.Session, unit: str) -> None:
    """Unit and contract tests of one package or service, with only its declared dependencies installed."""
    home = _home(unit)
    if not list((ROOT / home / "tests").glob("**/test_*.py")):
        session.error(f"{home} has no tests")
    _sync(session, "--package", _distribution(unit), "--all-extras", "--group", "test")
    session.run("pytest", "-q", f"{home}/tests", *session.posargs)


# The packages whose README's examples need nothing but the package.
README_RUNS = {"interlock-config", "interlock-lifecycle", "interlock-rules", "interlock-sla", "interlock-triggers"}

# The public modules of a package that need nothing but the package; `runs` of the controller needs its extra.
FACES = {
    "interlock-controller": [".effects", ".records", ".slas", ".watch"],
    "interlock-lifecycle": [".dates", ".dryrun", ".events", ".reports", ".reruns", ".runs", ".sensors", ".slas"],
}


@nox.session
@nox.parametrize("package", PACKAGES)
def floor(session: nox.Session, package: str) -> None:
    """The package as a wheel, in an environment of its own, with the lowest versions it declares."""
    wheels = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    for sibling in _closure(package):
        session.run_install("uv", "build", "--quiet", "--wheel", "--package", sibling, "--out-dir", str(wheels))
    session.run_install(
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-sources",
        "--resolution=lowest",
        # Versions stay while the code changes: neither an installed wheel nor a cached one is the one just built.
        *(f"--reinstall-package={sibling}" for sibling in _closure(package)),
        "--only-binary=:all:",
        "--find-links",
        str(wheels),
        f"{package}=={_project(package)['version']}",
    )
    module = package.replace("-", "_")
    for face in ["", *FACES.get(package, [])]:
        session.run("python", str(ROOT / "tests" / "public_surface.py"), f"{module}{face}")
    if package in README_RUNS:
        session.run(
            "python", str(ROOT / "tests" / "readme_examples.py"), str(ROOT / "packages" / package / "README.md")
        )
    if package == "interlock-triggers":
        session.run("python", str(ROOT / "tests" / "triggers_alone.py"))


@nox.session
def simulation(session: nox.Session) -> None:
    """The whole system under a virtual clock, with faults: the short run; SLA situations; stories of dates."""
    _sync_workspace(session)
    options = ("-q", "--show-capture=no", "--timeout=600", "-n2")
    session.run("pytest", *options, "tests/simulation", "tests/sla", "tests/dates", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """The six real Lambdas on the local stack, driven from outside."""
    _sync_workspace(session)
    # Two stacks side by side: most of the time is spent waiting.
    session.run("pytest", "-q", "--timeout=300", "-n2", "--dist=loadfile", "tests/integration", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """The example's data, jobs, pipelines and feed."""
    _sync_workspace(session)
    session.run("pytest", "-q", "examples", *session.posargs)


@nox.session
def infra(session: nox.Session) -> None:
    """The Terraform, statically and by plan; TFCHECK names an offline checker, CI forbids the skip."""
    _sync_workspace(session)
    session.run("pytest", "-q", "infra/tests", *session.posargs, env={"TFCHECK": os.environ.get("TFCHECK", "")})


@nox.session
def docs(session: nox.Session) -> None:
    """Links, examples and command lines in the documentation are true."""
    _sync_workspace(session)
    session.run("pytest", "-q", "docs/tests", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Costs and ratios, printed; never part of a test."""
    _sync(session, "--group", "dev", "--group", "all", "--group", "bench")
    for script in sorted(ROOT.glob("benchmarks/*.py")):
        session.log(script.stem)
        session.run("python", str(script))


# The modules whose rules are worth a mutant each. Decorated functions (cached ones, properties) get none from mutmut.
MUTATED = {
    "interlock-rules": ["_[!_]*.py"],
    "interlock-sla": ["_cron*", "_deadlines.py", "_instants.py", "_verdicts.py"],
}
SURVIVORS_AT_MOST = 0.1


@nox.session
@nox.parametrize("package", sorted(MUTATED))
def mutation(session: nox.Session, package: str) -> None:
    """Mutants of the deadline, cron and rule modules that no test kills: at most a tenth; the checkout stays clean."""
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
        # The examples that hypothesis tries are few and always the same; what was cached before a mutant is forgotten.
        "pytest_add_cli_args": ["--hypothesis-profile=mutation"],
        "process_isolation": "forkserver",
        "timeout_multiplier": 4.0,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (copy / "pyproject.toml").open("a") as pyproject:
        pyproject.write("\n".join(["", "[tool.mutmut]", *lines, ""]))
    with session.chdir(copy):
        session.run("mutmut", "run", *session.posargs, silent=True)  # it draws its progress for a terminal
        _report_mutants(session, str(session.run("mutmut", "results", "--all", "true", silent=True)))


def _report_mutants(session: nox.Session, results: str) -> None:
    """Print killed and survived per module and each survivor; fail when they are too many."""
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
    """The config reader under thousands of wrong files a property: no traceback, under 1 s and 200 MB each."""
    _sync(session, "--package", "interlock-config", "--all-extras", "--group", "test")
    names = ("files/test_limits", "test_laws", "values/test_hints")
    tests = [f"packages/interlock-config/tests/{name}.py" for name in names]
    session.run("pytest", "-q", "--hypothesis-profile=fuzz", "--hypothesis-show-statistics", *tests, *session.posargs)


@nox.session(name="simulation-long")
def simulation_long(session: nox.Session) -> None:
    """The simulation over 50,000 pipeline-days and more; `-- --state FILE` goes on where a run ended."""
    _sync_workspace(session)
    session.run("python", "-m", "simulation.long", *session.posargs, env={"PYTHONPATH": str(ROOT / "tests")})


@nox.session
def faults(session: nox.Session) -> None:
    """1,000 starts of each job type with faults around every call; `-- --seed N` replays a run."""
    _sync(session, "--package", "interlock-triggers", "--all-extras", "--group", "test")
    simulation = "packages/interlock-triggers/tests/test_faults.py"
    session.run("pytest", "-q", "-rP", "--show-capture=stdout", "--starts=1000", simulation, *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Each trap put into the product once: the table of mutants, and the seed or test that catches each."""
    _sync_workspace(session)
    session.run("python", "-m", "simulation.mutants", *session.posargs, env={"PYTHONPATH": str(ROOT / "tests")})


@nox.session
def races(session: nox.Session) -> None:
    """Two stream-routers and a watchdog on the same sensor and rerun request, 1,000 rounds on the local stack."""
    _sync_workspace(session)
    rounds = {"INTERLOCK_RACE_ROUNDS": os.environ.get("INTERLOCK_RACE_ROUNDS", "1000")}
    session.run("pytest", "-q", "-s", "tests/integration/test_races.py", *session.posargs, env=rounds)


@nox.session
def season(session: nox.Session) -> None:
    """100 days of SLAs with 200 pipelines, timers and ticks dropped: progress, then counts; about an hour."""
    _sync_workspace(session)
    size = {"INTERLOCK_SLA_DAYS": "100", "INTERLOCK_SLA_PIPELINES": "200", "INTERLOCK_SLA_START": "2026-03-05"}
    wanted = {name: os.environ.get(name, value) for name, value in size.items()}
    session.run("pytest", "-q", "-s", "tests/sla/test_hundred_days.py", *session.posargs, env=wanted)


@nox.session
def airflow(session: nox.Session) -> None:
    """A real Airflow 3, in an environment of its own: DAG runs are started once and followed to their end."""
    _sync(session, "--package", "interlock-triggers", "--all-extras", "--group", "test")
    server = Path(session.create_tmp()).resolve() / "server"
    python = str(Path(session.virtualenv.location).resolve() / "bin" / "python")
    session.run_install("uv", "venv", "--quiet", "--allow-existing", "--python", python, str(server))
    session.run_install(
        "uv",
        "pip",
        "sync",
        "--quiet",
        "--only-binary=:all:",
        "--python",
        str(server / "bin" / "python"),
        "tests/airflow/requirements.txt",
    )
    executable = {"INTERLOCK_TEST_AIRFLOW": str(server / "bin" / "airflow")}
    session.run("pytest", "-q", "--show-capture=no", "tests/airflow", *session.posargs, env=executable)


def _home(unit: str) -> str:
    return f"packages/{unit}" if unit in PACKAGES else f"services/{unit}"


def _distribution(unit: str) -> str:
    return unit if unit in PACKAGES else f"interlock-{unit}"


def _project(package: str) -> dict[str, Any]:
    """The `project` table of a package's pyproject.toml."""
    return dict(tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"])


def _closure(package: str) -> list[str]:
    """The package and the siblings it needs, from the declared dependencies."""
    seen: list[str] = []
    queue = [package]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.append(name)
        wanted = [requirement.split(">")[0].split("[")[0] for requirement in _project(name)["dependencies"]]
        queue.extend(requirement for requirement in wanted if requirement in PACKAGES)
    return seen
