"""Each known trap is put into the product once, and a seed or a test catches it."""

import logging
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from simulation.catalogue import MUTANTS, Mutant
from simulation.mutants import by_seeds, hunt
from simulation.patches import NotApplicable, applied

import interlock_rules
from interlock_rules import key_matches


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


HUNTED = MUTANTS[::14]
"""The mutants of the default run. `nox -s mutants` hunts all of them, which takes minutes."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_applies(mutant: Mutant) -> None:
    with applied(mutant):
        pass


@pytest.mark.parametrize("mutant", HUNTED, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    assert hunt(mutant) is not None, f"no seed and no test caught: {mutant.name}"


def test_a_mutant_without_a_story_is_hunted_among_timetables() -> None:
    unheard = next(found for found in MUTANTS if found.name == "the fire of a cron starts no run")
    caught = by_seeds(replace(unheard, timetables=()), most=2)
    assert caught is not None
    assert caught.by.startswith("timetable ")


def test_each_trap_has_a_mutant() -> None:
    assert {mutant.trap for mutant in MUTANTS if mutant.trap} == {*range(1, 33), 34, 35, 36}


def test_a_patch_reaches_every_import_and_is_removed() -> None:
    mutant = next(found for found in MUTANTS if found.trap == 17)
    with applied(mutant):
        assert key_matches("row", "row-count")
        assert interlock_rules.key_matches("row", "row-count")
    assert not key_matches("row", "row-count")


_KEY_MATCHES = "interlock_rules:key_matches"


@pytest.mark.parametrize(
    ("function", "old", "message"),
    [
        (_KEY_MATCHES, "no_such_name", "0 times"),
        (_KEY_MATCHES, "key", "2 times"),
        ("interlock_rules:no_such_function", "key", "nowhere"),
    ],
)
def test_a_patch_without_its_one_fragment_is_rejected(function: str, old: str, message: str) -> None:
    with pytest.raises(NotApplicable, match=message), applied(Mutant("gone", function, old, "")):
        pass


def test_a_fragment_that_does_not_change_the_code_is_rejected() -> None:
    same = Mutant("same", _KEY_MATCHES, "bool(pattern)", "bool( pattern )")
    with pytest.raises(NotApplicable, match="is the old one"), applied(same):
        pass
