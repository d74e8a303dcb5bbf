"""`${INTERLOCK_…}` in job configs: expanded from the caller's variables. Any other variable becomes an empty text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_config import ConfigError, expand, taken_values

ENVIRONMENT = {"INTERLOCK_TOKEN": "t0k", "INTERLOCK_ENV": "prod", "HOME": "/home/me", "INTERLOCK_EMPTY": ""}


@pytest.mark.parametrize(
    ("written", "expanded"),
    [
        ("Bearer ${INTERLOCK_TOKEN}", "Bearer t0k"),
        ("${INTERLOCK_ENV}-${INTERLOCK_ENV}", "prod-prod"),
        ("${INTERLOCK_EMPTY}", ""),
        ("${HOME}", ""),
        ("a${DATABASE}b", "ab"),
        ("${}", ""),
        ("${interlock_token}", ""),
        ("${XINTERLOCK_TOKEN}", ""),
        ("$INTERLOCK_TOKEN", "$INTERLOCK_TOKEN"),
        ("$$", "$$"),
        ("${INTERLOCK_TOKEN", "${INTERLOCK_TOKEN"),
        ("${INTERLOCK_TOKEN:-x}", ""),
        ("plain", "plain"),
        ("${secret:prod/airflow#token}", "${secret:prod/airflow#token}"),
        ("${secret:a b}", ""),
    ],
)
def test_a_value(written: str, expanded: str) -> None:
    assert expand({"command": written}, ENVIRONMENT) == {"command": expanded}


def test_taken_values_are_those_of_the_environment_only() -> None:
    config = {
        "url": "https://${INTERLOCK_ENV}/${INTERLOCK_DATE}",
        "headers": {"X-A": ["Bearer ${INTERLOCK_TOKEN}", "${INTERLOCK_ENV}"]},
        "${INTERLOCK_EMPTY}": "${HOME}${INTERLOCK_MISSING}",
    }
    environment = {**ENVIRONMENT, "INTERLOCK_DATE": "of the environment", "INTERLOCK_OTHER": "unused"}
    assert taken_values(config, environment, {"INTERLOCK_DATE": "2026-03-03"}) == ("prod", "t0k")
    assert taken_values(config, environment) == ("prod", "of the environment", "t0k")


def test_any_depth_but_no_keys() -> None:
    config = {"body": {"${INTERLOCK_ENV}": ["${INTERLOCK_ENV}", 3, None, True, {"x": "${INTERLOCK_TOKEN}"}]}}
    assert expand(config, ENVIRONMENT) == {"body": {"${INTERLOCK_ENV}": ["prod", 3, None, True, {"x": "t0k"}]}}


def test_the_value_of_a_variable_is_not_expanded_again() -> None:
    environment = {"INTERLOCK_A": "${INTERLOCK_B}", "INTERLOCK_B": "b"}
    assert expand({"command": "${INTERLOCK_A}"}, environment) == {"command": "${INTERLOCK_B}"}


def test_unset_variables_are_named_all_at_once() -> None:
    config = {"url": "${INTERLOCK_URL}/run", "headers": {"Authorization": "Bearer ${INTERLOCK_SECRET}"}}
    with pytest.raises(ConfigError) as caught:
        expand(config, ENVIRONMENT)
    assert [str(problem) for problem in caught.value.problems] == [
        "job.config.url: needs the environment variable INTERLOCK_URL",
        "job.config.headers.Authorization: needs the environment variable INTERLOCK_SECRET",
    ]


RUN = {"INTERLOCK_DATE": "2026-03-03", "INTERLOCK_PAR_HOUR": "", "INTERLOCK_ENV": "of the run"}


@pytest.mark.parametrize(
    ("written", "expanded"),
    [
        ("load ${INTERLOCK_DATE} ${INTERLOCK_TOKEN}", "load 2026-03-03 t0k"),
        ("hour=${INTERLOCK_PAR_HOUR}", "hour="),
        ("${INTERLOCK_ENV}", "of the run"),
        ("${DATE}", ""),
    ],
)
def test_variables_of_the_run_win_over_the_environment(written: str, expanded: str) -> None:
    assert expand({"command": [{"x": written}]}, ENVIRONMENT, RUN) == {"command": [{"x": expanded}]}


def test_a_run_sets_no_variable_of_another_kind() -> None:
    assert expand({"command": "${HOME}"}, {}, {"HOME": "/root"}) == {"command": ""}


def test_a_variable_that_neither_holds_is_missing() -> None:
    with pytest.raises(ConfigError, match="needs the environment variable INTERLOCK_PERIOD_START"):
        expand({"command": "${INTERLOCK_PERIOD_START}"}, ENVIRONMENT, RUN)


def test_the_config_is_not_changed() -> None:
    config = {"arguments": {"--env": "${INTERLOCK_ENV}"}}
    expand(config, ENVIRONMENT)
    assert config == {"arguments": {"--env": "${INTERLOCK_ENV}"}}


@given(st.text())
def test_no_text_fails_or_shows_another_variable(text: str) -> None:
    try:
        expanded = expand({"command": text}, {"SECRET": "s3cr3t"})["command"]
    except ConfigError:
        return
    assert "s3cr3t" not in expanded
