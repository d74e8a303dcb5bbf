"""Whether a value was given at a place, as far as the errors of a document show."""

import pytest

from interlock_config._problems._problems import Findings

CRON = ("schedule", "cron")


@pytest.mark.parametrize(
    ("path", "value", "is_given"),
    [
        (CRON, "garbage", True),
        ((*CRON, "minute"), 0, True),
        (CRON, None, False),
        (("schedule",), "0 8 * * *", False),
        (("schedule", "include"), [], False),
    ],
)
def test_an_error_with_a_value_counts_as_a_given_value(path: tuple[str, ...], value: object, is_given: bool) -> None:
    findings = Findings("")
    findings.error(path, value, "is wrong")
    assert findings.gives(CRON) is is_given


def test_a_place_set_aside_does_not_count_as_given() -> None:
    findings = Findings("")
    findings.error(("schedule", "crn"), "0 8 * * *", "is not a known key; did you mean cron?")
    findings.set_aside(CRON)
    assert findings.touches(CRON)
    assert not findings.gives(CRON)
