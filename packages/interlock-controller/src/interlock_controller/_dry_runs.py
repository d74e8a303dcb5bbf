"""Gathers the facts for the dry run of a date."""

from interlock_config import PipelineConfig
from interlock_lifecycle import RunKey
from interlock_lifecycle.dryrun import ShadowFacts
from interlock_lifecycle.runs import rules_to_read
from interlock_sla import Exclusions
from interlock_store import Store


def dry_run_facts(store: Store, key: RunKey, config: PipelineConfig, exclusions: Exclusions) -> ShadowFacts:
    """The present facts of a date of a dry-run pipeline."""
    readings = store.readings(key, rules_to_read(config))
    return ShadowFacts(
        shadow=store.shadow(key),
        arrived_at=store.arrived_at(key),
        exclusions=exclusions,
        baseline=store.baseline(key),
        sensors=readings.rows,
        kept=readings.kept,
    )
