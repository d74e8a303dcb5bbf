"""The mutants: what is patched, and which seed or test notices it first."""

from msgspec import Struct


class Mutant(Struct, frozen=True):
    """One patch of one module. `tests` notice it, or else the simulation does, at this rate of faults.

    `seeds` of stories, of `timetables` and of `writers` are tried first.
    """

    name: str
    module: str
    old: str
    new: str
    trap: int = 0
    seeds: tuple[int, ...] = ()
    timetables: tuple[int, ...] = ()
    writers: tuple[int, ...] = ()
    rate: float | None = None
    tests: tuple[str, ...] = ()


_ROAD = "tests/simulation/test_road.py::"
_LIFECYCLE = "packages/interlock-lifecycle/tests/"
_SITUATION = "tests/sla/test_situations.py::test_who_is_told_what_and_when"
_RULES, _STORE = "packages/interlock-rules/tests/", "packages/interlock-store/tests/"
_TRIGGERS = "packages/interlock-triggers/tests/"
_DATES_OF_JOBS = "services/orchestrator/tests/test_dates_of_jobs.py::"
_ORCHESTRATOR = "services/orchestrator/tests/test_orchestrator.py::"
_CONTROLLER = "packages/interlock-controller/tests/test_controller.py::"
_DESKS = "packages/interlock-controller/tests/test_desks.py::"
_SLA, _ARRIVAL, _RERUN = "interlock_lifecycle._sla", "interlock_lifecycle._arrival", "interlock_lifecycle._rerun"
_CLOSE, _PLAN, _FOLLOW = "interlock_lifecycle._close", "interlock_store._plan", "interlock_lifecycle._follow"

MUTANTS = (
    Mutant(
        "deadline of the day of the close",
        _SLA,
        "    deadlines = deadlines_of_run(config, key, sla.arrived_at, sla.exclusions, sla.since)\n",
        "    deadlines = deadlines_of(config, ExecutionDate(now.date()), sla.arrived_at, sla.exclusions)\n",
        trap=1,
        seeds=(3,),
    ),
    Mutant(
        "an earlier attempt's outcome counts",
        _FOLLOW,
        "return entry.attempt == run.attempt and entry.run_token == run.run_token",
        "return True",
        trap=2,
    ),
    Mutant(
        "whoever comes may close the run",
        _CLOSE,
        "if run is not None and run.is_held_by(token):",
        "if run is not None and run.is_running:",
        trap=3,
        rate=0.1,
        seeds=(3,),
    ),
    Mutant(
        "nobody starts what was committed",
        "interlock_watchdog.recovery",
        "        acts += [partial(self._start, row, now) for row in triggers]\n",
        "",
        trap=4,
        seeds=(5,),
    ),
    Mutant(
        "a rerun request does not look for a run under way",
        _RERUN,
        "if any(run is not None and run.is_running for run in (facts.run, facts.other_run)):",
        "if False:",
        trap=5,
        seeds=(6,),
    ),
    Mutant(
        "what was missed is told again",
        "interlock_lifecycle._missed",
        "marker=marker",
        "marker=None",
        trap=6,
        tests=(_ROAD + "test_a_missed_schedule_is_told_once_although_its_tick_dies_after_it",),
    ),
    Mutant(
        "every day is a day of the cron",
        "interlock_sla._cron_syntax",
        "days=None if _is_unrestricted(fields[_DAY_OF_MONTH]) else",
        "days=None if True else",
        trap=7,
        tests=("packages/interlock-sla/tests/test_cron.py",),
    ),
    Mutant(
        "today is a day in UTC",
        _ARRIVAL,
        "    return execution_day(written_at, config.zone) if named is None else named\n",
        "    return execution_day(written_at, written_at.tzinfo) if named is None else named\n",
        trap=8,
        seeds=(8,),
    ),
    Mutant(
        "a state reads an optional path",
        "simulation.machine",
        "DEFINITION.read_text())",
        """DEFINITION.read_text().replace('"mode": "evaluate",', '"mode": "evaluate", "sla.$": "$.sla",'))""",
        trap=9,
        tests=("tests/simulation/test_statemachine.py::test_no_state_reads_a_path_that_some_route_leaves_unset",),
    ),
    Mutant(
        "all historic sensors are read",
        "interlock_store._store",
        "        found = self._tables.get_many(self.names.control, [*wanted, (pk, kept_sk)])\n",
        "        rows = self._tables.query(self.names.control, pk, prefix='SENSOR#')\n"
        "        found = {(pk, row['SK']): row for row in rows}\n",
        trap=10,
        tests=(_STORE + "test_store_contract.py::test_only_the_named_sensors_of_the_date_are_read",),
    ),
    Mutant(
        "the event id for the sequence number",
        "interlock_dlq._batch",
        'str(body.get("SequenceNumber") or "")',
        'str(record.get("eventID") or "")',
        trap=11,
        tests=("packages/interlock-dlq/tests/test_batch.py",),
    ),
    Mutant(
        "ISO timestamps are not read",
        "interlock_rules._timestamps",
        "        moment = datetime.fromisoformat(text)\n",
        "        raise ValueError(text)\n",
        trap=12,
        tests=(_RULES + "test_timestamps.py",),
    ),
    Mutant(
        "zero is no value for drift",
        "interlock_rules._drift",
        "if before is None or after is None:",
        "if not before or not after:",
        trap=13,
        seeds=(2,),
    ),
    Mutant(
        "the events of one millisecond overwrite each other",
        _PLAN,
        "Put(names.joblog, entry_row(entry), NOTHING_THERE, LOG)",
        "Put(names.joblog, entry_row(entry), Expect(), LOG)",
        trap=14,
        tests=(_STORE + "test_store_contract.py::test_two_events_of_one_millisecond_both_survive",),
    ),
    Mutant(
        "a failed run met its SLA",
        _SLA,
        "    outcomes = met if was_met(sla.verdict) else judge(unjudged, succeeded_at, now)\n",
        "    outcomes = judge(unjudged, succeeded_at or now, now)\n",
        trap=15,
    ),
    Mutant(
        "age_gt is unknown",
        "interlock_rules._checks",
        "if rule.check in (Check.AGE_LT, Check.AGE_GT):",
        "if rule.check is Check.AGE_LT:",
        trap=16,
        tests=(_RULES + "test_checks.py",),
    ),
    Mutant(
        "row matches row-count",
        "interlock_rules._sensors",
        'return bool(pattern) and (key == pattern or key.startswith(f"{pattern}#"))',
        "return key.startswith(pattern)",
        trap=17,
        tests=(_RULES + "test_sensors.py",),
    ),
    Mutant(
        "named calendars are loaded and forgotten",
        "interlock_config._config",
        "calendars=tuple(calendars[name] for name in self.calendar_names)",
        "calendars=()",
        trap=18,
        tests=("packages/interlock-config/tests/test_calendars.py::test_named_calendars_join_the_exclusions",),
    ),
    Mutant(
        "a boolean equals itself only",
        "interlock_rules._checks",
        "value is expected or (isinstance(value, str) and value.lower() == word)",
        "value is expected",
        trap=19,
        tests=(_RULES + "test_checks.py",),
    ),
    Mutant(
        "an unreadable config stops everybody",
        "interlock_store._store",
        "    except ConfigError as error:\n        return StoredConfig(None, str(error), created_at)\n    missing",
        "    except KeyError as error:\n        return StoredConfig(None, str(error), created_at)\n    missing",
        trap=20,
    ),
    Mutant(
        "status calls without the configured headers",
        "interlock_triggers._databricks",
        '_json_api.send(call, "GET", url, headers)',
        '_json_api.send(call, "GET", url, {})',
        trap=21,
        tests=(_TRIGGERS + "test_airflow_and_databricks.py::test_the_headers_go_with_the_status_calls_too",),
    ),
    Mutant(
        "a rejected rerun hides the success",
        _RERUN,
        "[entry for entry in facts.entries if entry.event in TERMINAL_JOB_EVENTS]",
        "list(facts.entries)",
        trap=22,
        seeds=(3,),
    ),
    Mutant(
        "the future is fresh",
        "interlock_rules._checks",
        "_AHEAD_AT_MOST <=",
        "-10 * _LONGEST_AGE <=",
        trap=23,
        tests=(_RULES + "test_checks.py",),
    ),
    Mutant(
        "a repeated failure opens another attempt",
        _CLOSE,
        "    refused = _not_ours(facts.run, token)\n    if refused is not None:\n        return refused\n"
        "    run = facts.run\n    assert run is not None\n    if run.job_intent is not None",
        "    run = facts.run\n    assert run is not None\n    if run.job_intent is not None",
        trap=24,
        rate=0.1,
        seeds=(3,),
    ),
    Mutant(
        "what waits for the bus is in no index",
        "interlock_store._rows",
        '        "GSI1PK": PENDING,\n        "GSI1SK": format_time(event.timestamp),\n',
        "",
        trap=25,
        seeds=(4,),
        rate=0.1,
    ),
    Mutant(
        "a job gets the day of its start",
        "interlock_lifecycle._variables",
        "    date = key.date\n",
        "    date = type(key.date)(intent.committed_at.date())\n",
        trap=31,
        tests=(_DATES_OF_JOBS + "test_an_input_of_its_own_reaches_the_job_with_its_date",),
    ),
    Mutant(
        "a config's date replaces that of every run",
        "interlock_triggers._glue",
        "given | dates | {KEY",
        "dates | call.config.arguments | {KEY",
        trap=31,
        tests=(_DATES_OF_JOBS + "test_no_argument_of_glue_replaces_the_date_of_the_run",),
    ),
    Mutant(
        "the fence without the token",
        _PLAN,
        'return Expect(equals={"status": str(RunStatus.RUNNING), "runToken": run.run_token})',
        'return Expect(equals={"status": str(RunStatus.RUNNING)})',
        tests=(_ROAD + "test_an_aborted_execution_whose_invocation_goes_on_writes_nothing_about_the_run",),
    ),
    Mutant(
        "no breach at the close",
        _SLA,
        "    outcomes = met if was_met(sla.verdict) else judge(unjudged, succeeded_at, now)\n",
        "    outcomes = {a: b for a, b in judge(unjudged, succeeded_at, now).items() if b is Outcome.MET}\n",
        seeds=(12,),
        rate=0.1,
    ),
    Mutant(
        "the verdict row without its condition",
        _PLAN,
        "        absent=tuple(str(clock) for clock in Clock if clock not in (*judged.clocks, *judged.spoiled)),\n",
        "",
        seeds=(0,),
        rate=0.1,
    ),
    Mutant(
        "recovery drops the intent",
        "interlock_lifecycle._recover",
        "        started_token=None,\n",
        "        started_token=None,\n        job_intent=None,\n",
        rate=0.1,
        seeds=(1,),
    ),
    Mutant(
        "recovery counts the rules as held",
        "interlock_lifecycle._recover",
        "        evaluated_at=run.evaluated_at if run.job_intent else None,\n",
        "        evaluated_at=run.evaluated_at,\n",
        rate=0.1,
        seeds=(6,),
    ),
    Mutant(
        "a second rerun forgets the job that still runs",
        _RERUN,
        "before.job_intent or before.previous_job",
        "before.job_intent",
        seeds=(10,),
    ),
    Mutant(
        "a second retry forgets the job that still runs",
        _CLOSE,
        "previous_job=run.job_intent or run.previous_job,",
        "previous_job=run.job_intent,",
        seeds=(10,),
    ),
    Mutant(
        "the previous job is not asked for",
        "interlock_lifecycle._trigger",
        "    if facts.previous is not None:\n",
        "    if False:\n",
        tests=(_ROAD + "test_no_attempt_starts_a_job_beside_one_that_still_runs",),
    ),
    Mutant(
        "what was seen is compared by time alone",
        "interlock_lifecycle._accounted",
        '    return seen[sensor.key].partition("@")[0] == fingerprint(sensor.fields)\n',
        "    return True\n",
        tests=("packages/interlock-lifecycle/tests/test_accounted.py",),
    ),
    Mutant(
        "a close without its event",
        _CLOSE,
        "    events += tell_baseline(facts.baseline, run, now, source=source, ordinal=len(events))\n",
        "    events = tell_baseline(facts.baseline, run, now, source=source, ordinal=len(events))\n",
    ),
    Mutant(
        "a decision without its outbox rows",
        _PLAN,
        "isinstance(decision, CommitIntent | WithdrawIntent)",
        "isinstance(decision, CommitIntent | WithdrawIntent | MarkStarted)",
    ),
    Mutant(
        "the rerun budget counts the wrong kind",
        _RERUN,
        "(rerun.reason in OWN_REASONS) == own)",
        "(rerun.reason in OWN_REASONS) != own)",
        seeds=(9,),
    ),
    Mutant(
        "executions that broke off are left",
        "interlock_watchdog.recovery",
        "        if status not in _ENDED:",
        "        if True:",
        seeds=(4,),
        rate=0.1,
    ),
    Mutant(
        "nobody speaks for dropped timers",
        "interlock_watchdog.slas",
        "        return [one for one in found if not _is_settled(one[1], runs, verdicts)]",
        "        return []",
        timetables=(3,),
        rate=0.3,
    ),
    Mutant(
        "nobody starts what a cron's fire asks for",
        "interlock_watchdog.schedules",
        "        return due_fires(watched.expected, window)[-1:]\n",
        "        return ()\n",
        timetables=(8,),
    ),
    Mutant(
        "what was missed is not told",
        "interlock_watchdog.schedules",
        "        return due_starts(watched.expected, window, self._missed_after)\n",
        "        return ()\n",
        timetables=(5,),
    ),
    Mutant(
        "a lost start is sent again although the config forbids it",
        "interlock_lifecycle._trigger",
        "    if facts.config is None or facts.config.dry_run:\n        return _leave",
        "    if False:\n        return _leave",
        tests=(_ORCHESTRATOR + "test_a_lost_start_whose_job_is_found_is_followed_although_the_config_forbids_it",),
    ),
    Mutant(
        "a run whose job may run is closed as not started",
        "interlock_controller._outbox",
        "run.job_intent is None and (stored.config is None or stored.config.dry_run)",
        "stored.config is None or stored.config.dry_run",
        tests=(_CONTROLLER + "test_a_run_whose_job_may_have_started_is_followed_under_any_config",),
    ),
    Mutant(
        "a record gives way to one of another date",
        _ARRIVAL,
        "    return date == run_key_of(sensor, config).date\n",
        "    return True\n",
        tests=(_DESKS + "test_a_post_run_record_is_judged_although_the_next_days_row_has_taken_its_place",),
    ),
    Mutant(
        "late data is forgotten beside a request that is refused",
        _RERUN,
        "    if not facts.stands or request.reason in OWN_REASONS or not facts.unanswered:\n",
        "    if True:\n",
        tests=(_DESKS + "test_late_data_beside_a_request_that_is_refused_asks_for_itself",),
    ),
    Mutant(
        "what is said of a record is said again",
        _PLAN,
        "        writes.append(Put(names.control, mark, NOTHING_THERE, FENCE))\n",
        "        writes.append(Put(names.control, mark))\n",
        tests=(_DESKS + "test_what_was_said_of_a_post_run_record_is_not_said_otherwise_when_it_is_brought_again",),
    ),
    Mutant(
        "a deadline stays on the day on which nothing may start",
        "interlock_sla._deadlines",
        "    while dormant.holds(at):\n",
        "    while False:\n",
        trap=28,
        tests=(_LIFECYCLE + "test_excluded_days.py::test_a_deadline_moves_for_all_that_look_at_it",),
    ),
    Mutant(
        "a date on which nothing may start has a clock",
        _SLA,
        "    if exclusions.excludes(date.day):\n        return {}\n",
        "",
        trap=28,
        seeds=(15,),
    ),
    Mutant(
        "an edited calendar breaches what was before it",
        "interlock_lifecycle._terms",
        "    return in_force.get(EXCLUDED_DAYS)\n",
        "    return None\n",
        tests=(_SITUATION + "[an edit breaches no moment before it]",),
    ),
    Mutant(
        "a run seconds before its fire is no one's",
        "interlock_lifecycle._missed",
        "    early = grace + _went_back(config, fire)\n",
        "    early = timedelta()\n",
        trap=29,
        tests=(_LIFECYCLE + "test_clock_changes.py::test_a_run_of_another_date_counts_as_a_fires",),
    ),
    Mutant(
        "a late run of one fire is the next one's too",
        "interlock_lifecycle._missed",
        "    if not candidates or before is None:\n",
        "    if True:\n",
        trap=29,
        tests=(_LIFECYCLE + "test_clock_changes.py::test_a_run_of_another_date_counts_as_a_fires",),
    ),
    Mutant(
        "only the first of a doubled time counts",
        "interlock_lifecycle._expected",
        "replace(fold=1)",
        "replace(fold=0)",
        tests=(_LIFECYCLE + "test_clock_changes.py::test_a_doubled_start_is_missed_after_its_second_time",),
    ),
    Mutant(
        "the repeated hour is late data of the first",
        "interlock_lifecycle._repeated",
        "ends_at - starts_at > _ONE_HOUR and",
        "False and",
        tests=("tests/sla/test_repeated_hour.py",),
    ),
)
