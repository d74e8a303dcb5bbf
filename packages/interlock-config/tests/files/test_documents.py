"""Several files together: the document of each, and the errors between them."""

from datetime import date, timedelta

import pytest

from interlock_config import ConfigError, PipelineConfig, check, decode_yaml, read_document, review, validate
from interlock_sla import Calendar

ORDERS = """
pipeline: {id: orders}
schedule: {cron: "0 8 * * *", calendar: us-holidays}
validation: {rules: [{key: orders, check: exists}]}
job: {type: command, config: {command: load}}
"""
HOLIDAYS = "name: us-holidays\ndates: [2026-07-04]\n"


def test_the_keys_of_a_document_decide_its_kind() -> None:
    assert isinstance(read_document(ORDERS), PipelineConfig)
    assert isinstance(read_document(HOLIDAYS), Calendar)


def test_a_file_that_is_neither_is_read_as_a_pipeline() -> None:
    with pytest.raises(ConfigError, match="pipeline: is missing"):
        read_document("jobs: []")


def test_a_json_file_is_read_as_json() -> None:
    assert isinstance(read_document('{\n\t"name": "us", "days": ["sunday"]}', "us.json"), Calendar)


def test_files_without_problems() -> None:
    found = review({"orders.yaml": ORDERS, "us.yaml": HOLIDAYS})
    assert found.problems == ()
    assert not found.failed
    assert list(found.documents) == ["orders.yaml", "us.yaml"]


def test_an_id_used_twice_is_an_error_of_the_second_file() -> None:
    found = review({"a.yaml": ORDERS, "b.yaml": ORDERS, "us.yaml": HOLIDAYS})
    assert [str(problem) for problem in found.problems] == [
        'b.yaml:2: pipeline.id = "orders": is also the id of a.yaml; it must be unique'
    ]
    assert found.failed


def test_a_calendar_name_used_twice_is_an_error() -> None:
    found = review({"a.yaml": HOLIDAYS, "b.yaml": HOLIDAYS})
    assert [str(problem) for problem in found.problems] == [
        'b.yaml:1: name = "us-holidays": is also the name of a.yaml; it must be unique'
    ]


def test_an_unknown_calendar_is_an_error_with_the_nearest_name() -> None:
    found = review({"orders.yaml": ORDERS, "us.yaml": HOLIDAYS.replace("holidays", "holiday")})
    assert [str(problem) for problem in found.problems] == [
        'orders.yaml:3: schedule.calendar = "us-holidays": names a calendar that does not exist; '
        "did you mean us-holiday?"
    ]


def test_a_calendar_that_cannot_be_read_is_not_unknown_as_well() -> None:
    found = review({"orders.yaml": ORDERS, "us.yaml": HOLIDAYS + "days: [someday]\n"})
    assert [problem.source for problem in found.problems] == ["us.yaml"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("us.yaml", HOLIDAYS + "days: [saturday\n"),
        ("us.yaml", "# ours\n'name' : \"us-holidays\" # of the bank\ndays:\n\t- saturday\n"),
        ("us.yaml", "{name: us-holidays, days: [saturday}"),
        ("us.yaml", (HOLIDAYS + "dates: " + "[" * 300).encode()),
        ("us.yaml", HOLIDAYS.encode() + b"\xff"),
        ("us.yaml", HOLIDAYS + "#" * 300_000),
        ("us.json", '{\n  "name": "us-holidays",\n  "days": ["saturday",]\n}'),
    ],
)
def test_a_calendar_that_is_not_yaml_is_not_unknown_as_well(source: str, text: str | bytes) -> None:
    wrong = ORDERS.replace("id: orders", "id: or ders")
    found = review({"orders.yaml": ORDERS, "wrong.yaml": wrong, source: text})
    assert [problem.source for problem in found.problems] == [source, "wrong.yaml"]


def test_a_calendar_is_unknown_if_another_file_is_unreadable() -> None:
    found = review({"orders.yaml": ORDERS, "us.yaml": "file_name: us-holidays\ndays: [saturday\n"})
    assert [problem.source for problem in found.problems] == ["orders.yaml", "us.yaml"]


def test_a_broken_file_does_not_hide_the_problems_of_the_others() -> None:
    found = review({"a.yaml": "a: b: c", "b.yaml": ORDERS.replace("id: orders", "id: or ders"), "us.yaml": HOLIDAYS})
    assert [problem.source for problem in found.problems] == ["a.yaml", "b.yaml"]
    assert list(found.documents) == ["us.yaml"]


def test_files_with_errors_are_compared_with_other_files() -> None:
    wrong = ORDERS.replace("exists", "exist")
    found = review({"a.yaml": wrong.replace("us-holidays", "us-holiday"), "b.yaml": wrong, "us.yaml": HOLIDAYS})
    assert [str(problem).partition(", gt")[0] for problem in found.problems] == [
        'a.yaml:3: schedule.calendar = "us-holiday": names a calendar that does not exist; did you mean us-holidays?',
        'a.yaml:4: validation.rules[0].check = "exist": must be one of exists, equals',
        'b.yaml:2: pipeline.id = "orders": is also the id of a.yaml; it must be unique',
        'b.yaml:4: validation.rules[0].check = "exist": must be one of exists, equals',
    ]


@pytest.mark.parametrize("pipeline", ["[]", "{id: [a]}", "orders", "{}"])
def test_files_without_a_name_do_not_clash(pipeline: str) -> None:
    wrong = ORDERS.replace("{id: orders}", pipeline).replace("us-holidays", "[us]")
    assert not [problem for problem in review({"a": wrong, "b": wrong}).problems if "unique" in problem.message]


def test_warnings_come_with_lines_and_do_not_fail() -> None:
    found = review({"orders.yaml": ORDERS.replace('cron: "0 8 * * *", ', ""), "us.yaml": HOLIDAYS})
    assert [(problem.severity, problem.line) for problem in found.problems] == [("warning", 3)]
    assert not found.failed


def test_a_calendar_that_excludes_nothing_is_warned_of() -> None:
    found = review({"us.yaml": "name: us\n"})
    assert [str(problem) for problem in found.problems] == [
        "us.yaml:1: names neither days nor dates; it excludes nothing"
    ]


def test_a_calendar_that_excludes_every_day_is_warned_of() -> None:
    days = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"
    [problem] = review({"us.yaml": f"name: us\ndays: [{days}]\n"}).problems
    assert (problem.severity, problem.path, problem.line) == ("warning", "days", 2)


WEEKENDS = "name: us-holidays\ndays: [saturday, sunday]\n"


def test_a_cron_on_days_that_a_calendar_excludes_is_warned_of() -> None:
    found = review({"orders.yaml": ORDERS.replace("0 8 * * *", "0 8 * * sat"), "us.yaml": WEEKENDS})
    assert [(problem.severity, str(problem)) for problem in found.problems] == [
        ("warning", 'orders.yaml:3: schedule.cron = "0 8 * * sat": fires only on days that its calendars leave out')
    ]


def test_a_deadline_that_a_calendar_moves_too_far_is_warned_of() -> None:
    closed = [str(date(2026, 3, 4) + timedelta(days=step)) for step in range(32)]
    deadline = 'sla: {deadline: "06:00"}\n'
    found = review({"orders.yaml": ORDERS + deadline, "us.yaml": f"name: us-holidays\ndates: {closed}\n"})
    assert [str(problem).partition(": ")[2] for problem in found.problems] == [
        'sla.deadline = "06:00": would move by more than 31 days for 2026-03-03: the days after it are excluded; '
        "that date has no absolute clock"
    ]
    assert not review(
        {"orders.yaml": ORDERS + deadline, "us.yaml": f"name: us-holidays\ndates: {closed[1:]}\n"}
    ).problems


def test_a_date_of_a_calendar_that_is_its_workday_is_warned_of() -> None:
    found = review({"us.yaml": "name: us\ndates: [2026-10-10]\nworkdays: [2026-10-10]\n"})
    assert [problem.message for problem in found.problems] == [
        "is also one of the calendar's dates; the workday counts"
    ]
    assert not review({"us.yaml": "name: us\nworkdays: [2026-10-10]\n"}).problems


def test_an_inclusion_date_excluded_by_a_calendar_is_warned_of() -> None:
    dates = "include: {dates: [2026-07-04, 2026-07-06]}, trigger: {key: orders, check: exists}"
    found = review({"orders.yaml": ORDERS.replace('cron: "0 8 * * *"', dates), "us.yaml": WEEKENDS})
    assert [str(problem) for problem in found.problems] == [
        'orders.yaml:3: schedule.include.dates[0] = "2026-07-04": is excluded by calendar us-holidays; '
        "nothing runs that day"
    ]


def test_a_day_excluded_by_pipeline_and_calendar_warns_once() -> None:
    schedule = '{cron: "0 8 * * sat", calendar: us-holidays, exclude: {weekends: true}}'
    text = ORDERS.replace('{cron: "0 8 * * *", calendar: us-holidays}', schedule)
    found = review({"orders.yaml": text, "us.yaml": WEEKENDS})
    assert [problem.message for problem in found.problems] == ["fires only on days that schedule.exclude leaves out"]


def test_validate_looks_between_documents_only() -> None:
    config = decode_yaml(ORDERS)
    assert [str(problem) for problem in validate({"a": config, "b": config})] == [
        'a: schedule.calendar = "us-holidays": names a calendar that does not exist; '
        "validate its file together with this one",
        'b: pipeline.id = "orders": is also the id of a; it must be unique',
        'b: schedule.calendar = "us-holidays": names a calendar that does not exist; '
        "validate its file together with this one",
    ]


def test_check_knows_the_calendars_that_exist() -> None:
    config = decode_yaml(ORDERS)
    assert check(config, {"us-holidays": Calendar("us-holidays")}) == ()
    [problem] = check(config, {"us-holiday": Calendar("us-holiday")}, "orders.yaml")
    assert str(problem).startswith('orders.yaml: schedule.calendar = "us-holidays": names a calendar')


def test_the_ending_of_a_json_file_counts_in_any_letter_case() -> None:
    assert isinstance(read_document('{\n\t"name": "us", "days": ["sunday"]}', "US.JSON"), Calendar)


def test_an_error_hides_no_warnings_of_other_sections() -> None:
    rules = "{rules: [{key: orders, check: exists}, {key: orders, check: exists}]}"
    text = ORDERS.replace("{rules: [{key: orders, check: exists}]}", rules)
    text = text.replace("config: {command: load}", "config: {command: 'load ${HOME}'}, maxRetries: 11")
    found = review({"a.yaml": text, "us.yaml": HOLIDAYS})
    assert [(problem.severity, problem.path) for problem in found.problems] == [
        ("warning", "validation.rules[1]"),  # no warning about the job's variable: the job has an error
        ("error", "job.maxRetries"),
    ]


def test_no_warning_about_the_replacement_of_a_wrong_value() -> None:
    wrong = ORDERS.replace("{key: orders, check: exists}", "{key: 1, check: exists}, {key: 2, check: exists}")
    found = review({"a.yaml": wrong, "us.yaml": HOLIDAYS})
    assert {problem.severity for problem in found.problems} == {"error"}


def test_ambiguous_yaml_words_in_a_payload_are_warned_of() -> None:
    payload = '{a: yes, b: [0x1F, "10:00"], c: 10:00, d: true, e: "${INTERLOCK_DATE}"}'
    job = f"job: {{type: lambda, config: {{functionName: f, payload: {payload}}}}}"
    text = ORDERS.replace("job: {type: command, config: {command: load}}", job)
    found = review({"a.yaml": text, "us.yaml": HOLIDAYS})
    assert [(problem.path.removeprefix("job.config.payload"), problem.message) for problem in found.problems] == [
        (".a", 'is sent as the text "yes"; write it in quotes, or true or false without quotes for a boolean'),
        (".b[0]", 'is sent as the text "0x1F"; write it in quotes, or a plain decimal number'),
        (".c", 'is sent as the text "10:00"; write it in quotes, or the number that is meant'),
    ]
    for name in ("jobDriver", "job_driver"):
        arn = "'arn:aws:iam::123456789012:role/emr-jobs'"
        driver = f"{name}: {{a: 007, b: '${{INTERLOCK_DATE}}'}}"
        emr = f"job: {{type: emr-serverless, config: {{applicationId: a, executionRoleArn: {arn}, {driver}}}}}"
        text = ORDERS.replace("job: {type: command, config: {command: load}}", emr)
        [problem] = review({"a.yaml": text, "us.yaml": HOLIDAYS}).problems
        assert problem.path == f"job.config.{name}.a"
    quiet = job.replace("type: lambda", "type: http").replace("functionName: f, payload", 'url: "https://x", headers')
    text = ORDERS.replace("job: {type: command, config: {command: load}}", quiet.replace(', b: [0x1F, "10:00"]', ""))
    assert review({"a.yaml": text, "us.yaml": HOLIDAYS}).problems == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            ORDERS.replace("schedule:", "scheduel:") + "sla: {maxDuration: 2h}\ndryRun: true\n",
            'a.yaml:3: scheduel = {"cron":"0 8 * * *","calendar":"us-holidays"}: '
            "is not a known key; did you mean schedule?",
        ),
        (
            ORDERS.replace('cron: "0 8 * * *"', "trigger: {key: k, check: exists}")
            .replace("validation:", "validaton:")
            .replace("key: orders", "key: k"),
            'a.yaml:4: validaton = {"rules":[{"key":"k","check":"exists"}]}: '
            "is not a known key; did you mean validation?",
        ),
    ],
)
def test_no_warning_about_the_replacement_of_a_section(wrong: str, said: str) -> None:
    assert [str(problem) for problem in review({"a.yaml": wrong, "us.yaml": HOLIDAYS}).problems] == [said]
