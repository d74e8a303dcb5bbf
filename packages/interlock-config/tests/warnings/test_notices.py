"""Notices of a valid config for existing users."""

import pytest

from interlock_config import decode_yaml, notices, warnings
from interlock_sla import parse_execution_date

SECTIONS = {
    "pipeline": "{id: orders}",
    "schedule": "{trigger: {key: orders, check: equals, field: done, value: true}}",
    "validation": "{rules: [{key: orders, check: gte, field: count, value: 1}]}",
    "job": "{type: command, config: {command: load}}",
}
DAILY, HOURLY = "2026-03-03", "2026-03-03T07"
DAY_AFTER = "is on the day after the execution date, since the schedule has no cron"
OF_HOURS = "the runs are hourly, such as 2026-03-03T07; it is the first 10:00 at or after the end of the hour"
OF_DAYS = "the runs are daily, such as 2026-03-03; it is 00:30 on the day after"


def noticed(sections: dict[str, str], date: str | None = None) -> list[str]:
    text = "".join(f"{name}: {content}\n" for name, content in {**SECTIONS, **sections}.items())
    found = notices(decode_yaml(text), None if date is None else parse_execution_date(date))
    assert all(notice.severity == "warning" for notice in found)
    return [str(notice) for notice in found]


@pytest.mark.parametrize(
    ("deadline", "date", "message"),
    [
        ("10:00", None, DAY_AFTER),
        ("10:00", DAILY, DAY_AFTER),
        ("10:00", HOURLY, OF_HOURS),
        (":30", None, None),
        (":30", DAILY, OF_DAYS),
        (":30", HOURLY, None),
    ],
)
def test_the_dates_decide_the_meaning_of_a_deadline_without_cron(deadline: str, date: str | None, message: str) -> None:
    expected = [] if message is None else [f'sla.deadline = "{deadline}": {message}']
    assert noticed({"sla": f'{{deadline: "{deadline}"}}'}, date) == expected
    trigger = f'{{trigger: {{key: orders, check: gte, field: n, value: 1, deadline: "{deadline}"}}}}'
    expected = [] if message is None else [f'schedule.trigger.deadline = "{deadline}": {message}']
    assert noticed({"schedule": trigger}, date) == expected


@pytest.mark.parametrize(("cron", "deadline"), [("0 8 * * *", ":30"), ("0 * * * *", "10:00"), ("0 8 * * *", "10:00")])
@pytest.mark.parametrize("date", [None, DAILY, HOURLY])
def test_under_a_cron_a_notice_of_a_deadline_is_its_warning(cron: str, deadline: str, date: str | None) -> None:
    sections = {"schedule": f'{{cron: "{cron}"}}', "sla": f'{{deadline: "{deadline}"}}'}
    text = "".join(f"{name}: {content}\n" for name, content in {**SECTIONS, **sections}.items())
    usual = [str(one) for one in warnings(decode_yaml(text)) if "is usual" in one.message]
    assert noticed(sections, date) == usual
    assert bool(usual) is (deadline.startswith(":") != (cron == "0 * * * *"))


def test_exists_with_a_field_is_noticed_in_every_rule() -> None:
    found = noticed(
        {
            "schedule": "{trigger: {key: orders, check: exists, field: done}}",
            "validation": "{rules: [{key: orders, check: exists}, {key: orders, check: exists, field: count}]}",
            "postRun": "{rules: [{key: audit, check: exists, field: rows}]}",
        }
    )
    message = "exists asks for this field, which must not be null"
    assert found == [
        f'schedule.trigger.field = "done": {message}',
        f'validation.rules[1].field = "count": {message}',
        f'postRun.rules[0].field = "rows": {message}',
    ]


def test_a_config_without_surprises_has_no_notices() -> None:
    assert noticed({}) == []
    assert noticed({"sla": "{maxDuration: 2h}"}, HOURLY) == []
