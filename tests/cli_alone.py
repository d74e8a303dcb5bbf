"""Checks interlock-cli installed without an extra: its commands are there, and the others name their extra."""

import importlib.util
import subprocess
import sys

LOCAL = ("build", "demo", "deploy", "up")


def _interlock(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The oldest jmespath that botocore accepts warns when its modules are compiled.
    command = [sys.executable, "-W", "ignore::SyntaxWarning", "-m", "interlock_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _asks_for_the_extra(*arguments: str) -> list[str]:
    extra = "web" if arguments[0] == "web" else "local"
    wanted = f'error: interlock {arguments[0]}: not installed: pip install "interlock-cli[{extra}]"\n'
    done = _interlock(*arguments)
    if (done.returncode, done.stdout, done.stderr) == (2, "", wanted):
        return []
    return [f"{' '.join(arguments)}: exit code {done.returncode}: {done.stdout}{done.stderr}"]


def main() -> int:
    problems = [
        f"{name} is installed"
        for name in ("interlock_local", "interlock_web", "ministack")
        if importlib.util.find_spec(name)
    ]
    listed = _interlock("--help")
    problems += [f"--help does not list {name}" for name in (*LOCAL, "status") if f"\n  {name} " not in listed.stdout]
    problems += [problem for name in LOCAL for problem in _asks_for_the_extra(name)]
    problems += _asks_for_the_extra("up", "--port", "4600") + _asks_for_the_extra("demo", "--help")
    problems += _asks_for_the_extra("web", "--port", "4600")
    if _interlock("schema").returncode != 0:
        problems.append("schema fails")
    for problem in problems:
        print(f"interlock_cli: {problem}")
    if not problems:
        print(f"interlock_cli alone: {len(LOCAL)} local commands ask for the extra")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
