"""Gathers the facts for the dry runs of dates."""

from collections.abc import Iterable

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_lifecycle.dryrun import DryRunFacts
from interlock_lifecycle.runs import rules_to_read
from interlock_sla import Exclusions
from interlock_store import Store


def dry_run_facts(store: Store, key: RunKey, config: PipelineConfig, exclusions: Exclusions) -> DryRunFacts:
    """The present facts of a date of a dry-run pipeline, in one request."""
    return facts_of_dry_runs(store, [key], config, exclusions)[key]


def facts_of_dry_runs(
    store: Store, keys: Iterable[RunKey], config: PipelineConfig, exclusions: Exclusions
) -> dict[RunKey, DryRunFacts]:
    """The present facts of several dates of a dry-run pipeline, in one request for up to 100 rows."""
    return {
        key: DryRunFacts(
            dry_run=date.dry_run,
            arrived_at=date.arrived_at,
            exclusions=exclusions,
            baseline=date.baseline,
            sensors=date.readings.rows,
            kept=date.readings.kept,
        )
        for key, date in store.dry_run_dates(keys, rules_to_read(config)).items()
    }
