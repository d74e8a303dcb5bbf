"""Warnings: values that are allowed but probably not meant. They are never errors, and a sound config has none."""

import json
from datetime import date, timedelta

import pytest

from interlock_config import decode_yaml, review, warnings

SOUND = {
    "pipeline": "{id: orders}",
    "schedule": "{trigger: {key: orders, check: exists}}",
    "validation": "{rules: [{key: orders, check: exists}]}",
    "job": "{type: command, config: {command: load}}",
}
HOURLY_SHORT = "{trigger: {key: orders, check: exists}, evaluation: {window: 59m}}"


def said(sections: dict[str, str]) -> list[str]:
    text = "".join(f"{name}: {content}\n" for name, content in {**SOUND, **sections}.items())
    found = warnings(decode_yaml(text))
    assert all(problem.severity == "warning" for problem in found)
    return [str(problem) for problem in found]


CLOSED = [str(date(2026, 3, 4) + timedelta(days=step)) for step in range(32)]
"""32 days, from a Wednesday on."""


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"schedule": '{cron: "0 8 * * *", time: "08:00"}', "sla": '{deadline: "10:00", expectedDuration: 90m}'},
        {"schedule": '{cron: "0 * * * *"}', "sla": '{deadline: ":30", expectedDuration: 20m}'},
        {"schedule": HOURLY_SHORT, "sla": '{deadline: ":30"}'},
        {"schedule": HOURLY_SHORT.replace("key: orders", "key: orders, deadline: ':30'")},
        {"sla": '{deadline: ":30"}', "validation": "{rules: [{key: 'orders#x', check: exists}]}"},
        {"sla": '{deadline: ":30"}', "validation": "{rules: [{key: orders, check: exists, anyDate: true}]}"},
        {"sla": '{deadline: ":30"}', "validation": "{rules: [{key: orders, check: exists, dateOffset: -1}]}"},
        {"schedule": '{cron: "0 */2 * * *", trigger: {key: orders, check: exists}}'},
        {"postRun": "{rules: [{key: audit, check: exists}, {key: ordersx, check: exists}]}"},
        {"sla": "{maxDuration: 2h, expectedDuration: 1h}"},
        {"schedule": "{trigger: {key: orders, check: exists}, include: {dates: [2026-03-31, 2026-06-30]}}"},
        {"schedule": '{cron: "0 8 * * *", exclude: {weekends: true}}'},
        {"schedule": '{cron: "0 8 1W,LW * ?", exclude: {weekends: true}}'},
        {"schedule": '{cron: "0 8 L-3 * *"}'},
        {"schedule": '{cron: "0 8 ? * FRIL"}'},
        {"schedule": '{cron: "0 8 ? * mon-fri"}'},
        # The deadline is on a Saturday and moves to Monday.
        {
            "schedule": '{cron: "0 20 * * fri", exclude: {weekends: true}}',
            "sla": '{deadline: "06:00", expectedDuration: 12h}',
        },
        # 31 excluded days: a deadline on the first of them moves to the day after the last.
        {
            "schedule": f"{{trigger: {{key: orders, check: exists}}, exclude: {{dates: {CLOSED[:-1]}}}}}",
            "sla": '{deadline: "10:00"}',
        },
        # No expected date before them has a deadline on one of them.
        {
            "schedule": f'{{cron: "0 8 * 6 *", exclude: {{dates: {CLOSED}}}}}',
            "sla": '{deadline: "10:00"}',
        },
        {
            "schedule": f"{{trigger: {{key: orders, check: exists}}, exclude: {{dates: {CLOSED}}}}}",
            "sla": '{deadline: "10:00", excludedDays: keep}',
        },
        {
            "schedule": "{trigger: {key: orders, check: exists, deadline: '10:00'}, exclude: {weekends: true}}",
            "sla": "{excludedDays: keep}",
        },
        {"validation": "{rules: [{key: 'orders#x', check: exists}]}"},
        {"schedule": "{trigger: {key: 'orders#x', check: exists}}"},
        {"job": "{type: command, config: {command: 'load ${INTERLOCK_ENV} $HOME'}}"},
        {"sla": '{deadline: "10:00", expectedDuration: 33h}'},
        {"schedule": HOURLY_SHORT, "sla": '{deadline: ":30", expectedDuration: 89m}'},
        {"schedule": '{cron: "30 8,20 * * *"}', "sla": '{deadline: ":00", expectedDuration: 29m}'},
        # The clocks skip 02:30 on one Sunday a year. The cron then fires at 03:30.
        {
            "schedule": '{cron: "30 2,14 * * sun", timezone: Europe/Berlin}',
            "sla": '{deadline: ":15", expectedDuration: 30m}',
        },
        {
            "schedule": '{cron: "30 2,14 25 3 *", timezone: Europe/Berlin}',
            "sla": '{deadline: ":15", expectedDuration: 30m}',
        },
        # The deadline would be too early in summer, when the cron does not fire.
        {
            "schedule": '{cron: "18 18 * 1,2,11,12 *", timezone: Asia/Kolkata}',
            "sla": '{deadline: "15:00", expectedDuration: 30m, timezone: Europe/Berlin}',
        },
    ],
)
def test_sound_configs_are_not_warned_of(sections: dict[str, str]) -> None:
    assert said(sections) == []


@pytest.mark.parametrize(
    ("sections", "warned"),
    [
        (
            {"pipeline": "{id: INFRASTRUCTURE}"},
            ['pipeline.id = "INFRASTRUCTURE": is also the id of infrastructure alarms'],
        ),
        (
            {
                "schedule": '{cron: "0 20 * * fri", exclude: {weekends: true}}',
                "sla": '{deadline: "06:00", expectedDuration: 12h, excludedDays: keep}',
            },
            [
                'sla.deadline = "06:00": is 10h after the cron fires and a run takes 12h; the SLA can never be met',
            ],
        ),
        (
            {
                "schedule": "{trigger: {key: orders, check: exists, deadline: '09:00'}, "
                f"exclude: {{dates: {CLOSED}}}}}",
                "sla": '{deadline: "10:00"}',
            },
            [
                'sla.deadline = "10:00": would move by more than 31 days for 2026-03-03: '
                "the days after it are excluded; that date has no absolute clock",
                'schedule.trigger.deadline = "09:00": would move by more than 31 days for 2026-03-03: '
                "the days after it are excluded; the trigger window of that date has no end",
            ],
        ),
        (
            {
                "schedule": f"{{trigger: {{key: orders, check: exists}}, exclude: {{dates: {CLOSED}}}, "
                "evaluation: {window: 30m}}",
                "sla": '{deadline: ":30"}',
            },
            [
                'sla.deadline = ":30": would move by more than 31 days for 2026-03-03T23: '
                "the days after it are excluded; that date has no absolute clock",
            ],
        ),
        (
            {"schedule": '{cron: "0 8 * * *", exclude: {dates: [2026-03-07], workdays: [2026-03-07]}}'},
            ['schedule.exclude.workdays[0] = "2026-03-07": is also one of schedule.exclude.dates; the workday counts'],
        ),
        (
            {"schedule": "{trigger: {key: orders, check: exists}}", "sla": "{excludedDays: keep}"},
            ["sla: has neither deadline nor maxDuration; nothing is watched"],
        ),
        (
            {"schedule": "{}"},
            ["schedule: has neither cron nor trigger; only a rerun request will ever start this pipeline"],
        ),
        (
            {"schedule": '{time: "08:00", trigger: {key: orders, check: exists}}'},
            ['schedule.time = "08:00": is read only together with schedule.cron'],
        ),
        (
            {"schedule": "{trigger: {key: order, check: exists}}"},
            ['schedule.trigger.key = "order": is not read by any rule; the rules read "orders"'],
        ),
        (
            {"validation": "{rules: [&r {key: orders, check: exists}, {key: a, check: exists}, *r]}"},
            ["validation.rules[2]: repeats validation.rules[0]"],
        ),
        (
            {
                "schedule": "{trigger: {key: orders, check: exists}, exclude: {weekends: true, dates: [2026-03-31]}, "
                "include: {dates: [2026-03-31, 2026-04-04, 2026-03-30, 2026-03-30]}}"
            },
            [
                'schedule.include.dates[3] = "2026-03-30": repeats schedule.include.dates[2]',
                'schedule.include.dates[0] = "2026-03-31": is excluded by schedule.exclude; nothing runs that day',
                'schedule.include.dates[1] = "2026-04-04": is excluded by schedule.exclude; nothing runs that day',
            ],
        ),
        (
            {
                "schedule": "{trigger: {key: orders, check: exists}, exclude: {dates: [2026-12-24, 2026-12-25, "
                "2026-12-25, 2026-12-24, 2026-12-25], workdays: [2026-10-10, 2026-10-10]}}"
            },
            [
                'schedule.exclude.dates[2] = "2026-12-25": repeats schedule.exclude.dates[1]',
                'schedule.exclude.dates[3] = "2026-12-24": repeats schedule.exclude.dates[0]',
                'schedule.exclude.dates[4] = "2026-12-25": repeats schedule.exclude.dates[1]',
                'schedule.exclude.workdays[1] = "2026-10-10": repeats schedule.exclude.workdays[0]',
            ],
        ),
        (
            {"schedule": '{cron: "0 8 * * sat,sun", exclude: {weekends: true}}'},
            ['schedule.cron = "0 8 * * sat,sun": fires only on days that schedule.exclude leaves out'],
        ),
        (
            {"schedule": '{cron: "0 9 * * 5L"}'},
            [
                'schedule.cron = "0 9 * * 5L": 5L is the last Friday of the month here and the last Thursday '
                "in EventBridge and Quartz, where Sunday is 1; write friL or thuL"
            ],
        ),
        (
            {"schedule": '{cron: "0 8 ? * 2-6"}'},
            [
                'schedule.cron = "0 8 ? * 2-6": 2-6 means tue-sat here and mon-fri in EventBridge and Quartz, '
                "where Sunday is 1; write the names"
            ],
        ),
        (
            {"schedule": '{cron: "0 0 */2 * 1"}'},
            [
                'schedule.cron = "0 0 */2 * 1": fires when either day field holds, 212 times in 2026; '
                "both hold 26 times; Vixie cron, cronie, cronsim and pycron need both where a day field begins with *"
            ],
        ),
        (
            {"schedule": '{cron: "0 9 1-7 * 1"}'},
            [
                'schedule.cron = "0 9 1-7 * 1": fires when either day field holds, 124 times in 2026; '
                'both hold 12 times: write "0 9 * * mon#1" for those'
            ],
        ),
        (
            {"schedule": '{cron: "0 9 31W * *"}'},
            [
                'schedule.cron = "0 9 31W * *": 31W does not fire in a month of fewer than 31 days, '
                "where croniter and cronosjs take its last weekday; write LW for that"
            ],
        ),
        (
            {"schedule": '{cron: "0 8 7W * *", exclude: {dates: [2026-12-07]}}', "sla": '{deadline: "08:00"}'},
            ['sla.deadline = "08:00": is 0s after the cron fires; the SLA can never be met'],
        ),
        (
            {"sla": "{expectedDuration: 30m, critical: true}"},
            ["sla: has neither deadline nor maxDuration; nothing is watched"],
        ),
        (
            {"sla": "{maxDuration: 1h, expectedDuration: 60m}"},
            ['sla.expectedDuration = "60m": is not shorter than maxDuration (1h); the SLA can never be met'],
        ),
        (
            {"schedule": '{cron: "0 8 * * *"}', "sla": '{deadline: ":30"}'},
            [
                'sla.deadline = ":30": the cron fires once a day; a time of day (HH:MM) is usual',
            ],
        ),
        (
            {"schedule": '{cron: "0 * * * *"}', "sla": '{deadline: "10:00"}'},
            ['sla.deadline = "10:00": the cron fires several times a day; a minute past the hour (:MM) is usual'],
        ),
        (
            {"schedule": '{cron: "0 8 * * *", trigger: {key: orders, check: exists, deadline: ":15"}}'},
            ['schedule.trigger.deadline = ":15": the cron fires once a day; a time of day (HH:MM) is usual'],
        ),
        (
            {"schedule": '{cron: "0 8 * * *"}', "sla": '{deadline: "08:00"}'},
            ['sla.deadline = "08:00": is 0s after the cron fires; the SLA can never be met'],
        ),
        (
            {"schedule": '{cron: "0 8 * * *"}', "sla": '{deadline: "08:20", expectedDuration: 30m}'},
            ['sla.deadline = "08:20": is 20m after the cron fires and a run takes 30m; the SLA can never be met'],
        ),
        (
            {
                "schedule": '{cron: "0 8 * * *", timezone: Europe/Berlin}',
                "sla": '{deadline: "07:20", expectedDuration: 30m, timezone: UTC}',
            },
            [
                'sla.deadline = "07:20": is 20m after the cron fires and a run takes 30m; '
                "the SLA cannot be met in part of the year"
            ],
        ),
        *(
            (
                {
                    "schedule": f'{{cron: "18 18 {days} *", timezone: Asia/Kolkata}}',
                    "sla": '{deadline: "15:00", expectedDuration: 30m, timezone: Europe/Berlin}',
                },
                [f'sla.deadline = "15:00": is 12m after the cron fires and a run takes 30m; the SLA {when}'],
            )
            for days, when in (
                ("* 1-6", "cannot be met in part of the year"),
                ("* 3", "cannot be met in part of the year"),
                ("* 10", "cannot be met in part of the year"),
                ("1 10,11,12", "cannot be met in part of the year"),
                ("* 8", "can never be met"),
            )
        ),
        (
            {
                "schedule": '{cron: "0 8,20 * * *"}',
                "sla": '{deadline: "10:00", expectedDuration: 12h30m, timezone: Europe/Berlin}',
            },
            [
                'sla.deadline = "10:00": the cron fires several times a day; a minute past the hour (:MM) is usual',
                'sla.deadline = "10:00": is 0s after the cron fires at 08:00 and a run takes 12h30m; '
                "the SLA can never be met",  # never after 08:00, in winter after 20:00
            ],
        ),
        (
            {
                "schedule": '{cron: "0 8,20 * * *", timezone: Europe/Berlin}',
                "sla": '{deadline: ":30", timezone: Asia/Kolkata}',
            },
            ['sla.deadline = ":30": is 3h before the cron fires at 08:00; the SLA can never be met'],
        ),
        (
            {"sla": '{deadline: "10:00", expectedDuration: 34h}'},
            [
                'sla.deadline = "10:00": is 34h after the start of its day and a run takes 34h; '
                "the SLA can never be met",
            ],
        ),
        (
            {"schedule": HOURLY_SHORT, "sla": '{deadline: ":30", expectedDuration: 90m}'},
            [
                'sla.deadline = ":30": is 1h30m after the start of its hour and a run takes 90m; '
                "the SLA can never be met",
            ],
        ),
        (
            {"schedule": '{cron: "30 8,20 * * *"}', "sla": '{deadline: ":00", expectedDuration: 30m}'},
            [
                'sla.deadline = ":00": is 30m after the cron fires at 08:30 and a run takes 30m; '
                "the SLA can never be met",
            ],
        ),
        (
            {"schedule": '{cron: "0 8,20 * * *"}', "sla": '{deadline: "10:00", expectedDuration: 3h}'},
            [
                'sla.deadline = "10:00": the cron fires several times a day; a minute past the hour (:MM) is usual',
                'sla.deadline = "10:00": is 2h after the cron fires at 08:00 and a run takes 3h; '
                "its SLA can never be met",
            ],
        ),
        (
            {
                "job": "{type: http, config: {url: 'https://x.example.com', "
                "headers: {A: '${TOKEN} ${its value, by mistake} ${INTERLOCK_A:-b}'}}}"
            },
            [
                "job.config.headers.A: ${TOKEN} expands to nothing; only ${INTERLOCK_…} variables are expanded",
                "job.config.headers.A: ${…} expands to nothing; only ${INTERLOCK_…} variables are expanded",
                "job.config.headers.A: ${INTERLOCK_A…} expands to nothing; "
                "write only a name between the braces, without defaults or signs",
            ],
        ),
        (
            {
                "job": "{type: lambda, config: {functionName: 'f${ENV}', "
                "payload: {a: ['${X} ${INTERLOCK_Y} ${Z}'], b: '${INTERLOCK_DATE}'}}}"
            },
            [
                "job.config.functionName: ${ENV} expands to nothing; only ${INTERLOCK_…} variables are expanded",
                "job.config.payload.a[0]: ${X} expands to nothing; only ${INTERLOCK_…} variables are expanded",
                "job.config.payload.a[0]: ${Z} expands to nothing; only ${INTERLOCK_…} variables are expanded",
            ],
        ),
        (
            {"job": "{type: command, config: {command: 'load ${INTERLOCK_PARDAY} ${INTERLOCK_TOKEN}'}}"},
            [
                "job.config.command: ${INTERLOCK_PARDAY} is not a variable of the run; did you mean "
                "${INTERLOCK_PAR_DAY}? Any other name must be set in the orchestrator's environment",
            ],
        ),
    ],
)
def test_warnings(sections: dict[str, str], warned: list[str]) -> None:
    assert said(sections) == warned


def test_a_cron_is_warned_of_if_its_section_has_errors() -> None:
    schedule = 'schedule: {cron: "0 9 * * friL,5L", timezone: Mars}'
    text = "\n".join([*(f"{name}: {content}" for name, content in SOUND.items() if name != "schedule"), schedule])
    error, warning = review({"orders.yaml": text}).problems
    assert (error.path, error.severity) == ("schedule.timezone", "error")
    assert (warning.path, warning.severity) == ("schedule.cron", "warning")
    assert warning.message.startswith("5L is the last Friday of the month here")


NO_DATE = (
    "does not hold the date of the run, so that a rerun of an earlier date would process today's data; "
    "use ${INTERLOCK_DATE} or another variable of the run"
)
ROLE = "executionRoleArn: 'arn:aws:iam::123456789012:role/emr-jobs'"
MACHINE = "stateMachineArn: 'arn:aws:states:eu-central-1:123456789012:stateMachine:load'"
CONFIGS_WITH_A_DATE = [
    ("databricks", "workspaceUrl: 'https://x.example.com', jobId: 620, arguments: {day: '%s'}", "arguments"),
    ("emr", "clusterId: j-2A, stepName: load, command: spark-submit, arguments: [load.py, '%s']", "arguments"),
    ("emr", "clusterId: j-2A, stepName: load, command: 'spark-submit load.py %s'", "arguments"),
    ("emr-serverless", f"applicationId: a1, {ROLE}, jobDriver: {{sparkSubmit: {{args: ['%s']}}}}", "jobDriver"),
    ("lambda", "functionName: load, payload: {deep: ['%s']}", "payload"),
    ("lambda", """functionName: load, payload: '{"day": "%s"}'""", "payload"),
    ("step-function", f"{MACHINE}, arguments: {{day: '%s'}}", "arguments"),
]


def of_job(job_type: str, config: str, schedule: str = SOUND["schedule"]) -> list[str]:
    return said({"job": f"{{type: {job_type}, config: {{{config}}}}}", "schedule": schedule})


@pytest.mark.parametrize(("job_type", "config", "key"), CONFIGS_WITH_A_DATE)
def test_a_job_without_a_date_in_its_input_is_warned_of(job_type: str, config: str, key: str) -> None:
    for without in ("", "2026-03-03", "${INTERLOCK_JOB_KEY}", "${INTERLOCK_PAR_HOUR}", "${INTERLOCK_MY_DATE}"):
        assert of_job(job_type, config % without) == [f"job.config.{key}: {NO_DATE}"]


@pytest.mark.parametrize(("job_type", "config", "key"), CONFIGS_WITH_A_DATE)
@pytest.mark.parametrize("name", ["DATE", "PAR_DAY", "DAY", "PERIOD_START", "PERIOD_END"])
def test_each_variable_with_the_date_is_a_date(job_type: str, config: str, key: str, name: str) -> None:
    assert of_job(job_type, config % f"d-${{INTERLOCK_{name}}}") == []


@pytest.mark.parametrize(
    ("job_type", "config", "warned"),
    [
        # The job does not read its names and addresses.
        ("emr", "clusterId: j, stepName: '${INTERLOCK_DATE}', command: c", ["arguments"]),
        (
            "databricks",
            "workspaceUrl: 'https://x.example.com', jobId: 1, headers: {D: '${INTERLOCK_DATE}'}",
            ["arguments"],
        ),
        (
            "emr-serverless",
            f"applicationId: a, {ROLE}, jobName: '${{INTERLOCK_DATE}}', jobDriver: {{x: 1}}",
            ["jobDriver"],
        ),
        # Without their own input, these jobs get the date.
        ("lambda", "functionName: load", []),
        ("step-function", MACHINE, []),
        # These jobs always get the date.
        ("glue", "jobName: load, arguments: {--env: prod}", []),
        ("airflow", "url: 'https://x.example.com', dagID: load, body: {conf: {env: prod}}", []),
        ("command", "command: load", []),
        ("http", "url: 'https://x.example.com'", []),
    ],
)
def test_only_the_input_of_the_job_names_its_date(job_type: str, config: str, warned: list[str]) -> None:
    assert of_job(job_type, config) == [f"job.config.{key}: {NO_DATE}" for key in warned]


@pytest.mark.parametrize(
    ("cron", "names", "is_warned"),
    [
        ("0 * * * *", "${INTERLOCK_DAY}", True),
        ("0 8,20 * * *", "${INTERLOCK_PAR_DAY} ${INTERLOCK_DAY}", True),
        ("0 8 * * *", "${INTERLOCK_PAR_DAY}", False),
        ("0 * * * *", "${INTERLOCK_PAR_DAY}/${INTERLOCK_PAR_HOUR}", False),
        ("0 * * * *", "${INTERLOCK_DATE}", False),
        ("0 * * * *", "${INTERLOCK_DAY} ${INTERLOCK_PERIOD_END}", False),
    ],
)
def test_the_day_alone_is_not_a_date_of_an_hourly_cron(cron: str, names: str, is_warned: bool) -> None:
    expected = [
        "job.config.payload: holds the day of the run but not its hour, and the cron fires several times a day; "
        "use ${INTERLOCK_DATE} or ${INTERLOCK_PAR_HOUR}"
    ]
    found = of_job("lambda", f"functionName: f, payload: {{d: '{names}'}}", f'{{cron: "{cron}"}}')
    assert found == (expected if is_warned else [])


def test_dates_among_the_arguments_of_glue_are_ignored() -> None:
    assert of_job("glue", "jobName: j, arguments: {--par_day: '20260101', --par_hour: '07', par_day: x}") == [
        'job.config.arguments.--par_day = "20260101": is ignored; the job always gets the day of its run',
        'job.config.arguments.--par_hour = "07": is ignored; the job always gets the hour of its run, '
        "and no hour in a daily run",
    ]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ("{conf: {date: 2026-03-03, par_hour: 7, table: orders}}", ["conf.date", "conf.par_hour"]),
        ("{par_day: '20260303'}", ["par_day"]),
        ("{conf: {date: '${INTERLOCK_DAY}', par_day: '${INTERLOCK_MY_DAY}'}}", []),
        ("{conf: {data: {date: 2026-03-03}}, note: x}", []),
        ("'{\"conf\": {}}'", []),
    ],
)
def test_a_date_in_the_conf_of_every_dag_run_is_warned_of(body: str, places: list[str]) -> None:
    found = of_job("airflow", f"url: 'https://x.example.com', dagID: load, body: {body}")
    assert [warning.partition(" = ")[0] for warning in found] == [f"job.config.body.{place}" for place in places]
    assert all("replaces the value of every run" in warning for warning in found)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("sleep 1; echo", "1;"),
        ("load orders && notify", "&&"),
        ("load | tee log", "|"),
        ("load > log 2>&1", ">"),
        ("load ; notify", ";"),
        ("sh -c 'load; notify'", None),
        ('sh -c "load && notify"', None),
        ("load ';' --sep '|'", None),
        ("curl https://x.example.com/?a=1&b=2", None),
        ("load --where a>b", None),
        ("load it\\'s now", None),
    ],
)
def test_a_command_for_a_shell_is_warned_of(command: str, word: str | None) -> None:
    found = of_job("command", f"command: {json.dumps(command)}")
    assert [line.partition(": ")[2].split(",")[0] for line in found] == ([] if word is None else [f"holds {word}"])


def conflicts(*rules: str, mode: str = "ALL") -> list[str]:
    return said({"validation": f"{{trigger: {mode}, rules: [{{key: orders, check: exists}}, {', '.join(rules)}]}}"})


def rule(check: str, value: object, key: str = "orders", field: str = "n") -> str:
    return f"{{key: {key}, check: {check}, field: {field}, value: {value}}}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("gt", 10), ("lt", 5)),
        (("gt", 10), ("lt", 10)),
        (("gte", 10), ("lt", 10)),
        (("gt", 10), ("lte", 10)),
        (("gte", 11), ("lte", "10.5")),
        (("equals", 10), ("gt", 10)),
        (("equals", 10), ("lt", "'10.0'")),
        (("equals", 10), ("equals", 11)),
        (("equals", "ready"), ("equals", "done")),
        (("equals", True), ("equals", False)),
        (("equals", "ready"), ("equals", True)),
        (("age_lt", "1h"), ("age_gt", "2h")),
        (("age_lt", "1h"), ("age_gt", "60m")),
    ],
)
def test_rules_that_exclude_each_other_warn_in_either_order(
    first: tuple[str, object], second: tuple[str, object]
) -> None:
    for earlier, later in ((first, second), (second, first)):
        [warning] = conflicts(rule(*earlier), rule(*later))
        assert warning.startswith("validation.rules[2].value = ")
        assert f": {later[0]} excludes validation.rules[1] ({earlier[0]} " in warning


@pytest.mark.parametrize(
    "rules",
    [
        (rule("gt", 10), rule("lt", 11)),
        (rule("gte", 10), rule("lte", 10)),
        (rule("equals", 0.1), rule("lte", "'0.1'"), rule("gte", "'0.10'")),
        (rule("gt", 10), rule("lt", 5, field="m")),
        (rule("gt", 10), rule("lt", 5, key="other")),
        (rule("equals", "'TRUE'"), rule("equals", True)),
        (rule("equals", 5), rule("equals", "'5.0'")),
        (rule("equals", "[a]"), rule("equals", "[b]")),
        (rule("gt", 10), rule("age_lt", "5m")),
        (rule("age_lt", "2h"), rule("age_gt", "1h")),
    ],
)
def test_rules_that_can_hold_together_are_not_warned_of(rules: tuple[str, ...]) -> None:
    assert conflicts(*rules) == []


def test_rules_in_mode_any_may_exclude_each_other() -> None:
    assert conflicts(rule("gt", 10), rule("lt", 5), mode="ANY") == []


def test_a_contradiction_is_reported_once_with_its_rules() -> None:
    assert conflicts(rule("gt", 3), rule("gt", 10), rule("lte", 20), rule("lt", 5), rule("lt", 4)) == [
        "validation.rules[4].value = 5: lt excludes validation.rules[2] (gt 10); the rules can never all hold"
    ]


def test_an_age_without_field_is_the_age_of_updated_at() -> None:
    ages = "{key: orders, check: age_gt, value: 2h}", rule("age_lt", "1h", field="updatedAt")
    assert conflicts(*ages) == [
        'validation.rules[2].value = "1h": age_lt excludes validation.rules[1] (age_gt "2h"); '
        "the rules can never all hold"
    ]


def test_post_run_rules_must_all_hold() -> None:
    rules = f"{{rules: [{rule('gt', 10, key='audit')}, {rule('lt', 5, key='audit')}]}}"
    assert said({"postRun": rules}) == [
        "postRun.rules[1].value = 5: lt excludes postRun.rules[0] (gt 10); the rules can never all hold"
    ]


def test_a_variable_outside_of_a_job_config_is_warned_of() -> None:
    schedule = '{cron: "0 8 * * *", trigger: {key: orders, check: equals, field: env, value: "${INTERLOCK_ENV}"}}'
    rules = '[{key: "orders", check: exists}, {key: "orders-${INTERLOCK_ENV}", check: exists}]'
    post_run = '{rules: [{key: audit, check: exists, field: "rows ${ENV}"}]}'
    assert said({"schedule": schedule, "validation": f"{{rules: {rules}}}", "postRun": post_run}) == [
        'schedule.trigger.value = "${INTERLOCK_ENV}": is taken as written; variables are expanded in job.config only',
        'validation.rules[1].key = "orders-${INTERLOCK_ENV}": is taken as written; '
        "variables are expanded in job.config only",
        'postRun.rules[0].field = "rows ${ENV}": is taken as written; variables are expanded in job.config only',
    ]


@pytest.mark.parametrize("value", ["true", "false", "3", "[a]"])
def test_a_value_of_exists_is_ignored_in_every_rule(value: str) -> None:
    condition = f"{{key: orders, check: exists, value: {value}}}"
    field = f"{{key: audit, check: exists, field: n, value: {value}}}"
    sections = {"schedule": f"{{trigger: {condition}}}", "validation": f"{{rules: [{condition}]}}"}
    found = said({**sections, "postRun": f"{{rules: [{field}]}}"})
    assert [line.partition(": ")[2] for line in found] == [
        "is ignored; exists asks whether the sensor exists",
        "is ignored; exists asks whether the sensor exists",
        "is ignored; exists asks whether the field exists and is not null",
    ]
    assert [line.partition(" = ")[0] for line in found] == [
        "schedule.trigger.value",
        "validation.rules[0].value",
        "postRun.rules[0].value",
    ]


@pytest.mark.parametrize("value", ["''", "[]", "{}"])
def test_a_comparison_with_an_empty_value_is_warned_of(value: str) -> None:
    rules = f"{{rules: [{{key: orders, check: equals, field: error, value: {value}}}]}}"
    [warning] = said({"validation": rules})
    assert warning.startswith("validation.rules[0].value = ")
    assert warning.endswith(": is empty; the rule holds only if the field exists and is empty, too")


@pytest.mark.parametrize(
    ("key", "reader"),
    [
        ("orders", "schedule.trigger"),
        ("orders#x", "schedule.trigger"),
        ("counts", "validation.rules[1]"),
        ("count", None),
        ("audit", None),
    ],
)
def test_a_post_run_sensor_that_is_also_read_before_the_run(key: str, reader: str | None) -> None:
    rules = "{rules: [{key: orders, check: exists}, {key: 'counts#y', check: exists}, {key: counts, check: exists}]}"
    found = said(
        {"validation": rules, "postRun": f"{{rules: [{{key: audit, check: exists}}, {{key: '{key}', check: exists}}]}}"}
    )
    said_of_it = f"is also read by {reader}; a row from before the run counts as the post-run report"
    assert found == ([] if reader is None else [f'postRun.rules[1].key = "{key}": {said_of_it}'])


@pytest.mark.parametrize(
    ("schedule", "sla", "apart"),
    [
        ("{trigger: {key: orders, check: exists, deadline: ':50'}}", "{maxDuration: 1h}", "1h"),
        ("{trigger: {key: orders, check: exists}}", "{deadline: ':50'}", "1h"),
        ('{cron: "0 * * * *", trigger: {key: orders, check: exists}}', "{maxDuration: 1h}", "1h"),
        (
            '{cron: "0 4,22 * * *", trigger: {key: orders, check: exists}, evaluation: {window: 6h}}',
            "{maxDuration: 1h}",
            "6h",
        ),
        (
            '{cron: "0 8,11 * * *", trigger: {key: orders, check: exists}, evaluation: {window: 3h}}',
            "{maxDuration: 1h}",
            "3h",
        ),
    ],
)
def test_a_plain_key_whose_next_row_may_come_while_a_run_is_held(schedule: str, sla: str, apart: str) -> None:
    [warning] = said({"schedule": schedule, "sla": sla})
    assert warning.startswith('schedule.trigger.key = "orders": is also read by validation.rules[0], for up to ')
    assert f"may come after {apart}; " in warning
    shorter = schedule.replace("window: 6h", "window: 5h59m").replace("window: 3h", "window: 2h59m")
    if shorter == schedule:
        shorter = schedule.removesuffix("}") + ", evaluation: {window: 59m}}"
    assert said({"schedule": shorter, "sla": sla}) == []


@pytest.mark.parametrize("first", [date.min, date(1900, 1, 1), date(9998, 12, 1), date(9999, 11, 1)])
def test_excluded_days_at_the_ends_of_the_calendar_are_read(first: date) -> None:
    days = [str(first + timedelta(days=number)) for number in range(60)]
    text = f"""
pipeline: {{id: orders}}
schedule: {{trigger: {{key: landing, check: exists}}, exclude: {{dates: {days}}}}}
sla: {{deadline: "08:00"}}
validation: {{rules: [{{key: landing, check: exists}}]}}
job: {{type: command, config: {{command: load}}}}
"""
    assert isinstance(warnings(decode_yaml(text)), tuple)
