"""The Java program of docs/how-to/write-a-sensor.md writes the row of the page to a server of moto.

The AWS SDK for Java 2 is published to Maven only. A Python distribution has it inside a JAR under another root package,
so the test compiles the program with that root in front of its imports.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sensors.program import endpoint, fails_without_the_table, text_of, writes_the_row_of_the_page

__all__ = ["endpoint"]

ROOT = "smfs.shaded."
HTTP = f"{ROOT}software.amazon.awssdk.http"
# The JAR has no service files, so that the SDK does not find its HTTP client by itself.
SERVICES = {f"{HTTP}.SdkHttpService": f"{HTTP}.urlconnection.UrlConnectionSdkHttpService"}
# The SDK writes its log with SLF4J, which the JAR leaves to Spark.
LOGS = [Path(f"/usr/share/java/slf4j-{part}.jar") for part in ("api", "nop")]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the compiled program."""
    jar = os.environ.get("INTERLOCK_TEST_JAVA")
    if jar is None:
        pytest.skip("INTERLOCK_TEST_JAVA names no JAR with the AWS SDK (`nox -s java` sets it)")
    if shutil.which("javac") is None or not all(log.exists() for log in LOGS):
        pytest.skip("Java is absent. On Debian: apt-get install default-jdk-headless libslf4j-java")
    folder = tmp_path_factory.mktemp("java")
    (folder / "Sensor.java").write_text(text_of("java").replace("import software.", f"import {ROOT}software."))
    (folder / "META-INF" / "services").mkdir(parents=True)
    for service, implementation in SERVICES.items():
        (folder / "META-INF" / "services" / service).write_text(implementation)
    path = os.pathsep.join(map(str, (folder, jar, *LOGS)))
    command = ["javac", "-Xlint:all", "-Werror", "-proc:none", "-cp", path, "Sensor.java"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ["java", "-cp", path, "Sensor"]


def test_the_program_writes_the_row_of_the_page(program: list[str], endpoint: str) -> None:
    writes_the_row_of_the_page(program, endpoint)


def test_a_row_that_was_not_written_is_a_failure(program: list[str], endpoint: str) -> None:
    fails_without_the_table(program, endpoint)
