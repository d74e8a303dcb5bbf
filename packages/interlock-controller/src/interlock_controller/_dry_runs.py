"""Gathers the facts for the dry run of a date."""

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_lifecycle.dryrun import DryRunFacts
from interlock_lifecycle.runs import rules_to_read
from interlock_sla import Exclusions
from interlock_store import Store


def dry_run_facts(store: Store, key: RunKey, config: PipelineConfig, exclusions: Exclusions) -> DryRunFacts:
    """The present facts of a date of a dry-run pipeline."""
    readings = store.readings(key, rules_to_read(config))
    return DryRunFacts(
        dry_run=store.dry_run(key),
        arrived_at=store.arrived_at(key),
        exclusions=exclusions,
        baseline=store.baseline(key),
        sensors=readings.rows,
        kept=readings.kept,
    )
