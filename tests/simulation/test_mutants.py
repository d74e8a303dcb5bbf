"""Each trap that others fell into is put into the product once, and somebody notices."""

import logging
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from simulation.catalogue import MUTANTS, Mutant
from simulation.mutants import NotApplicable, applied, by_seeds, hunt

import interlock_rules
from interlock_rules import key_matches


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    assert hunt(mutant) is not None, f"nobody noticed: {mutant.name}"


def test_what_no_story_meets_is_hunted_among_timetables() -> None:
    unheard = next(found for found in MUTANTS if found.name == "nobody starts what a cron's fire asks for")
    caught = by_seeds(replace(unheard, timetables=()), most=2)
    assert caught is not None
    assert caught.by.startswith("timetable ")


def test_each_trap_has_a_mutant() -> None:
    assert {mutant.trap for mutant in MUTANTS if mutant.trap} == {*range(1, 30), 31, 32}


def test_a_patch_is_seen_through_every_import_and_is_gone_afterwards() -> None:
    mutant = next(found for found in MUTANTS if found.trap == 17)
    with applied(mutant):
        assert key_matches("row", "row-count")
        assert interlock_rules.key_matches("row", "row-count")
    assert not key_matches("row", "row-count")


def test_a_patch_whose_text_is_gone_is_refused() -> None:
    gone = Mutant("gone", "interlock_rules._sensors", "no such text", "")
    with pytest.raises(NotApplicable, match="0 times"), applied(gone):
        pass
