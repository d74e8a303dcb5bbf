"""The Go program of docs/how-to/write-a-sensor.md writes the row of the page to a server of moto."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sensors.program import endpoint, fails_without_the_table, text_of, writes_the_row_of_the_page

__all__ = ["endpoint"]

# Debian's package golang-github-aws-aws-sdk-go-v2-dev, whose version does not read AWS_ENDPOINT_URL.
SOURCES = Path("/usr/share/gocode")
SERVICE = SOURCES / "src/github.com/aws/aws-sdk-go-v2/service/dynamodb"
CLIENT = "dynamodb.NewFromConfig(settings)"
OF_THE_TEST = """dynamodb.NewFromConfig(settings, func(options *dynamodb.Options) {
	options.EndpointResolver = dynamodb.EndpointResolverFromURL(os.Getenv("AWS_ENDPOINT_URL"))
})"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The built program, whose client calls the address in AWS_ENDPOINT_URL."""
    if "INTERLOCK_TEST_GO" not in os.environ:
        pytest.skip("INTERLOCK_TEST_GO is not set (`nox -s go` sets it)")
    if shutil.which("go") is None or not SERVICE.exists():
        pytest.skip("Go is absent. On Debian: apt-get install golang-go golang-github-aws-aws-sdk-go-v2-dev")
    folder = tmp_path_factory.mktemp("go")
    text = text_of("go")
    formatted = subprocess.run(["gofmt"], input=text, capture_output=True, text=True, check=True).stdout
    assert formatted == text
    assert CLIENT in text
    (folder / "main.go").write_text(text.replace(CLIENT, OF_THE_TEST))
    environment = {**os.environ, "GOPATH": str(SOURCES), "GO111MODULE": "off", "GOFLAGS": "-p=2"}
    command = ["go", "build", "-o", "sensor", "main.go"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [str(folder / "sensor")]


def test_the_program_writes_the_row_of_the_page(program: list[str], endpoint: str) -> None:
    writes_the_row_of_the_page(program, endpoint)


def test_a_row_that_was_not_written_is_a_failure(program: list[str], endpoint: str) -> None:
    fails_without_the_table(program, endpoint)
