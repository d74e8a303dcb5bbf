"""The environment: defaults, limits, and a report of all invalid variables at once."""

from datetime import timedelta
from typing import Any

import pytest

from interlock_telemetry import (
    EnvironmentFault,
    InvalidEnvironment,
    MissingEnvironment,
    arn,
    duration,
    environment,
    truth,
    url,
    whole_number,
)

SECOND = timedelta(seconds=1)


def test_required_variables_are_read() -> None:
    settings = environment(("CONTROL_TABLE",), source={"CONTROL_TABLE": "c"})
    assert settings["CONTROL_TABLE"] == "c"


def test_missing_and_invalid_variables_are_reported_at_once() -> None:
    source = {"B": "set", "C": "", "D": "  ", "STAGE_TIMEOUT": "soon"}
    with pytest.raises(MissingEnvironment) as caught:
        environment(("D", "B", "C", "A"), source=source)
    assert caught.value.missing == ("D", "C", "A")
    assert str(caught.value) == (
        "missing environment variables: D, C, A; "
        "STAGE_TIMEOUT is 'soon', must be a duration from 100ms to 15m, such as 90s"
    )
    assert isinstance(caught.value, EnvironmentFault)


def test_all_invalid_variables_are_reported_at_once() -> None:
    with pytest.raises(InvalidEnvironment) as caught:
        environment(source={"WORKERS_PER_STAGE": "101", "CB_TIMEOUT": "0"})
    assert caught.value.invalid == (
        "WORKERS_PER_STAGE is '101', must be a whole number from 1 to 100",
        "CB_TIMEOUT is '0', must be a whole number of seconds from 1 to 86400",
    )


def test_optional_variables_have_their_defaults_unless_set() -> None:
    optional = {"A": "1", "B": "2", "C": None}
    settings = environment(optional=optional, source={"B": "set", "A": ""})
    assert (settings["A"], settings["B"], settings.get("C")) == ("1", "set", None)
    assert environment(optional=("A",), source={}).get("A") is None


def test_unset_variable_is_key_error() -> None:
    with pytest.raises(KeyError):
        environment(source={})["NOPE"]


def test_default_source_is_environment_of_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROL_TABLE", "c")
    assert environment(("CONTROL_TABLE",))["CONTROL_TABLE"] == "c"


def test_known_variables_have_documented_defaults() -> None:
    settings = environment(source={})
    known = [name for name in settings.__struct_fields__ if name not in ("variables", "own")]
    assert {name: getattr(settings, name) for name in known} == {
        "sfn_timeout": 14400 * SECOND,
        "skip_scheduler": False,
        "job_events": True,
        "alert_quiet": True,
        "stage_timeout": 30 * SECOND,
        "shutdown_buffer": SECOND / 2,
        "workers_per_stage": 3,
        "dlq_queue_url": None,
        "dlq_max_retries": 3,
        "dlq_bucket": None,
        "cb_trip_after": 5,
        "cb_timeout": 60 * SECOND,
        "otlp_endpoint": None,
        "profile_bucket": None,
        "aws_endpoint_url": None,
        "table_client": "direct",
        "otlp_protocol": "http/protobuf",
        "metrics": "otlp",
    }


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("SFN_TIMEOUT_SECONDS", "60", "sfn_timeout", 60 * SECOND),
        ("SKIP_SCHEDULER", "true", "skip_scheduler", True),
        ("SKIP_SCHEDULER", "TRUE", "skip_scheduler", True),
        ("SKIP_SCHEDULER", "0", "skip_scheduler", False),
        ("JOB_EVENTS", "false", "job_events", False),
        ("STAGE_TIMEOUT", "100ms", "stage_timeout", SECOND / 10),
        ("STAGE_TIMEOUT", " 1m30s ", "stage_timeout", 90 * SECOND),
        ("STAGE_TIMEOUT", "1.5m", "stage_timeout", 90 * SECOND),
        ("SHUTDOWN_BUFFER", "0s", "shutdown_buffer", timedelta()),
        ("WORKERS_PER_STAGE", "1", "workers_per_stage", 1),
        ("WORKERS_PER_STAGE", "100", "workers_per_stage", 100),
        ("DLQ_QUEUE_URL", "https://q", "dlq_queue_url", "https://q"),
        ("DLQ_MAX_RETRIES", "0", "dlq_max_retries", 0),
        ("DLQ_BUCKET", "dead-letters", "dlq_bucket", "dead-letters"),
        ("CB_TRIP_AFTER", "1", "cb_trip_after", 1),
        ("CB_TIMEOUT", "1", "cb_timeout", SECOND),
        ("PROFILE_BUCKET", "a.b", "profile_bucket", "a.b"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c", "otlp_endpoint", "http://c"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "otlp_protocol", "grpc"),
        ("AWS_ENDPOINT_URL", "http://a", "aws_endpoint_url", "http://a"),
        ("INTERLOCK_TABLES", "boto3", "table_client", "boto3"),
        ("INTERLOCK_TABLES", "", "table_client", "direct"),
    ],
)
def test_known_variables_are_read(name: str, text: str, attribute: str, value: Any) -> None:
    assert getattr(environment(source={name: text}), attribute) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SFN_TIMEOUT_SECONDS", "0"),
        ("SFN_TIMEOUT_SECONDS", "1h"),
        ("SFN_TIMEOUT_SECONDS", "-1"),
        ("SKIP_SCHEDULER", "maybe"),
        ("SFN_TIMEOUT_SECONDS", "31536001"),
        ("STAGE_TIMEOUT", "99ms"),
        ("STAGE_TIMEOUT", "15m1s"),
        ("STAGE_TIMEOUT", "30"),
        ("STAGE_TIMEOUT", "-30s"),
        ("STAGE_TIMEOUT", "1s 2"),
        ("STAGE_TIMEOUT", "9" * 40 + "h"),
        ("SHUTDOWN_BUFFER", "half a second"),
        ("WORKERS_PER_STAGE", "0"),
        ("WORKERS_PER_STAGE", "101"),
        ("WORKERS_PER_STAGE", "3.5"),
        ("WORKERS_PER_STAGE", "٣"),
        ("DLQ_MAX_RETRIES", "-1"),
        ("DLQ_QUEUE_URL", "prod-dlq"),
        ("DLQ_QUEUE_URL", "https:///prod-dlq"),
        ("DLQ_BUCKET", "s3://letters"),
        ("DLQ_BUCKET", "letters/dead"),
        ("PROFILE_BUCKET", "arn:aws:s3:::profiles"),
        ("AWS_ENDPOINT_URL", "localhost:4566"),
        ("AWS_ENDPOINT_URL", "http://localhost:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("CB_TRIP_AFTER", "0"),
        ("CB_TIMEOUT", "0"),
        ("INTERLOCK_TABLES", "Boto3"),
    ],
)
def test_values_outside_documented_limits_are_rejected(name: str, text: str) -> None:
    with pytest.raises(InvalidEnvironment, match=name):
        environment(source={name: text})


OWN = {
    "DAYS": whole_number(90, lowest=8, highest=36_500),
    "GRACE": duration(SECOND, highest=3600 * SECOND),
    "PLACE": url(),
}


def test_service_reads_its_own_numbers_and_durations() -> None:
    settings = environment(own=OWN, source={"DAYS": " 9 ", "GRACE": "2m", "PLACE": "http://a:1/b"})
    assert (settings.integer("DAYS"), settings.duration("GRACE")) == (9, 120 * SECOND)
    unset = environment(own=OWN, source={})
    assert (unset.integer("DAYS"), unset.duration("GRACE"), unset.own["PLACE"]) == (90, SECOND, None)
    with pytest.raises(KeyError):
        settings.integer("CB_TRIP_AFTER")


@pytest.mark.parametrize(("text", "value"), [(None, True), (" False ", False), ("0", False), ("1", True)])
def test_service_reads_its_own_truths(text: str | None, value: bool) -> None:
    settings = environment(own={"SEND_IT": truth(True)}, source={} if text is None else {"SEND_IT": text})
    assert settings.truth("SEND_IT") is value
    with pytest.raises(KeyError):
        settings.truth("SKIP_SCHEDULER")


def test_own_and_known_variables_are_reported_at_once() -> None:
    source = {"DAYS": "7", "GRACE": "1h1s", "PLACE": "here", "CB_TIMEOUT": "0"}
    with pytest.raises(MissingEnvironment) as caught:
        environment(("TABLE",), own=OWN, source=source)
    assert caught.value.invalid == (
        "CB_TIMEOUT is '0', must be a whole number of seconds from 1 to 86400",
        "DAYS is '7', must be a whole number from 8 to 36500",
        "GRACE is '1h1s', must be a duration from 0s to 1h, such as 90s",
        "PLACE is 'here', must be a URL such as https://host/path",
    )


def test_a_required_variable_may_have_a_form() -> None:
    with pytest.raises(MissingEnvironment):
        environment(("DAYS",), own=OWN, source={})
    with pytest.raises(InvalidEnvironment, match="DAYS is 'x'"):
        environment(("DAYS",), own=OWN, source={"DAYS": "x"})


def test_printed_settings_contain_no_secrets() -> None:
    settings = environment(("SLACK_BOT_TOKEN",), source={"SLACK_BOT_TOKEN": "xoxb-secret"})
    assert "xoxb" not in f"{settings} {settings!r}"


ACCOUNT = "eu-west-1:123456789012"
FORMS = {
    "states": arn("states", "stateMachine:"),
    "lambda": arn("lambda", "function:"),
    "iam": arn("iam", "role/"),
    "sqs": arn("sqs"),
}


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("states", f"arn:aws:states:{ACCOUNT}:stateMachine:prod"),
        ("states", "arn:aws-us-gov:states:us-gov-west-1:123456789012:stateMachine:prod"),
        ("lambda", f"arn:aws:lambda:{ACCOUNT}:function:prod"),
        ("lambda", f"arn:aws:lambda:{ACCOUNT}:function:prod:live"),
        ("iam", "arn:aws:iam::123456789012:role/team/timers"),
        ("sqs", f" arn:aws:sqs:{ACCOUNT}:letters.fifo\n"),
    ],
)
def test_arn_of_one_resource_is_read_without_spaces(service: str, text: str) -> None:
    settings = environment(own={"IT": FORMS[service]}, source={"IT": text})
    assert settings["IT"] == settings.own["IT"] == text.strip()


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("states", "prod"),
        ("states", f"arn:aws:states:{ACCOUNT}:stateMachine:"),
        ("states", f"arn:aws:states:{ACCOUNT}:execution:prod:run"),
        ("states", f"arn:aws:states:{ACCOUNT}:stateMachine:prod:live"),
        ("states", f"arn:aws:lambda:{ACCOUNT}:function:prod"),
        ("lambda", f"arn:aws:lambda:{ACCOUNT}:function:*"),
        ("lambda", f"arn:aws:lambda:{ACCOUNT}:function:pro d"),
        ("lambda", "arn:aws:lambda::123456789012:function:prod"),
        ("lambda", "arn:aws:lambda:eu-west-1:12345678901:function:prod"),
        ("lambda", "arn:aws:lambda:eu-west-1:١٢٣٤٥٦٧٨٩٠١٢:function:prod"),
        ("lambda", f"arn:gcp:lambda:{ACCOUNT}:function:prod"),
        ("iam", f"arn:aws:iam:{ACCOUNT}:role/timers"),
        ("sqs", "https://sqs.eu-west-1.amazonaws.com/123456789012/letters"),
    ],
)
def test_other_texts_are_no_arn_of_one_resource(service: str, text: str) -> None:
    with pytest.raises(InvalidEnvironment, match=r"IT is .*, must be the ARN of one resource, such as arn:aws:"):
        environment(own={"IT": FORMS[service]}, source={"IT": text})
