"""The values that a run gives to its job: the same for a start, for the same start again, and for its status."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock_config import PipelineConfig
from interlock_config._expansion import RUN_VARIABLES
from interlock_lifecycle import JobIntent, Run, RunKey
from interlock_lifecycle.runs import SendStart, TargetTraits, TriggerFacts, decide_trigger, run_variables
from interlock_lifecycle.slas import SlaFacts
from interlock_sla import Period, parse_execution_date

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=5)
KEYED = TargetTraits(deduplicates=True, findable=False)


@pytest.fixture
def run(run: Run) -> Run:
    """A run whose rules have held."""
    return replace(run, evaluated_at=NOW)


def run_of(run: Run, date: str) -> Run:
    return replace(run, key=RunKey("bronze", "cron", parse_execution_date(date)))


def in_zone(config: PipelineConfig, name: str) -> PipelineConfig:
    return replace(config, schedule=replace(config.schedule, timezone=name))


def intent_of(run: Run, config: PipelineConfig, no_sla: SlaFacts, now: datetime = NOW) -> JobIntent:
    """The intent with which a start of this run is sent."""
    facts = TriggerFacts(run, config, "", no_sla)
    decision = decide_trigger(
        facts, run.run_token, KEYED, now=now, until=now + timedelta(minutes=5), window=timedelta(hours=1)
    )
    assert isinstance(decision, SendStart)
    return decision.commit.intent


@pytest.mark.parametrize(
    ("date", "day", "par_day", "par_hour", "start", "end"),
    [
        ("2026-03-03", "2026-03-03", "20260303", "", "2026-03-02T23:00:00Z", "2026-03-03T23:00:00Z"),
        ("2026-03-03T07", "2026-03-03", "20260303", "07", "2026-03-03T06:00:00Z", "2026-03-03T07:00:00Z"),
        ("2026-03-03T00", "2026-03-03", "20260303", "00", "2026-03-02T23:00:00Z", "2026-03-03T00:00:00Z"),
        # Days of 23 and 25 hours, the hour that clocks skip, the hour that they show twice.
        ("2026-03-29", "2026-03-29", "20260329", "", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("2026-10-25", "2026-10-25", "20261025", "", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("2026-03-29T02", "2026-03-29", "20260329", "02", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
        ("2026-10-25T02", "2026-10-25", "20261025", "02", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
    ],
)
def test_a_run_gives_its_own_date_and_period(
    config: PipelineConfig,
    run: Run,
    no_sla: SlaFacts,
    date: str,
    day: str,
    par_day: str,
    par_hour: str,
    start: str,
    end: str,
) -> None:
    run = replace(run_of(run, date), attempt=2)
    intent = intent_of(run, in_zone(config, "Europe/Berlin"), no_sla)
    assert run_variables(run.key, intent) == {
        "INTERLOCK_DATE": date,
        "INTERLOCK_DAY": day,
        "INTERLOCK_PAR_DAY": par_day,
        "INTERLOCK_PAR_HOUR": par_hour,
        "INTERLOCK_PERIOD_START": start,
        "INTERLOCK_PERIOD_END": end,
        "INTERLOCK_PIPELINE_ID": "bronze",
        "INTERLOCK_SCHEDULE_ID": "cron",
        "INTERLOCK_ATTEMPT": "2",
        "INTERLOCK_JOB_KEY": intent.key,
    }


def test_the_zone_of_the_deadline_moves_no_period(run: Run, no_sla: SlaFacts, config: PipelineConfig) -> None:
    assert config.sla is not None
    elsewhere = replace(config, sla=replace(config.sla, timezone="Asia/Tokyo"))
    period = intent_of(run_of(run, "2026-03-03"), in_zone(elsewhere, "UTC"), no_sla).period
    assert period == Period(datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))


def test_a_start_sent_again_after_an_edited_zone_is_the_same(
    config: PipelineConfig, run: Run, no_sla: SlaFacts
) -> None:
    run = run_of(run, "2026-03-03T07")
    first = intent_of(run, in_zone(config, "Europe/Berlin"), no_sla)
    promised, later = replace(run, job_intent=first), UNTIL + timedelta(minutes=1)
    again = intent_of(promised, in_zone(config, "Asia/Kolkata"), no_sla, later)
    assert again.sent == 2
    assert run_variables(run.key, again) == run_variables(run.key, first)


def test_an_intent_without_period_gives_none(run: Run) -> None:
    old = JobIntent(0, "key", UNTIL, "glue", {}, NOW)
    names = run_variables(run_of(run, "2026-03-03").key, old)
    assert not {name for name in names if name.startswith("INTERLOCK_PERIOD")}
    assert names["INTERLOCK_DATE"] == "2026-03-03"


def test_validation_knows_each_variable_of_a_run(run: Run, config: PipelineConfig, no_sla: SlaFacts) -> None:
    assert run_variables(run.key, intent_of(run, config, no_sla)).keys() == RUN_VARIABLES
